"""Which files of a relation a query need not open: none of their rows can fit its condition.

What is not understood, or not decided by the least and the greatest value in the files' footers,
keeps every file: the engine itself still applies the whole condition.
"""

from __future__ import annotations

import operator
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.data import Rows
from mesh_defs.gateway.query.nodes import dicts
from mesh_defs.gateway.reads.catalog import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa
    import pyarrow.parquet as pq

    from mesh_defs.gateway.query.nodes import Node

_COLUMNS_KEPT = 16_384
_FILES_KEPT = 64
Value = int | str | date | datetime
# Whether some value from the least to the greatest fits.
_FITS: Mapping[str, Callable[[Any, Any, Any], bool]] = {
    "COMPARE_EQUAL": lambda least, most, value: least <= value <= most,
    "COMPARE_LESSTHAN": lambda least, _, value: operator.lt(least, value),
    "COMPARE_LESSTHANOREQUALTO": lambda least, _, value: operator.le(least, value),
    "COMPARE_GREATERTHAN": lambda _, most, value: operator.gt(most, value),
    "COMPARE_GREATERTHANOREQUALTO": lambda _, most, value: operator.ge(most, value),
}
_SWAPPED = {
    "COMPARE_EQUAL": "COMPARE_EQUAL",
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?")


class Bounds:
    """The least and the greatest value of files' columns, of their footers, kept: a file of a
    version never changes. Threads may share it."""

    def __init__(self) -> None:
        self._footers: Kept[pq.FileMetaData] = Kept(_FILES_KEPT)
        self._bounds: Kept[tuple[Value, Value] | tuple[()]] = Kept(_COLUMNS_KEPT)

    def of(self, file: str, column: str) -> tuple[Value, Value] | tuple[()]:
        """The bounds of ``column``, whatever its case; nothing when they are not known, or of a
        kind that is not compared here."""
        key = (file, column.lower())
        return self._bounds.get(key, lambda: self._read(*key))

    def _read(self, file: str, column: str) -> tuple[Value, Value] | tuple[()]:
        import pyarrow.parquet as pq

        footer = self._footers.get(file, lambda: pq.read_metadata(file))
        schema = footer.schema
        paths = [schema.column(number).path.lower() for number in range(len(schema))]
        if paths.count(column) != 1 or not _comparable(schema.to_arrow_schema(), column):
            return ()
        try:
            return _bounds(footer, paths.index(column))
        except (ValueError, OverflowError):  # a date or a text that Python has not
            return ()


def narrowed(
    tree: Node, relations: Mapping[str, Rows], bounds: Bounds
) -> Iterator[tuple[str, Rows]]:
    """Those of ``relations`` of which the query ``tree`` needs fewer files, and these: at least
    one. Yields at most one: a query over one relation that is named once."""
    node = tree["statements"][0]["node"]
    if node.get("type") != "SELECT_NODE" or not node.get("where_clause"):
        return
    table = node["from_table"]
    tables = [each for each in dicts(tree) if each.get("type") == "BASE_TABLE"]
    rows = relations.get(table.get("table_name", ""))
    plain = table.get("type") == "BASE_TABLE" and not table["sample"] and not node["sample"]
    if len(tables) != 1 or rows is None or not plain or table["column_name_alias"]:
        return
    if len(rows.files) < 2 or rows != Rows.parquet(rows.files):
        return
    aliases = {str(each.get("alias", "")).lower() for each in node["select_list"]}
    wanted = [
        (column, op, value)
        for column, op, value in _comparisons(node["where_clause"])
        if column.lower() not in aliases
    ]
    files = [file for file in rows.files if _may_fit(file, wanted, bounds)]
    if len(files) < len(rows.files):
        yield table["table_name"], Rows.parquet(files or rows.files[:1])


def _may_fit(file: str, wanted: list[tuple[str, str, Node]], bounds: Bounds) -> bool:
    for column, op, constant in wanted:
        found = bounds.of(file, column)
        if not found:
            continue
        value = _value(constant, type(found[0]))
        if value is not None and not _FITS[op](*found, value):
            return False
    return True


def _comparisons(node: Node) -> Iterator[tuple[str, str, Node]]:
    """Column, comparison and constant of all that must hold of a row."""
    kind = node.get("type")
    if kind == "CONJUNCTION_AND":
        for child in node["children"]:
            yield from _comparisons(child)
    elif kind == "COMPARE_BETWEEN":
        for op, side in (("GREATERTHANOREQUALTO", "lower"), ("LESSTHANOREQUALTO", "upper")):
            if (column := _column(node["input"])) is not None:
                yield column, f"COMPARE_{op}", node[side]
    elif kind in _FITS:
        left, right = node["left"], node["right"]
        if (column := _column(left)) is not None:
            yield column, str(kind), right
        elif (column := _column(right)) is not None:
            yield column, _SWAPPED[str(kind)], left


def _column(node: Node) -> str | None:
    names = node.get("column_names") if node.get("class") == "COLUMN_REF" else None
    return str(names[0]) if names and len(names) == 1 else None


def _value(node: Node, kind: type[Value]) -> Value | None:
    """The constant that ``node`` is, as a value of ``kind``; None for anything else."""
    value = node["value"].get("value") if node.get("class") == "CONSTANT" else None
    if isinstance(value, bool) or value is None:
        return None
    if kind is int:
        whole = str(node["value"]["type"]["id"]).endswith(("INT", "INTEGER"))
        return value if whole and isinstance(value, int) else None
    if not isinstance(value, str) or node["value"]["type"]["id"] != "VARCHAR":
        return None
    if kind is str:
        return value
    return _moment(value, kind)


def _moment(value: str, kind: type[Value]) -> Value | None:
    try:
        if kind is date and _DATE.fullmatch(value):
            return date.fromisoformat(value)
        if kind is datetime and (_DATE.fullmatch(value) or _TIME.fullmatch(value)):
            return datetime.fromisoformat(value)
    except ValueError:
        return None
    return None


def _comparable(schema: pa.Schema, column: str) -> bool:
    """Whether its values are ordered here as the engine orders them: floats have NaN, and times
    with a zone depend on one."""
    import pyarrow.types as pt

    kind = next((field.type for field in schema if field.name.lower() == column), None)
    if kind is None:
        return False
    naive = pt.is_timestamp(kind) and kind.tz is None and kind.unit != "ns"
    return bool(pt.is_signed_integer(kind) or pt.is_string(kind) or pt.is_date32(kind) or naive)


def _bounds(footer: pq.FileMetaData, column: int) -> tuple[Value, Value] | tuple[()]:
    least: list[Value] = []
    most: list[Value] = []
    for number in range(footer.num_row_groups):
        chunk = footer.row_group(number).column(column)
        told = chunk.statistics
        if told is None:
            return ()
        if told.has_min_max:
            least.append(told.min)
            most.append(told.max)
        elif told.null_count != chunk.num_values:
            return ()
    return (min(least), max(most)) if least else ()
