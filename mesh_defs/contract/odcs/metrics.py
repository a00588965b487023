"""Library metrics of ODCS, with the deprecated rule names of 3.0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.contract.odcs import regex
from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.odcs.rule import dimension_of, rule_id
from mesh_defs.contract.odcs.threshold import COUNT, PERCENT, read_threshold
from mesh_defs.contract.odcs.values import fits, type_text
from mesh_defs.contract.rules import Metric, Unrunnable
from mesh_defs.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from open_data_contract_standard.model import DataQuality

    from mesh_defs.contract.odcs.builder import Builder
    from mesh_defs.contract.odcs.rule import Place
    from mesh_defs.contract.rules import Unit
    from mesh_defs.contract.verdicts import Severity

MetricName = Literal["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"]

_METRICS: Mapping[str, MetricName] = {
    "nullValues": "nullValues",
    "missingValues": "missingValues",
    "invalidValues": "invalidValues",
    "duplicateValues": "duplicateValues",
    "rowCount": "rowCount",
}
_ARGUMENTS: Mapping[MetricName, tuple[str, ...]] = {
    "nullValues": (),
    "missingValues": ("missingValues",),
    "invalidValues": ("validValues", "pattern"),
    "duplicateValues": ("properties",),
    "rowCount": (),
}
_DIMENSIONS: Mapping[MetricName, str] = {
    "nullValues": "completeness",
    "missingValues": "completeness",
    "invalidValues": "conformity",
    "duplicateValues": "uniqueness",
    "rowCount": "completeness",
}


@dataclass(frozen=True, slots=True)
class _Old:
    """What a rule name of ODCS 3.0 means today; ``must_be`` where it said so by itself."""

    metric: MetricName
    must_be: float | None = None
    unit: Unit | None = None


_OLD: Mapping[str, _Old] = {
    "duplicateCount": _Old("duplicateValues"),
    "duplicatePercent": _Old("duplicateValues", unit="percent"),
    "unique": _Old("duplicateValues", must_be=0),
    "validValues": _Old("invalidValues", must_be=0),
    "invalidCount": _Old("invalidValues"),
    "invalidPercent": _Old("invalidValues", unit="percent"),
    "missingCount": _Old("missingValues"),
    "missingPercent": _Old("missingValues", unit="percent"),
    "nullCheck": _Old("nullValues", must_be=0),
    "nullCount": _Old("nullValues"),
    "nullPercent": _Old("nullValues", unit="percent"),
    "rowCount": _Old("rowCount"),
}


def add_metric(builder: Builder, rule: DataQuality, place: Place, severity: Severity) -> None:
    """Add one rule of type ``library``."""
    meaning = _meaning(builder, rule, place)
    if meaning is None:
        return
    metric = meaning.metric
    unit: Unit = "percent" if rule.unit == "percent" else meaning.unit or "rows"
    if not _belongs_here(builder, rule, place, metric):
        return
    arguments = _arguments(builder, rule, place, metric)
    domain = PERCENT if unit == "percent" else COUNT
    threshold = read_threshold(builder, place.path, rule, domain, meaning.must_be)
    dimension = dimension_of(builder, rule, place.path, _DIMENSIONS[metric])
    if threshold is None or arguments is None:
        return
    common: dict[str, Any] = {
        "id": _id(builder, rule, place, metric, arguments),
        "dimension": dimension,
        "severity": severity,
        "column": place.column,
        "description": rule.description,
        "line": builder.line(place.path),
    }
    problem = regex.unsupported(arguments["pattern"]) if "pattern" in arguments else None
    if problem is not None:
        reason = f"the regular expression {arguments['pattern']} cannot be run: {problem}"
        key = dotted((*place.path, "arguments", "pattern"))
        builder.rules.append(Unrunnable(**common, key=key, reason=reason))
        return
    if "pattern" in arguments:
        arguments["pattern"] = regex.translate(arguments["pattern"])
    builder.rules.append(
        Metric(**common, metric=metric, threshold=threshold, unit=unit, arguments=arguments)
    )


def counts_values(rule: DataQuality) -> bool:
    """Whether ``rule`` counts values one by one, or names no metric that there is."""
    word = rule.metric or rule.rule or ""
    metric = _METRICS.get(word) or (_OLD[word].metric if word in _OLD else None)
    return metric not in ("duplicateValues", "rowCount")


def _meaning(builder: Builder, rule: DataQuality, place: Place) -> _Old | None:
    if rule.metric is not None:
        if rule.metric not in _METRICS:
            builder.unknown((*place.path, "metric"), rule.metric, _METRICS)
            return None
        return _Old(_METRICS[rule.metric])
    if rule.rule is not None:
        known = {**{name: _Old(metric) for name, metric in _METRICS.items()}, **_OLD}
        if rule.rule not in known:
            builder.unknown((*place.path, "rule"), rule.rule, known)
        return known.get(rule.rule)
    builder.fault(
        place.path,
        found=Sentence("a library rule without a metric"),
        allowed=f"metric: {', '.join(_METRICS)}; or another type: sql, custom, text",
        fix="add 'metric:', or the 'type:' that the rule has",
    )
    return None


def _belongs_here(builder: Builder, rule: DataQuality, place: Place, metric: MetricName) -> bool:
    where = (*place.path, "metric" if rule.metric else "rule")
    if metric == "rowCount" and place.owner is not None:
        builder.fault(
            where,
            found=Sentence("rowCount on a property"),
            allowed=", ".join(name for name in _METRICS if name != "rowCount"),
            fix="move the rule to the 'quality' of the schema object",
        )
        return False
    if metric == "rowCount" and rule.unit == "percent":
        builder.fault(
            (*place.path, "unit"),
            found=Sentence("rowCount in percent"),
            allowed="rows",
            fix="remove 'unit', or write 'unit: rows'",
        )
        return False
    if place.owner is None and metric not in ("rowCount", "duplicateValues"):
        builder.fault(
            where,
            found=Sentence(f"{metric} on the whole object"),
            allowed="rowCount, duplicateValues",
            fix="move the rule to the 'quality' of a property",
        )
        return False
    return True


def _arguments(
    builder: Builder, rule: DataQuality, place: Place, metric: MetricName
) -> dict[str, Any] | None:
    written = dict(rule.arguments or {})
    path = (*place.path, "arguments")
    beside = builder.written(place.path).get("validValues")
    if beside is not None and metric == "invalidValues":
        written.setdefault("validValues", beside)  # ODCS 3.0 wrote it beside `rule`
    known = _ARGUMENTS[metric]
    if metric == "duplicateValues" and place.owner is not None:
        known = ()
    good = True
    for name in written:
        if name not in known:
            good = False
            if known:
                builder.unknown((*path, name), name, known)
            else:
                _no_arguments(builder, (*path, name), metric)
    if metric == "invalidValues":
        good = _check_invalid(builder, place, written) and good
    elif metric == "missingValues":
        good = _check_list(builder, place, written, "missingValues", metric) and good
    elif metric == "duplicateValues" and place.owner is None:
        good = _resolve_properties(builder, place, written) and good
    return written if good else None


def _no_arguments(builder: Builder, path: tuple[str | int, ...], metric: str) -> None:
    builder.fault(
        path,
        found=Sentence(f"an argument of {metric}"),
        allowed="no arguments here",
        fix="remove 'arguments'",
    )


def _check_invalid(builder: Builder, place: Place, written: dict[str, Any]) -> bool:
    path = (*place.path, "arguments")
    if written.get("validValues") is None and written.get("pattern") is None:
        builder.fault(
            path,
            found=Sentence("invalidValues without saying what is valid"),
            allowed="validValues (a list), pattern (a regular expression), or both",
            fix="add 'arguments:' with 'validValues: [...]' or 'pattern: ...'",
        )
        return False
    good = True
    if "validValues" in written:
        good = _check_list(builder, place, written, "validValues", "invalidValues")
    pattern = written.get("pattern", "")
    problem = regex.malformed(pattern) if isinstance(pattern, str) else "not text but another type"
    if problem is not None:
        builder.fault(
            (*path, "pattern"),
            found=pattern,
            allowed="a regular expression",
            fix=f"mend: {problem}",
        )
    return good and problem is None


def _check_list(
    builder: Builder, place: Place, written: dict[str, Any], name: str, metric: str
) -> bool:
    values = written.get(name)
    path = (*place.path, "arguments", name)
    if not isinstance(values, list) or not values:
        builder.fault(
            path,
            found=values,
            allowed=f"{metric} needs '{name}': a list of at least one value",
            fix=f"write '{name}: [...]' below 'arguments'",
        )
        return False
    logical = place.owner.model.logicalType if place.owner else None
    wrong = [v for v in values if v is not None and not fits(v, logical)]
    # What counts as missing may well be of another type ('N/A' in a column of text numbers).
    if wrong and name == "validValues":
        builder.fault(
            path,
            found=wrong[0],
            allowed=type_text(logical),
            fix="write values of the column's type",
        )
        return False
    return True


def _resolve_properties(builder: Builder, place: Place, written: dict[str, Any]) -> bool:
    names = written.get("properties")
    path = (*place.path, "arguments", "properties")
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        builder.fault(
            path,
            found=names,
            allowed="duplicateValues of an object needs 'properties': a list of property names",
            fix="write 'arguments: {properties: [...]}', or move the rule to a property",
        )
        return False
    unknown = [name for name in names if builder.column_of(name) is None]
    for name in unknown:
        builder.unknown(path, name, builder.properties)
    written["properties"] = [builder.column_of(name) for name in names]
    return not unknown


def _id(
    builder: Builder, rule: DataQuality, place: Place, metric: str, arguments: dict[str, Any]
) -> str:
    derived = metric
    if "properties" in arguments:
        derived = f"{metric}.{'_'.join(arguments['properties'])}"
    return rule_id(builder, rule, place, derived)
