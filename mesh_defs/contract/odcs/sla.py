"""Service levels: how fresh the data is and how long it is kept (``slaProperties``)."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.model import ServiceLevels, TextRule
from mesh_defs.contract.odcs.builder import SEVERITIES, Sentence, custom_value
from mesh_defs.contract.odcs.values import TEMPORAL
from mesh_defs.contract.rules import Freshness, Retention

if TYPE_CHECKING:
    from open_data_contract_standard.model import ServiceLevelAgreementProperty

    from mesh_defs.contract.odcs.builder import Builder, Property
    from mesh_defs.contract.verdicts import Severity
    from mesh_defs.yaml_source import KeyPath

_DAY = 86_400.0
_YEAR = 365.25 * _DAY
_SPELLINGS: Mapping[str, float] = {
    "s sec secs second seconds": 1.0,
    "m min mins minute minutes": 60.0,
    "h hr hrs hour hours": 3_600.0,
    "d day days": _DAY,
    "w wk wks week weeks": 7 * _DAY,
    "mo mon mth mths month months": _YEAR / 12,
    "y yr yrs year years": _YEAR,
}
UNITS = {word: seconds for words, seconds in _SPELLINGS.items() for word in words.split()}
_UNITS_TEXT = "s, min, h, d, weeks, months, y (and their usual spellings)"
# The names of the standard, its synonyms, and the one that it calls less preferred.
_KNOWN = (
    "latency",
    "freshness",
    "retention",
    "availability",
    "throughput",
    "errorRate",
    "generalAvailability",
    "endOfSupport",
    "endOfLife",
    "frequency",
    "timeOfAvailability",
    "timeToDetect",
    "timeToNotify",
    "timeToRepair",
)
_SHORT = frozenset({"ly", "re", "av", "th", "er", "ga", "es", "el", "fy", "td", "tn", "tr"})
# Names of one's own are welcome; nearer than this to a known one is a slip of the pen.
_SLIP = 0.8
_FRESHNESS = frozenset({"latency", "ly", "freshness"})
_RETENTION = frozenset({"retention", "re"})


@dataclass(slots=True)
class _Levels:
    seconds: dict[str, float] = field(default_factory=dict)
    columns: dict[str, str | None] = field(default_factory=dict)

    def tighten(self, kind: str, seconds: float, column: str | None) -> None:
        if seconds <= self.seconds.get(kind, math.inf):
            self.seconds[kind] = seconds
            self.columns[kind] = column


class Levels:
    """The service levels of every object, while ``slaProperties`` are read."""

    def __init__(self, builders: Sequence[Builder]) -> None:
        self._builders = builders
        self._levels = [_Levels() for _ in builders]

    def of(self, builder: Builder) -> ServiceLevels:
        """What was promised for one object."""
        found = next(
            levels
            for candidate, levels in zip(self._builders, self._levels, strict=True)
            if candidate is builder
        )
        return ServiceLevels(
            freshness_seconds=found.seconds.get("freshness"),
            freshness_column=found.columns.get("freshness"),
            retention_seconds=found.seconds.get("retention"),
            retention_column=found.columns.get("retention"),
        )

    def add(
        self,
        sla: ServiceLevelAgreementProperty,
        path: KeyPath,
        default_element: str | None,
    ) -> None:
        """Read one service level; what is not about the age of a column's values becomes a text,
        which is shown and not run."""
        first = self._builders[0]
        name = (sla.property or "").strip().lower()
        if not name:
            first.fault(
                path,
                found=Sentence("a service level without a property"),
                allowed="'property': latency, retention, availability, ...",
                fix="add 'property:'",
            )
            return
        meant = _misspelt(name)
        if meant is not None:
            first.fault(
                (*path, "property"),
                found=sla.property,
                allowed=f"{', '.join(_KNOWN)}, or a name of your own",
                fix=f"write '{meant}' instead of '{sla.property}'",
            )
            return
        if name not in _FRESHNESS and name not in _RETENTION:
            self._show(sla)
            return
        kind = "freshness" if name in _FRESHNESS else "retention"
        seconds = _seconds(first, sla, path)
        severity = _severity(first, sla, path)
        if seconds is None:
            return
        element = sla.element if sla.element is not None else default_element
        if element is None:
            for levels in self._levels:
                levels.tighten(kind, seconds, None)
            if kind == "retention":
                self._show(sla)
            return
        for text in element.split(","):
            self._add_element(sla, path, kind, seconds, severity, text.strip())

    def _add_element(
        self,
        sla: ServiceLevelAgreementProperty,
        path: KeyPath,
        kind: str,
        seconds: float,
        severity: Severity,
        element: str,
    ) -> None:
        where = (*path, "element") if sla.element is not None else ("slaDefaultElement",)
        found = self._find(where, element)
        if found is None:
            return
        index, prop = found
        builder = self._builders[index]
        self._levels[index].tighten(kind, seconds, prop.column if prop else None)
        if prop is None:
            if kind == "retention":  # nothing tells how old a row is
                builder.texts.append(TextRule(None, _text(sla)))
            return
        if prop.model.logicalType is not None and prop.model.logicalType not in (
            TEMPORAL - {"time"}
        ):
            builder.fault(
                where,
                found=Sentence(f"'{element}', a column of type {prop.model.logicalType}"),
                allowed="a column of type date or timestamp",
                fix="name the column that tells when a row happened",
            )
            return
        derived = f"{prop.name}.{kind}"
        rule = Freshness if kind == "freshness" else Retention
        common: dict[str, Any] = {
            "id": builder.named(sla.id, prop.name, derived)
            if sla.id
            else builder.identify(derived),
            "dimension": "timeliness",
            "severity": severity,
            "column": prop.column,
            "description": sla.description,
            "line": builder.line(path),
        }
        builder.rules.append(rule(**common, seconds=seconds))

    def _show(self, sla: ServiceLevelAgreementProperty) -> None:
        """Add the level as a text: to what it names, or to every object."""
        elements = [text.strip() for text in (sla.element or "").split(",")]
        found = [place for place in map(self._place, elements) if place is not None]
        for index, prop in found or [(index, None) for index in range(len(self._builders))]:
            column = prop.column if prop is not None else None
            self._builders[index].texts.append(TextRule(column, _text(sla)))

    def _find(self, where: KeyPath, element: str) -> tuple[int, Property | None] | None:
        found = self._place(element)
        if found is None:
            known = [f"{b.name}.{name}" for b in self._builders for name in b.properties]
            self._builders[0].unknown(where, element, known)
        return found

    def _place(self, element: str) -> tuple[int, Property | None] | None:
        owner, dot, column = element.partition(".")
        for index, builder in enumerate(self._builders):
            if builder.name == owner and not dot:
                return index, None
            if builder.name == owner and (prop := _property(builder, column)) is not None:
                return index, prop
        if len(self._builders) == 1:  # the object's name may then be left away
            alone = _property(self._builders[0], element)
            if alone is not None:
                return 0, alone
        return None


def _misspelt(name: str) -> str | None:
    """The known level that the unknown ``name`` (lower case) was meant to be; None for others."""
    known = {word.lower(): word for word in _KNOWN}
    if name in known or name in _SHORT:
        return None
    close = difflib.get_close_matches(name, known, n=1, cutoff=_SLIP)
    return known[close[0]] if close else None


def _text(sla: ServiceLevelAgreementProperty) -> str:
    value = " to ".join(str(part) for part in (sla.value, sla.valueExt) if part is not None)
    words = [part for part in (value, sla.unit) if part]
    text = f"service level {sla.property}: {' '.join(words) or 'as described'}"
    return f"{text} ({sla.description})" if sla.description else text


def _property(builder: Builder, name: str) -> Property | None:
    if name in builder.properties:
        return builder.properties[name]
    return next((p for p in builder.properties.values() if p.column == name), None)


def _seconds(builder: Builder, sla: ServiceLevelAgreementProperty, path: KeyPath) -> float | None:
    count = _positive(sla.value)
    if count is None:
        builder.fault(
            (*path, "value"),
            found=sla.value,
            allowed="a number above 0, with its unit in 'unit'",
            fix="write 'value: 24' and 'unit: h', for instance",
        )
    unit = (sla.unit or "").strip()
    if unit == "M":  # ISO 8601 writes months so, and people minutes
        builder.fault(
            (*path, "unit"), found=unit, allowed=_UNITS_TEXT, fix="write 'min' or 'months'"
        )
        return None
    if unit.lower() not in UNITS:
        builder.fault(
            (*path, "unit"),
            found=sla.unit,
            allowed=_UNITS_TEXT,
            fix="write the unit that 'value' is in",
        )
        return None
    return None if count is None else count * UNITS[unit.lower()]


def _positive(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _severity(builder: Builder, sla: ServiceLevelAgreementProperty, path: KeyPath) -> Severity:
    """Service levels have no severity in ODCS; a custom property of that name gives them one."""
    word = custom_value(sla.customProperties, "severity")
    if word is None:
        return "error"
    if not isinstance(word, str) or word not in SEVERITIES:
        builder.unknown((*path, "customProperties"), str(word), SEVERITIES)
        return "error"
    return SEVERITIES[word]
