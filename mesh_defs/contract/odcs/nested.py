"""What lies inside objects, arrays and maps: types, required, options and enumerations, as
conditions over one row.

Native values and JSON text read alike as JSON; a dialect of member access is not guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.model import TextRule
from mesh_defs.contract.odcs.builder import Property, Sentence
from mesh_defs.contract.odcs.containers import as_json, pointer
from mesh_defs.contract.odcs.dates import iso_violation
from mesh_defs.contract.odcs.nested_options import nested_conditions
from mesh_defs.contract.odcs.storage import stored_as_text
from mesh_defs.contract.odcs.values import LOGICAL_TYPES, NESTED, TEMPORAL
from mesh_defs.contract.rules import RowCondition
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

    from mesh_defs.contract.odcs.builder import Builder
    from mesh_defs.yaml_source import KeyPath

_INTEGERS = "'BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT'"
_JSON_TYPES = {
    "string": "'VARCHAR'",
    "boolean": "'BOOLEAN'",
    "integer": _INTEGERS,
    "number": f"{_INTEGERS}, 'DOUBLE'",
    "object": "'OBJECT'",
    "array": "'ARRAY'",
    "map": "'OBJECT'",
    "vector": "'ARRAY'",
}
_KEY_CASTS = {"integer": "HUGEINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
_RULES_OF_A_COLUMN = ("unique", "primaryKey", "relationships")


@dataclass(frozen=True, slots=True)
class _Spot:
    """One place inside a column: the SQL of its JSON value, and how a condition on that value
    becomes a condition on the row (through every list on the way)."""

    label: str
    path: KeyPath
    value: str
    on_row: Callable[[str], str]
    depth: int = 0

    def member(self, name: str, index: int) -> _Spot:
        value = f"json_extract({self.value}, {pointer(name)})"
        path = (*self.path, "properties", index)
        return _Spot(f"{self.label}.{name}", path, value, self.on_row, self.depth)

    def each(self, values: str, key: KeyPath, word: str) -> _Spot:
        name = f"x{self.depth}"

        def on_row(condition: str) -> str:
            found = f"list_filter({values}, lambda {name}: {condition})"
            return self.on_row(f"len({found}) > 0")

        path = (*self.path, *key)
        return _Spot(f"{self.label}.{word}", path, name, on_row, self.depth + 1)


def add_nested(builder: Builder, prop: Property) -> None:
    """Add the rules of everything below ``prop``."""
    model = prop.model
    if _misplaced(builder, model, prop.path):
        return
    spot = _Spot(prop.name, prop.path, as_json(prop.column), lambda condition: condition)
    if model.logicalType in NESTED and stored_as_text(model):
        wanted = _JSON_TYPES[model.logicalType or ""]
        _add(
            builder,
            prop,
            spot,
            "json",
            f"{quote(prop.column)} IS NOT NULL AND coalesce(json_type({spot.value}), '') "
            f"<> {wanted}",
            f"every {prop.column} JSON text of type {model.logicalType}",
        )
    _descend(builder, prop, model, spot)


def _descend(builder: Builder, prop: Property, model: SchemaProperty, spot: _Spot) -> None:
    seen: set[str] = set()
    for index, child in enumerate(model.properties or ()):
        path = (*spot.path, "properties", index)
        if not child.name or child.name in seen:
            if path not in builder.broken:
                builder.fault(
                    path,
                    found=child.name,
                    allowed="each nested property with a name of its own",
                    fix="add or change 'name:'",
                )
            continue
        seen.add(child.name)
        inner = spot.member(child.name, index)
        if child.required:
            absent = f"coalesce(json_type({spot.value}, {pointer(child.name)}), 'NULL') = 'NULL'"
            violation = spot.on_row(f"json_type({spot.value}) = 'OBJECT' AND {absent}")
            _add(builder, prop, inner, "required", violation, f"{inner.label} present everywhere")
        _inside(builder, prop, child, inner)
    if model.items is not None:
        inner = spot.each(f"json_extract({spot.value}, '$[*]')", ("items",), "items")
        if model.items.required:
            violation = inner.on_row(f"json_type({inner.value}) = 'NULL'")
            _add(builder, prop, inner, "required", violation, f"no NULL in {inner.label}")
        _inside(builder, prop, model.items, inner)
    if model.map is not None:
        _map(builder, prop, model, spot)


def _map(builder: Builder, prop: Property, model: SchemaProperty, spot: _Spot) -> None:
    if model.map is None:
        return
    if model.map.value is not None:
        values = f"json_extract({spot.value}, '$.*')"
        _inside(builder, prop, model.map.value, spot.each(values, ("map", "value"), "values"))
    if model.map.key is not None:
        keys = spot.each(f"json_keys({spot.value})", ("map", "key"), "keys")
        logical = model.map.key.logicalType
        if logical in TEMPORAL or logical in _KEY_CASTS:
            if logical in TEMPORAL:
                violation = keys.on_row(f"({iso_violation(keys.value, logical)})")
            else:
                violation = keys.on_row(f"try_cast({keys.value} AS {_KEY_CASTS[logical]}) IS NULL")
            _add(
                builder,
                prop,
                keys,
                "type",
                violation,
                f"every key of {spot.label} of type {logical}",
            )
        elif logical is not None and logical != "string":
            builder.unknown(
                (*keys.path, "logicalType"), logical, ["string", *sorted(TEMPORAL), *_KEY_CASTS]
            )


def _inside(builder: Builder, prop: Property, model: SchemaProperty, spot: _Spot) -> None:
    """The rules of a place that is not the column itself."""
    logical = model.logicalType
    if logical is not None and logical not in LOGICAL_TYPES:
        builder.unknown((*spot.path, "logicalType"), logical, LOGICAL_TYPES)
        return
    if _misplaced(builder, model, spot.path):
        return
    if logical is not None:
        wanted = _JSON_TYPES.get(logical, "'VARCHAR'")
        wrong = f"json_type({spot.value}) NOT IN ('NULL', {wanted})"
        if logical in TEMPORAL:
            text = f"json_extract_string({spot.value}, '$')"
            wrong = f"({wrong} OR ({iso_violation(text, logical)}))"
        _add(
            builder, prop, spot, "type", spot.on_row(wrong), f"every {spot.label} of type {logical}"
        )
    place = Property(spot.label, prop.column, model, spot.path)
    for found in nested_conditions(builder, place, spot.value):
        _add(builder, prop, spot, found.name, spot.on_row(f"({found.violation})"), found.expected)
    for key in _RULES_OF_A_COLUMN:
        if getattr(model, key):
            reason = (
                f"'{key}' inside a column is not run; types, 'required', options and 'enum' are"
            )
            name = f"{spot.label}.{key}"
            builder.unrunnable((*spot.path, key), name, prop.column, "conformity", reason)
    _quality(builder, prop, model, spot)
    _descend(builder, prop, model, spot)


def _quality(builder: Builder, prop: Property, model: SchemaProperty, spot: _Spot) -> None:
    for index, rule in enumerate(model.quality or ()):
        if rule.type == "text" and rule.description:
            builder.texts.append(TextRule(prop.column, f"{spot.label}: {rule.description}"))
            continue
        name = rule.id or rule.name or f"{spot.label}.quality"
        reason = "a quality rule inside a column is not run; write it as SQL on the column"
        path = (*spot.path, "quality", index)
        builder.unrunnable(path, name, prop.column, "accuracy", reason)


def _misplaced(builder: Builder, model: SchemaProperty, path: KeyPath) -> bool:
    found = False
    for key, owner in (("properties", "object"), ("items", "array"), ("map", "map")):
        if getattr(model, key) is not None and model.logicalType != owner:
            found = True
            builder.fault(
                (*path, key),
                found=Sentence(f"'{key}' on a property of type {model.logicalType}"),
                allowed=f"'{key}' only with 'logicalType: {owner}'",
                fix=f"write 'logicalType: {owner}', or remove '{key}'",
            )
    return found


def _add(
    builder: Builder, prop: Property, spot: _Spot, name: str, violation: str, expected: str
) -> None:
    builder.rules.append(
        RowCondition(
            id=builder.identify(f"{spot.label}.{name}"),
            dimension="completeness" if name == "required" else "conformity",
            column=prop.column,
            line=builder.line(spot.path),
            violation=violation,
            expected=expected,
        )
    )
