"""Physical types inside columns: what they are, and what they say in their brackets, as in
``STRUCT(code VARCHAR(3))``, ``VARCHAR(10)[]`` or the ``physicalType`` of a nested property."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.odcs.physical import read_type
from mesh_defs.contract.physical_types import Physical, UnknownType, parse
from mesh_defs.contract.rules import ColumnType, RowCondition
from mesh_defs.sql import literal

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

    from mesh_defs.contract.odcs.builder import Builder
    from mesh_defs.contract.odcs.places import Spot


def add_physical(builder: Builder, spot: Spot, model: SchemaProperty) -> None:
    """Add the rules of the ``physicalType`` of a nested property. Inside JSON text there are only
    JSON's own types, so that there the brackets alone are asked for."""
    if not model.physicalType:
        return
    if not spot.inside_text:
        builder.rules.append(
            ColumnType(
                id=builder.identify(f"{spot.label}.physicalType"),
                dimension="conformity",
                column=spot.place(builder, model).column,
                line=builder.line((*spot.path, "physicalType")),
                physical=model.physicalType,
            )
        )
    kind = read_type(builder, spot.path, model.physicalType)
    if kind is not None:
        _add_brackets(builder, spot, kind)
        _add_parts(builder, spot, kind)


def add_physical_parts(builder: Builder, spot: Spot, model: SchemaProperty) -> None:
    """Add the rules of what the physical type of a column says of its parts."""
    kind = _parsed(model.physicalType) if model.physicalType else None
    if kind is not None:
        _add_parts(builder, spot, kind)


def _parsed(text: str) -> Physical | None:
    try:
        return parse(text)
    except UnknownType:
        return None  # a fault of its own


def _add_parts(builder: Builder, spot: Spot, kind: Physical) -> None:
    words = ("items",) if kind.name == "LIST" else ("keys", "values")
    for index, (name, part) in enumerate(kind.parts):
        if kind.name == "STRUCT":
            inner = spot.member(name, spot.path, spot.text)
        else:
            inner = spot.each(words[index], ())
        _add_brackets(builder, inner, part)
        _add_parts(builder, inner, part)


def _add_brackets(builder: Builder, spot: Spot, kind: Physical) -> None:
    text = spot.value if spot.is_key else f"json_extract_string({spot.value}, '$')"
    if kind.name == "VARCHAR" and kind.numbers:
        violation = f"length({text}) > {kind.numbers[0]}"
        expected = f"every {spot.label} of length at most {kind.numbers[0]}"
        _add(builder, spot, "physicalType_length", violation, expected)
    elif kind.name == "BLOB" and kind.numbers:
        # JSON shows a byte that is no printable ASCII as \\xNN.
        size = f"octet_length(try_cast({text} AS BLOB))"
        expected = f"every {spot.label} of at most {kind.numbers[0]} bytes"
        _add(builder, spot, "physicalType_length", f"{size} > {kind.numbers[0]}", expected)
    if kind.values:
        listed = ", ".join(literal(value) for value in kind.values)
        expected = f"every {spot.label} one of {', '.join(kind.values)}"
        _add(builder, spot, "physicalType_values", f"{text} NOT IN ({listed})", expected)


def _add(builder: Builder, spot: Spot, name: str, violation: str, expected: str) -> None:
    builder.rules.append(
        RowCondition(
            id=builder.identify(f"{spot.label}.{name}"),
            dimension="conformity",
            column=spot.column,
            line=builder.line((*spot.path, "physicalType")),
            violation=spot.on_row(f"({violation})"),
            expected=expected,
        )
    )
