"""Whether a column's type is the same, wider or another one, as its readers see it.

Wider is what SQL, Arrow, polars and pandas do by themselves without changing a value: more bits of
an integer, a double for a float, more digits of a decimal. Everything else is another type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mesh_defs.contract.odcs.storage import effective_type
from mesh_defs.contract.physical_types import Physical, UnknownType, parse

if TYPE_CHECKING:
    from open_data_contract_standard.model import SchemaProperty

    from mesh_defs.policy.compatibility.model import Level

Width = Literal["same", "wider", "other"]

# Bits of the values: an unsigned integer fits into a signed one of more bits. Beyond 64 bits there
# is no Parquet type, and Arrow and pandas would turn the values into floats.
_SIGNED = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}
_UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64}

# What a logical type is stored as where no physical type is written: the widest that there is.
_WIDEST = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "time": "TIME",
    "array": "LIST",
    "object": "STRUCT",
    "map": "MAP",
}


def type_text(model: SchemaProperty) -> str | None:
    """The type of a property in words, such as ``integer (SMALLINT)``; None without one."""
    logical, physical = effective_type(model), model.physicalType
    if logical and physical:
        return f"{logical} ({physical})"
    return logical or physical


def type_change(before: SchemaProperty, after: SchemaProperty) -> tuple[Level, str] | None:
    """The level of a change of type and its reason in words; None when it is the same type,
    however it is spelled."""
    old, new = effective_type(before), effective_type(after)
    if old and new and old != new:
        return "breaking", "another type: what readers do with its values means something else"
    first, second = _stored(before), _stored(after)
    if first is None and second is None:
        return None if old == new else _only_one(second is not None or new is not None)
    if first is None or second is None:
        return _only_one(second is not None)
    if isinstance(first, str) or isinstance(second, str):
        return None if first == second else ("breaking", "a type that cannot be compared")
    return _width_change(first, second)


def width(before: Physical, after: Physical) -> Width:
    """How ``after`` holds the values of ``before``. Lengths and listed values are not looked at."""
    if before.name != after.name:
        return "wider" if _wider_name(before.name, after.name) else "other"
    if before.name == "DECIMAL":
        return _decimal(before, after)
    if not before.parts or not after.parts:
        return "same" if before.parts == after.parts else _parts_written(before)
    if before.name == "STRUCT":
        return _struct(dict(before.parts), dict(after.parts))
    if len(before.parts) != len(after.parts):
        return "other"
    pairs = zip(before.parts, after.parts, strict=True)
    return _all([width(mine, theirs) for (_, mine), (_, theirs) in pairs])


def _width_change(first: Physical, second: Physical) -> tuple[Level, str] | None:
    found = width(first, second)
    if found == "same":
        return None
    if found == "wider":
        return "compatible", "wider: every value stays as it is, and engines widen by themselves"
    if width(second, first) == "wider":
        return "breaking", "narrower: values that were published do not fit any more"
    return "breaking", "another type: what readers do with its values means something else"


def _only_one(written_now: bool) -> tuple[Level, str]:
    if written_now:
        return "compatible", "stated for the first time"
    return "breaking", "no longer promised, so that any type may come"


def _stored(model: SchemaProperty) -> Physical | str | None:
    """The physical type, that of the logical one where none is written; text that nobody knows as
    it stands."""
    if model.physicalType:
        try:
            return parse(model.physicalType)
        except UnknownType:
            return model.physicalType.strip().upper()
    logical = effective_type(model)
    if logical == "timestamp" and (model.logicalTypeOptions or {}).get("timezone"):
        return Physical("TIMESTAMPTZ")
    name = _WIDEST.get(logical or "")
    return Physical(name) if name is not None else None


def _wider_name(before: str, after: str) -> bool:
    if before in _SIGNED:
        return _SIGNED.get(after, 0) > _SIGNED[before]
    if before in _UNSIGNED:
        most = max(_SIGNED.get(after, 0), _UNSIGNED.get(after, 0))
        return most > _UNSIGNED[before]
    return (before, after) == ("FLOAT", "DOUBLE")


def _decimal(before: Physical, after: Physical) -> Width:
    if not before.numbers or not after.numbers:
        return "same" if before.numbers == after.numbers else "other"
    (old, old_scale), (new, new_scale) = _digits(before), _digits(after)
    if (old, old_scale) == (new, new_scale):
        return "same"
    fits = new_scale >= old_scale and new - new_scale >= old - old_scale
    return "wider" if fits else "other"


def _digits(kind: Physical) -> tuple[int, int]:
    return kind.numbers[0], kind.numbers[1] if len(kind.numbers) > 1 else 0


def _parts_written(before: Physical) -> Width:
    """Parts stated for the first time tell readers more; parts taken back promise less."""
    return "other" if before.parts else "wider"


def _struct(before: dict[str, Physical], after: dict[str, Physical]) -> Width:
    if not set(before) <= set(after):
        return "other"
    added: list[Width] = ["wider"] if set(after) - set(before) else []
    return _all([*(width(kind, after[name]) for name, kind in before.items()), *added])


def _all(found: list[Width]) -> Width:
    if "other" in found:
        return "other"
    return "wider" if "wider" in found else "same"
