"""What lies inside objects, arrays and maps.

Types, required, options and enumerations are conditions over one row: native values and JSON text
read alike as JSON. Rules that speak of a column as a whole (uniqueness, relationships, quality) run
on the place as if it were a column, which `mesh_defs.contract.checks.inside` makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.builder import Property, Sentence
from mesh_defs.contract.odcs.dates import iso_violation
from mesh_defs.contract.odcs.keys import add_unique
from mesh_defs.contract.odcs.nested_dates import in_own_format
from mesh_defs.contract.odcs.nested_options import nested_conditions
from mesh_defs.contract.odcs.nested_physical import add_physical, add_physical_parts
from mesh_defs.contract.odcs.places import Spot, members
from mesh_defs.contract.odcs.quality import add_quality, add_quality_of_items
from mesh_defs.contract.odcs.relationships import add_property_relationships
from mesh_defs.contract.odcs.storage import effective_type
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
_ONE_VALUE_A_ROW = ("unique", "primaryKey", "relationships")


def add_nested(builder: Builder, prop: Property) -> None:
    """Add the rules of everything below ``prop``."""
    model = prop.model
    if _misplaced(builder, model, prop.path):
        return
    spot = Spot.of(prop)
    if model.logicalType in NESTED and spot.text:
        wanted = _JSON_TYPES[model.logicalType or ""]
        _add(
            builder,
            spot,
            "json",
            f"{quote(prop.column)} IS NOT NULL AND coalesce(json_type({spot.value}), '') "
            f"<> {wanted}",
            f"every {prop.column} JSON text of type {model.logicalType}",
        )
    add_physical_parts(builder, spot, model)
    _descend(builder, model, spot)


def _descend(builder: Builder, model: SchemaProperty, spot: Spot) -> None:
    named = dict(members(model))
    for index, child in enumerate(model.properties or ()):
        path = (*spot.path, "properties", index)
        if index not in named:
            if path not in builder.broken:
                builder.fault(
                    path,
                    found=child.name,
                    allowed="each nested property with a name of its own",
                    fix="add or change 'name:'",
                )
            continue
        inner = spot.child(child, index)
        if child.required:
            # Where the object itself is NULL it holds no properties, so none is missing.
            absent = f"coalesce(json_type({inner.value}), 'NULL') = 'NULL'"
            violation = spot.on_row(f"json_type({spot.value}) = 'OBJECT' AND {absent}")
            _add(builder, inner, "required", violation, f"{inner.label} present everywhere")
        _inside(builder, child, inner)
    if model.items is not None:
        inner = spot.each("items", ("items",), model.items)
        if model.items.required:
            violation = inner.on_row(f"json_type({inner.value}) = 'NULL'")
            _add(builder, inner, "required", violation, f"no NULL in {inner.label}")
        _inside(builder, model.items, inner)
    if model.map is not None:
        _map(builder, model, spot)


def _map(builder: Builder, model: SchemaProperty, spot: Spot) -> None:
    if model.map is None:
        return
    if model.map.value is not None:
        values = spot.each("values", ("map", "value"), model.map.value)
        _inside(builder, model.map.value, values)
    if model.map.key is None:
        return
    keys = spot.each("keys", ("map", "key"))
    logical = model.map.key.logicalType
    if logical in TEMPORAL or logical in _KEY_CASTS:
        if logical in TEMPORAL:
            violation = keys.on_row(f"({iso_violation(keys.value, logical)})")
        else:
            violation = keys.on_row(f"try_cast({keys.value} AS {_KEY_CASTS[logical]}) IS NULL")
        _add(builder, keys, "type", violation, f"every key of {spot.label} of type {logical}")
    elif logical is not None and logical != "string":
        known = ["string", *sorted(TEMPORAL), *_KEY_CASTS]
        builder.unknown((*keys.path, "logicalType"), logical, known)


def _inside(builder: Builder, model: SchemaProperty, spot: Spot) -> None:
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
        meant = effective_type(model)
        if meant in TEMPORAL and not in_own_format(spot, model):
            text = f"json_extract_string({spot.value}, '$')"
            wrong = f"({wrong} OR ({iso_violation(text, meant)}))"
        _add(builder, spot, "type", spot.on_row(wrong), f"every {spot.label} of type {logical}")
    add_physical(builder, spot, model)
    place = Property(spot.label, spot.column, model, spot.path)
    for found in nested_conditions(builder, place, spot):
        _add(builder, spot, found.name, spot.on_row(f"({found.violation})"), found.expected)
    if spot.in_list:
        _many_values(builder, model, spot)
    elif model.unique or model.relationships or model.quality:
        named = spot.place(builder, model)
        add_unique(builder, named)
        add_property_relationships(builder, named)
        add_quality(builder, model.quality, (*spot.path, "quality"), named)
    _descend(builder, model, spot)


def _many_values(builder: Builder, model: SchemaProperty, spot: Spot) -> None:
    """Rules of a place that has many values in one row: what counts values is run on them all."""
    for key in _ONE_VALUE_A_ROW:
        if getattr(model, key):
            reason = (
                f"'{key}' inside a list is not run: one row has many values there; "
                "make the list a port of its own, with one row for each item"
            )
            path = (*spot.path, key)
            builder.unrunnable(path, f"{spot.label}.{key}", spot.column, "conformity", reason)
    if model.quality:
        named = spot.place(builder, model)
        add_quality_of_items(builder, model.quality, (*spot.path, "quality"), named)


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


def _add(builder: Builder, spot: Spot, name: str, violation: str, expected: str) -> None:
    builder.rules.append(
        RowCondition(
            id=builder.identify(f"{spot.label}.{name}"),
            dimension="completeness" if name == "required" else "conformity",
            column=spot.column,
            line=builder.line(spot.path),
            violation=violation,
            expected=expected,
        )
    )
