"""Quality rules: library metrics, SQL, other engines' rules and texts (ODCS, "Data Quality")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.contract.model import TextRule
from mesh_defs.contract.odcs.builder import Sentence
from mesh_defs.contract.odcs.metrics import add_metric, counts_values
from mesh_defs.contract.odcs.rule import Place, dimension_of, rule_id
from mesh_defs.contract.odcs.threshold import ANSWER, OPERATORS, read_threshold
from mesh_defs.contract.rules import Custom, Query, Unrunnable
from mesh_defs.faults import nearest
from mesh_defs.yaml_source import dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from open_data_contract_standard.model import DataQuality

    from mesh_defs.contract.odcs.builder import Builder, Property
    from mesh_defs.contract.verdicts import Severity
    from mesh_defs.yaml_source import KeyPath

TYPES = ("library", "sql", "custom", "text")
UNITS = ("rows", "percent")
# As the standard's text and its JSON Schema spell them; the value is our one name for each.
ENGINES: Mapping[str, str] = {
    "greatExpectations": "greatExpectations",
    "great-expectations": "greatExpectations",
    "great_expectations": "greatExpectations",
    "dbt": "dbt",
}
_OWN_KEYS: Mapping[str, tuple[str, ...]] = {
    "library": ("metric", "rule", "arguments", "validValues", *OPERATORS),
    "sql": ("query", *OPERATORS),
    "custom": ("engine", "implementation"),
    "text": (),
}
_STABLE_ID = re.compile(r"[A-Za-z0-9_-]+\Z")
_OBJECT = re.compile(r"\$?\{\s*(?:object|table)\s*\}")
_PROPERTY = re.compile(r"\$?\{\s*(?:property|column)\s*\}")


def add_quality(
    builder: Builder, rules: list[DataQuality] | None, path: KeyPath, owner: Property | None
) -> None:
    """Add every rule of one ``quality`` list that stands at ``path``."""
    _refuse_repeated_ids(builder, rules or [], path)
    for index, rule in enumerate(rules or ()):
        place = Place((*path, index), owner)
        if place.path not in builder.broken:
            _add_rule(builder, rule, place)


def add_quality_of_items(
    builder: Builder, rules: list[DataQuality] | None, path: KeyPath, owner: Property
) -> None:
    """As `add_quality`, for a place that has many values in one row: metrics that count values
    count all of them, and nothing else has one clear meaning there."""
    _refuse_repeated_ids(builder, rules or [], path)
    for index, rule in enumerate(rules or ()):
        place = Place((*path, index), owner)
        if place.path in builder.broken:
            continue
        kind = rule.type or "library"
        if kind not in TYPES or kind == "text" or (kind == "library" and counts_values(rule)):
            _add_rule(builder, rule, place)
            continue
        reason = (
            f"a rule of type {kind} inside a list is not run, but for nullValues, missingValues "
            "and invalidValues, which count items; write it as SQL on the whole object"
        )
        name = rule.id or rule.name or f"{owner.name}.quality"
        column = builder.places[owner.column].column
        builder.unrunnable(place.path, name, column, "accuracy", reason)


def _add_rule(builder: Builder, rule: DataQuality, place: Place) -> None:
    kind = rule.type or "library"
    if kind not in TYPES:
        builder.unknown((*place.path, "type"), kind, TYPES)
        return
    if not _own_keys_only(builder, place, kind):
        return
    if rule.unit is not None and rule.unit not in UNITS:
        builder.unknown((*place.path, "unit"), rule.unit, UNITS)
        return
    severity = builder.severity(place.path, rule.severity)
    if kind == "library":
        add_metric(builder, rule, place, severity)
    elif kind == "sql":
        _add_query(builder, rule, place, severity)
    elif kind == "custom":
        _add_custom(builder, rule, place, severity)
    else:
        _add_text(builder, rule, place)


def _add_query(builder: Builder, rule: DataQuality, place: Place, severity: Severity) -> None:
    if not (rule.query or "").strip():
        builder.fault(
            place.path,
            found=Sentence("an SQL rule without a query"),
            allowed="a query that yields one number or boolean",
            fix="add 'query: SELECT count(*) FROM {object} WHERE ...'",
        )
        return
    query = _PROPERTY.sub("{property}", _OBJECT.sub("{object}", str(rule.query)))
    if "{property}" in query and place.owner is None:
        builder.fault(
            (*place.path, "query"),
            found=Sentence("{property} in a rule of the whole object"),
            allowed="{object}, and {property} in the rules of a property",
            fix="write the column's name, or move the rule into its property",
        )
        return
    threshold = read_threshold(builder, place.path, rule, ANSWER)
    if threshold is None:
        return
    builder.rules.append(
        Query(
            id=rule_id(builder, rule, place, "sql"),
            dimension=dimension_of(builder, rule, place.path, "accuracy"),
            severity=severity,
            column=place.column,
            description=rule.description,
            line=builder.line(place.path),
            key=dotted((*place.path, "query")),
            query=query,
            threshold=threshold,
        )
    )


def _add_custom(builder: Builder, rule: DataQuality, place: Place, severity: Severity) -> None:
    missing = [name for name in ("engine", "implementation") if not getattr(rule, name)]
    for name in missing:
        builder.fault(
            place.path,
            found=Sentence(f"a custom rule without {name}"),
            allowed=f"'engine' ({', '.join(sorted(set(ENGINES.values())))}) and 'implementation'",
            fix=f"add '{name}:'",
        )
    if missing or rule.engine is None or rule.implementation is None:
        return
    engine = ENGINES.get(rule.engine)
    name = rule_id(builder, rule, place, engine or rule.engine)
    dimension = dimension_of(builder, rule, place.path, "accuracy")
    line = builder.line(place.path)
    if engine is None:
        known = " and ".join(sorted(set(ENGINES.values())))
        builder.rules.append(
            Unrunnable(
                id=name,
                dimension=dimension,
                severity=severity,
                column=place.column,
                description=rule.description,
                line=line,
                key=dotted((*place.path, "engine")),
                reason=f"the engine '{rule.engine}' cannot be run here; {known} can",
                allowed=", ".join(sorted(set(ENGINES.values()))),
                fix=_engine_fix(rule.engine),
            )
        )
        return
    builder.rules.append(
        Custom(
            id=name,
            dimension=dimension,
            severity=severity,
            column=place.column,
            description=rule.description,
            line=line,
            key=dotted(place.path),
            engine=engine,
            implementation=rule.implementation,
        )
    )


def _engine_fix(engine: str) -> str:
    close = nearest(engine, ENGINES)
    if close is not None:
        return f"write 'engine: {ENGINES[close]}'"
    return "write the rule as type sql or library, or for an engine that can be run"


def _add_text(builder: Builder, rule: DataQuality, place: Place) -> None:
    text = rule.description or rule.name
    if not text:
        builder.fault(
            place.path,
            found=Sentence("a text rule without a text"),
            allowed="'description' with the rule in words",
            fix="add 'description:'",
        )
        return
    dimension_of(builder, rule, place.path, "accuracy")
    builder.texts.append(TextRule(place.column, text))


def _own_keys_only(builder: Builder, place: Place, kind: str) -> bool:
    foreign = {key for keys in _OWN_KEYS.values() for key in keys} - set(_OWN_KEYS[kind])
    written = builder.written(place.path)
    wrong = [key for key in written if key in foreign and written[key] is not None]
    for key in wrong:
        owners = [name for name, keys in _OWN_KEYS.items() if key in keys]
        kinds = " or ".join(owners)
        builder.fault(
            (*place.path, key),
            found=Sentence(f"'{key}' in a rule of type {kind}"),
            allowed=", ".join(_OWN_KEYS[kind]) or "only what all rules have, such as description",
            fix=f"remove '{key}', or write 'type: {owners[0]}' ('{key}' belongs to {kinds})",
        )
    return not wrong


def _refuse_repeated_ids(builder: Builder, rules: list[DataQuality], path: KeyPath) -> None:
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        where = (*path, index, "id")
        if rule.id is None:
            continue
        if not _STABLE_ID.match(rule.id):
            builder.fault(
                where,
                found=rule.id,
                allowed="letters, digits, '_' and '-'",
                fix="write an id of these characters",
            )
        if rule.id in seen:
            builder.fault(
                where,
                found=Sentence(f"the id '{rule.id}' twice in one list"),
                allowed="each id once",
                fix="rename one of the two",
            )
        seen.add(rule.id)
