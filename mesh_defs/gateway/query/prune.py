"""Which parts of a relation's files a condition can be true in, and which rows of them it is.

Of a condition only comparisons of a column with a constant are understood, of whole numbers, texts,
dates and times without a zone: there the order of Parquet's statistics, of Arrow and of the engine
is one and the same. What is not understood keeps every part, and is left to the engine.
"""

from __future__ import annotations

import operator
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.data import Rows
from mesh_defs.gateway.query.nodes import dicts
from mesh_defs.gateway.reads.catalog import Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa
    import pyarrow.parquet as pq

    from mesh_defs.gateway.query.nodes import Node

_COLUMNS_KEPT = 512
_FILES_KEPT = 8  # of a file with many row groups, what its footer says takes megabytes
Value = int | str | date | datetime
# Of each row group the least and the greatest value; None where there is none, or it is not known.
Ranges = tuple[tuple[Value, Value] | None, ...]
# Whether some value from the least to the greatest fits.
_FITS: Mapping[str, Callable[[Any, Any, Any], bool]] = {
    "COMPARE_EQUAL": lambda least, most, value: least <= value <= most,
    "COMPARE_LESSTHAN": lambda least, _, value: operator.lt(least, value),
    "COMPARE_LESSTHANOREQUALTO": lambda least, _, value: operator.le(least, value),
    "COMPARE_GREATERTHAN": lambda _, most, value: operator.gt(most, value),
    "COMPARE_GREATERTHANOREQUALTO": lambda _, most, value: operator.ge(most, value),
}
_ARROW = {
    "COMPARE_EQUAL": "equal",
    "COMPARE_LESSTHAN": "less",
    "COMPARE_LESSTHANOREQUALTO": "less_equal",
    "COMPARE_GREATERTHAN": "greater",
    "COMPARE_GREATERTHANOREQUALTO": "greater_equal",
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
_BITS = 63


@dataclass(frozen=True, slots=True)
class Comparison:
    """A ``column`` (in lower case) compared by ``op`` with a ``constant`` of DuckDB's tree."""

    column: str
    op: str
    constant: Node

    def value(self, kind: pa.DataType) -> Value | None:
        """The constant as a value of a column of that type; None where it is none, or is compared
        with it in other ways than here."""
        import pyarrow.types as pt

        if pt.is_signed_integer(kind):
            return _whole(self.constant)
        if pt.is_string(kind):
            return _text(self.constant)
        if pt.is_date32(kind):
            return _moment(self.constant, date)
        if pt.is_timestamp(kind) and kind.tz is None and kind.unit != "ns":
            return _moment(self.constant, datetime)
        return None

    def holds(self, values: pa.Array) -> pa.Array:
        """Of each of ``values``, of a type that `value` knows, whether it holds (or null)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        kind = values.type if not pa.types.is_signed_integer(values.type) else pa.int64()
        constant = pa.scalar(self.value(values.type), kind)
        return pc.call_function(_ARROW[self.op], [values, constant])


@dataclass(frozen=True, slots=True)
class _Column:
    """Its type, null where there is no one such column, `Ranges`, and whether its texts are stored
    as a dictionary. ``rising`` are all least and all greatest values where both only ever rise."""

    kind: pa.DataType
    ranges: Ranges
    coded: bool
    rising: tuple[list[Any], list[Any]] | None = None

    def among(self, op: str, value: Value) -> tuple[int, int]:
        """The first row group that may have a fitting value, and the one behind the last; of values
        that rise."""
        assert self.rising is not None  # noqa: S101  only of these
        least, most = self.rising
        first, behind = 0, len(most)
        if op in ("COMPARE_EQUAL", "COMPARE_GREATERTHANOREQUALTO"):
            first = bisect_left(most, value)
        elif op == "COMPARE_GREATERTHAN":
            first = bisect_right(most, value)
        if op in ("COMPARE_EQUAL", "COMPARE_LESSTHANOREQUALTO"):
            behind = bisect_right(least, value)
        elif op == "COMPARE_LESSTHAN":
            behind = bisect_left(least, value)
        return first, behind


@dataclass(frozen=True, slots=True)
class Some:
    """Some rows of a ``relation``: its ``columns`` (none: all) where all of ``wanted`` holds, of
    these rows ``limit`` (None: all) after ``offset``."""

    relation: str
    columns: tuple[str, ...]
    wanted: tuple[Comparison, ...]
    limit: int | None
    offset: int


class Bounds:
    """The least and the greatest value of files' columns, of their footers, kept: a file of a
    version never changes. Threads may share it."""

    def __init__(self) -> None:
        self._footers: Kept[pq.FileMetaData] = Kept(_FILES_KEPT)
        self._columns: Kept[_Column] = Kept(_COLUMNS_KEPT)

    def footer(self, file: str) -> pq.FileMetaData:
        """What ``file`` says of itself."""
        import pyarrow.parquet as pq

        return self._footers.get(file, lambda: pq.read_metadata(file))

    def coded(self, file: str, column: str) -> bool:
        """Whether ``file`` has the texts of ``column`` as a dictionary and its numbers."""
        return self._column(file, column.lower()).coded

    def fitting(self, file: str, wanted: Sequence[Comparison]) -> list[int]:
        """The row groups of ``file`` that may have rows for which all of ``wanted`` hold."""
        first, behind = 0, self.footer(file).num_row_groups
        others: list[tuple[str, Ranges, Value]] = []
        for each in wanted:
            column = self._column(file, each.column)
            value = each.value(column.kind)
            if value is not None and column.rising is not None:
                found = column.among(each.op, value)
                first, behind = max(first, found[0]), min(behind, found[1])
            elif value is not None:
                others.append((each.op, column.ranges, value))
        groups = list(range(first, behind))
        for op, ranges, value in others:
            fits = _FITS[op]
            groups = [n for n in groups if (r := ranges[n]) is None or fits(*r, value)]
        return groups

    def _column(self, file: str, name: str) -> _Column:
        return self._columns.get((file, name), lambda: _read(self.footer(file), name))


def _read(footer: pq.FileMetaData, name: str) -> _Column:
    import pyarrow as pa

    schema = footer.schema
    paths = [schema.column(number).path.lower() for number in range(len(schema))]
    kinds = [each.type for each in schema.to_arrow_schema() if each.name.lower() == name]
    if len(kinds) != 1 or paths.count(name) != 1:
        return _Column(pa.null(), (), coded=False)
    number = paths.index(name)
    coded = pa.types.is_string(kinds[0]) and footer.num_row_groups > 0
    if coded:
        written = footer.row_group(0).column(number).encodings
        coded = any("DICTIONARY" in encoding for encoding in written)
    ranges = tuple(_ranges(footer, number))
    return _Column(kinds[0], ranges, coded, _rising(ranges))


def _rising(ranges: Ranges) -> tuple[list[Any], list[Any]] | None:
    known = [each for each in ranges if each is not None]
    if len(known) < len(ranges):
        return None
    least: list[Any] = [low for low, _ in known]
    most: list[Any] = [high for _, high in known]
    rises = all(one <= two for each in (least, most) for one, two in pairwise(each))
    return (least, most) if rises else None


def comparisons(tree: Node) -> tuple[tuple[Comparison, ...], bool]:
    """What must hold of every row of the query ``tree``, as far as it is understood, and whether
    that is its whole condition."""
    node = tree["statements"][0]["node"]
    found = tuple(_conjuncts(node["where_clause"])) if node.get("where_clause") else ()
    aliases = {str(each.get("alias", "")).lower() for each in node["select_list"]}
    known = tuple(each for each in found if each is not None and each.column not in aliases)
    return known, len(known) == len(found)


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
    wanted, _ = comparisons(tree)
    files = [file for file in rows.files if bounds.fitting(file, wanted)]
    if len(files) < len(rows.files):
        yield table["table_name"], Rows.parquet(files or rows.files[:1])


def _conjuncts(node: Node) -> Iterator[Comparison | None]:
    """All that must hold of a row; None for what is not understood."""
    kind = str(node.get("type"))
    if kind == "CONJUNCTION_AND":
        for child in node["children"]:
            yield from _conjuncts(child)
    elif kind == "COMPARE_BETWEEN":
        column = _column(node["input"])
        for op, side in (("GREATERTHANOREQUALTO", "lower"), ("LESSTHANOREQUALTO", "upper")):
            yield Comparison(column, f"COMPARE_{op}", node[side]) if column is not None else None
    elif kind in _FITS:
        left, right = node["left"], node["right"]
        if (column := _column(left)) is not None:
            yield Comparison(column, kind, right)
        elif (column := _column(right)) is not None:
            yield Comparison(column, _SWAPPED[kind], left)
        else:
            yield None
    else:
        yield None


def _column(node: Node) -> str | None:
    names = node.get("column_names") if node.get("class") == "COLUMN_REF" else None
    return str(names[0]).lower() if names and len(names) == 1 else None


def _whole(node: Node) -> int | None:
    value = node["value"].get("value") if node.get("class") == "CONSTANT" else None
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >> _BITS:
        return None
    return value if str(node["value"]["type"]["id"]).endswith(("INT", "INTEGER")) else None


def _text(node: Node) -> str | None:
    value = node["value"].get("value") if node.get("class") == "CONSTANT" else None
    text = isinstance(value, str) and node["value"]["type"]["id"] == "VARCHAR"
    return value if text else None


def _moment(node: Node, kind: type[date]) -> date | None:
    """The date or time that a text is, as it is cast to one."""
    value = _text(node)
    if value is None:
        return None
    try:
        if kind is date:
            return date.fromisoformat(value) if _DATE.fullmatch(value) else None
        plain = _DATE.fullmatch(value) or _TIME.fullmatch(value)
        return datetime.fromisoformat(value) if plain else None
    except ValueError:
        return None


def _ranges(footer: pq.FileMetaData, column: int) -> Iterator[tuple[Value, Value] | None]:
    for number in range(footer.num_row_groups):
        told = footer.row_group(number).column(column).statistics
        try:
            known = told is not None and told.has_min_max
            yield (told.min, told.max) if known else None
        except (ValueError, OverflowError):  # a date or a text that Python has not
            yield None
