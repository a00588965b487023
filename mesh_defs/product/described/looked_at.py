"""The rows that a profile is made of: all of a small port, of a large one the same few thousand
each time, from places all over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mesh_defs.contract.physical_types import NUMBERS, TIMESTAMPS
from mesh_defs.sql import file_list, quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.contract.checks.table import Table
    from mesh_defs.contract.physical_types import Physical

# Ports of at most so many rows are looked at whole.
WHOLE_ROWS = 100_000
# Of larger ones so many rows are looked at, in so many places.
SOME_ROWS = 50_000
PLACES = 8
LONGEST = 120

_TEXTS = frozenset({"VARCHAR", "JSON", "UUID", "TIME", "TIMETZ", "INTERVAL", "BIT"})
_PLAIN = NUMBERS | TIMESTAMPS | _TEXTS | {"DATE", "BOOLEAN"}
_ROW_NUMBER = "file_row_number"


class Piece(NamedTuple):
    """Rows of one file: from ``start`` (counted in that file) up to ``end``."""

    file: int
    start: int
    end: int


def is_plain(kind: Physical) -> bool:
    """Whether values of that type can be told one by one: no lists, objects, bytes."""
    return kind.name in _PLAIN


def looked_at(table: Table, names: Sequence[str], into: str) -> int:
    """Make the temporary table ``into`` (a quoted name) with the rows that are looked at, of the
    columns ``names``; how many there are. Long texts are cut, with a digest that keeps them apart.
    Raises `duckdb.Error`."""
    listed = [f"{_value(name, table.columns[name])} AS {quote(name)}" for name in names]
    columns = ", ".join(listed) or "1 AS nothing"
    table.connection.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS {_query(table, columns)}")
    counted = table.connection.execute(f"SELECT count(*) FROM {into}").fetchone()
    return int(counted[0]) if counted else 0


def cut(text: str) -> str:
    """``text`` as it is told: at most `LONGEST` characters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def places(groups: Sequence[Piece], rows: int) -> list[Piece]:
    """Where to look at ``rows`` of the row groups ``groups``: `PLACES` pieces at even distances. A
    group that is small is read from its start, which costs the least."""
    total = sum(group.end - group.start for group in groups)
    each, found, before, group = rows // PLACES, [], 0, iter(groups)
    current = next(group, None)
    for place in range(PLACES):
        at = (2 * place + 1) * total // (2 * PLACES)
        while current is not None and before + current.end - current.start <= at:
            before += current.end - current.start
            current = next(group, None)
        if current is None:
            break
        small = (current.end - current.start) * PLACES <= total
        start = current.start if small else current.start + at - before
        found.append(Piece(current.file, start, min(start + each, current.end)))
    return found


def _value(name: str, kind: Physical) -> str:
    column = quote(name)
    if kind.name not in _TEXTS:
        return column
    text = column if kind.name == "VARCHAR" else f"{column}::VARCHAR"
    return (
        f"CASE WHEN length({text}) <= {LONGEST} THEN {text}"
        f" ELSE left({text}, {LONGEST}) || '…' || md5({text}) END"
    )


def _query(table: Table, columns: str) -> str:
    statistics, files = table.statistics, table.rows.files
    if statistics is None or table.count <= WHOLE_ROWS:
        return f"SELECT {columns} FROM {table.sql}" + (
            "" if statistics is not None else f" LIMIT {WHOLE_ROWS}"
        )
    if any(name.lower() == _ROW_NUMBER for name in table.columns):
        # Rows cannot be counted where a column has the number's name.
        return f"SELECT {columns} FROM {table.sql} LIMIT {SOME_ROWS}"
    groups = [Piece(*group) for group in statistics.row_groups()]
    parts = [
        f"(SELECT {columns} FROM read_parquet({file_list([files[piece.file]])},"
        f" hive_partitioning = false, {_ROW_NUMBER} = true) WHERE {_ROW_NUMBER} >= {piece.start}"
        f" AND {_ROW_NUMBER} < {piece.end} LIMIT {piece.end - piece.start})"
        for piece in places(groups, SOME_ROWS)
    ]
    return " UNION ALL ".join(parts)
