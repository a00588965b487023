"""Promises about time and service: freshness, retention and the other service levels of ODCS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.contract.describe import duration_text
from mesh_defs.contract.odcs.sla import UNITS
from mesh_defs.policy.compatibility.model import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from open_data_contract_standard.model import ServiceLevelAgreementProperty

    from mesh_defs.contract.model import ServiceLevels
    from mesh_defs.policy.compatibility.model import Level, PortInterface

# The standard's names with their abbreviations, and which values promise more.
_HIGHER = {"av": "availability", "th": "throughput"}
_LOWER = {
    "er": "errorrate",
    "fy": "frequency",
    "td": "timetodetect",
    "tn": "timetonotify",
    "tr": "timetorepair",
}
_LATER = {"es": "endofsupport", "el": "endoflife"}
_EARLIER = {"ga": "generalavailability", "tm": "timeofavailability"}
_FULL = {**_HIGHER, **_LOWER, **_LATER, **_EARLIER}
_READ_ELSEWHERE = frozenset({"freshness", "latency", "ly", "retention", "re"})
_WEAKER = "weaker than what was promised"
_STRICTER = "stricter: what readers rely on still holds"


def level_changes(
    before: PortInterface, after: PortInterface, renamed: Mapping[str, str]
) -> Iterator[Change]:
    """Changes of the service levels of a port, in which columns were ``renamed``."""
    levels = before.promise.service_levels
    fresh, kept = levels.freshness_column or "", levels.retention_column or ""
    old = replace(
        levels,
        freshness_column=renamed.get(fresh, fresh) or None,
        retention_column=renamed.get(kept, kept) or None,
    )
    yield from _freshness(old, after.promise.service_levels)
    yield from _retention(old, after.promise.service_levels)
    yield from _other_levels(before, after)


def _other_levels(before: PortInterface, after: PortInterface) -> Iterator[Change]:
    old, new = _others(before), _others(after)
    for key in sorted({*old, *new}):
        one, other = old.get(key), new.get(key)
        first, second = _text(one), _text(other)
        if first != second:
            level, reason = _other_change(one, other)
            yield Change("service level", None, first, second, level, reason)


def _freshness(old: ServiceLevels, new: ServiceLevels) -> Iterator[Change]:
    return _promised_time(
        "freshness",
        (old.freshness_seconds, old.freshness_column),
        (new.freshness_seconds, new.freshness_column),
        gone="readers may get data of any age",
        moved="another column tells the time, so that it is another promise",
        longer="readers may get older data",
        shorter=("compatible", "readers get newer data"),
    )


def _retention(old: ServiceLevels, new: ServiceLevels) -> Iterator[Change]:
    return _promised_time(
        "retention",
        (old.retention_seconds, old.retention_column),
        (new.retention_seconds, new.retention_column),
        gone="rows may be kept for ever",
        moved="another column tells the age, so that other rows go",
        longer="rows are kept longer than was promised",
        shorter=("breaking", "rows that readers find now go earlier"),
    )


def _promised_time(
    name: str,
    old: tuple[float | None, str | None],
    new: tuple[float | None, str | None],
    *,
    gone: str,
    moved: str,
    longer: str,
    shorter: tuple[Level, str],
) -> Iterator[Change]:
    """The change of a promise of seconds by a column, with the reason that fits it."""
    (one, column), (other, new_column) = old, new
    first, second = _age(one, column), _age(other, new_column)
    if first == second:
        return
    level: Level = "breaking"
    if other is None:
        reason = gone
    elif one is None:
        level, reason = "compatible", "promised for the first time"
    elif column != new_column:
        reason = moved
    elif other > one:
        reason = longer
    else:
        level, reason = shorter
    yield _level(name, first, second, level, reason)


def _level(name: str, before: str | None, after: str | None, level: Level, reason: str) -> Change:
    first = f"{name} {before}" if before is not None else None
    second = f"{name} {after}" if after is not None else None
    return Change("service level", None, first, second, level, reason)


def _age(seconds: float | None, column: str | None) -> str | None:
    if seconds is None:
        return None
    return duration_text(seconds) + (f" by {column}" if column is not None else "")


def _others(port: PortInterface) -> dict[str, ServiceLevelAgreementProperty]:
    """The service levels that are about this port, but for those read elsewhere, by a key that
    tells them apart."""
    found: dict[str, ServiceLevelAgreementProperty] = {}
    for level in port.contract.document.slaProperties or ():
        name = (level.property or "").strip().lower()
        if name in _READ_ELSEWHERE or not _about(level, port):
            continue
        key = f"{_FULL.get(name, name)} {level.element or ''} {level.driver or ''}".strip()
        while key in found:
            key += "'"
        found[key] = level
    return found


def _about(level: ServiceLevelAgreementProperty, port: PortInterface) -> bool:
    names = {other.name for other in port.contract.ports} - {port.promise.name}
    owners = {text.strip().partition(".")[0] for text in (level.element or "").split(",")}
    return not owners or not owners <= names


def _text(level: ServiceLevelAgreementProperty | None) -> str | None:
    if level is None:
        return None
    parts = (level.property, level.element, level.value, level.valueExt, level.unit)
    return " ".join(str(part) for part in parts if part is not None)


def _other_change(
    before: ServiceLevelAgreementProperty | None, after: ServiceLevelAgreementProperty | None
) -> tuple[Level, str]:
    if after is None:
        return "breaking", "not promised any more"
    if before is None:
        return "compatible", "promised for the first time"
    name = (after.property or "").strip().lower()
    full = _FULL.get(name, name)
    order = _order(before, after)
    if order is None or full not in _FULL.values():
        return "breaking", "whether it promises less cannot be told"
    more = order > 0 if full in (*_HIGHER.values(), *_LATER.values()) else order < 0
    return ("compatible", _STRICTER) if more else ("breaking", _WEAKER)


def _order(
    before: ServiceLevelAgreementProperty, after: ServiceLevelAgreementProperty
) -> int | None:
    """Below 0 when the value after is lower, above when it is higher; None when that cannot be
    told."""
    if before.valueExt != after.valueExt:
        return None
    first, second = _measured(before), _measured(after)
    if isinstance(first, float) and isinstance(second, float):
        return (second > first) - (second < first) or None
    if isinstance(first, str) and isinstance(second, str):
        return (second > first) - (second < first) or None
    return None


def _measured(level: ServiceLevelAgreementProperty) -> float | str | None:
    """The value as a number, in seconds where its unit is one of time; a date as its text."""
    value = level.value
    if isinstance(value, bool) or value is None:
        return None
    unit = (level.unit or "").strip().lower()
    try:
        number = float(value)
    except ValueError:
        return str(value) if len(str(value)) >= len("2026-01-01") else None
    return number * UNITS.get(unit, 1.0)
