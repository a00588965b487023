"""Ways into columns: SQL for a place inside one, whether the data has it as a struct, a list, a map
or JSON text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.compile import kind_of
from mesh_defs.contract.checks.findings import CannotRun
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.model import Inside
    from mesh_defs.contract.physical_types import Physical

_TEXT = frozenset({"VARCHAR", "JSON"})
_CASTS = {
    "integer": "HUGEINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
}
_CONTAINERS = frozenset({"object", "array", "map", "vector"})
_VALUE = quote("value inside")


@dataclass(frozen=True, slots=True)
class _At:
    """Somewhere on the way: SQL for the value, the rows that it is read from (after FROM), and its
    type, None for JSON."""

    value: str
    rows: str
    kind: Physical | None


def value_of(inside: Inside, columns: Mapping[str, Physical]) -> str:
    """SQL over one row for the value of a place that lies in no list; NULL where one of the objects
    on the way is. Raises `CannotRun` when the data has no such place."""
    return _last(inside, _walk(inside, columns, ""))


def rows_of(inside: Inside, columns: Mapping[str, Physical], rows: str) -> str:
    """A relation of one column, named as ``inside``, with one row for each value in the lists of
    ``rows``. Raises `CannotRun` when the data has no such place."""
    at = _walk(inside, columns, rows)
    return f"(SELECT {_last(inside, at)} AS {quote(inside.name)} FROM {at.rows})"


def _walk(inside: Inside, columns: Mapping[str, Physical], rows: str) -> _At:
    at = _At(quote(inside.column), rows, kind_of(inside.column, columns))
    for step, name in inside.steps:
        if at.kind is not None and at.kind.name in _TEXT:
            at = _At(f"TRY_CAST({at.value} AS JSON)", at.rows, None)
        at = _member(inside, at, name) if step == "member" else _each(inside, at, step)
    return at


def _member(inside: Inside, at: _At, name: str) -> _At:
    if at.kind is None:
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        return _At(f"json_extract({at.value}, {literal(pointer)})", at.rows, None)
    if at.kind.name == "STRUCT":
        for field, kind in at.kind.parts:
            if field.lower() == name.lower():
                return _At(f"struct_extract({at.value}, {literal(field)})", at.rows, kind)
    if at.kind.name == "MAP" and at.kind.parts:
        value = f"map_extract_value({at.value}, {literal(name)})"
        return _At(value, at.rows, at.kind.parts[1][1])
    raise CannotRun(f"the data has no {inside.name}: '{name}' is missing in {_spelled(at.kind)}")


def _each(inside: Inside, at: _At, step: str) -> _At:
    if at.kind is None:
        lists = {
            "items": f"json_extract({at.value}, '$[*]')",
            "values": f"json_extract({at.value}, '$.*')",
            "keys": f"CAST(json_keys({at.value}) AS JSON[])",
        }
        return _unnested(lists[step], at.rows, None)
    if step == "items" and at.kind.name == "LIST" and at.kind.parts:
        return _unnested(at.value, at.rows, at.kind.parts[0][1])
    if step != "items" and at.kind.name == "MAP" and at.kind.parts:
        kind = at.kind.parts[step == "values"][1]
        return _unnested(f"map_{step}({at.value})", at.rows, kind)
    raise CannotRun(f"the data has no {inside.name}: there are no {step} in {_spelled(at.kind)}")


def _unnested(values: str, rows: str, kind: Physical | None) -> _At:
    return _At(_VALUE, f"(SELECT unnest({values}) AS {_VALUE} FROM {rows})", kind)


def _last(inside: Inside, at: _At) -> str:
    """The value itself; JSON as what its logical type says."""
    if at.kind is not None:
        return at.value
    if inside.logical in _CONTAINERS:
        return f"CASE WHEN json_type({at.value}) <> 'NULL' THEN {at.value} END"
    text = f"json_extract_string({at.value}, '$')"
    cast = _CASTS.get(inside.logical or "")
    # In JSON text a date is text, of whatever form; the rules of its form look after that.
    if cast is None or (inside.text and inside.logical in ("date", "time", "timestamp")):
        return text
    return f"TRY_CAST({text} AS {cast})"


def _spelled(kind: Physical) -> str:
    names = ", ".join(name for name, _ in kind.parts) if kind.name == "STRUCT" else ""
    return f"{kind.name} of {names}" if names else kind.name
