"""What a profile counts: missing values, sums of numbers, and how often values occur.

Columns of few values are grouped by the codes of their dictionaries, which DuckDB does some three
times as fast as it adds them up (measured on 10 million rows); all others share one scan.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mesh_defs.contract.physical_types import FLOATS
from mesh_defs.sql import file_list, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mesh_defs.contract.checks.table import Table

    Moments = tuple[float | None, float | None]
    Shares = tuple[Mapping[str, float], float]

# More values than this are not listed, nor are those with a smaller share.
MAX_CATEGORIES = 50
_LEAST_SHARE = 0.005
# Below this many rows a query more costs more than it saves.
_MANY_ROWS = 200_000
# Of a column that has many values in many rows, so many rows are looked at, in so many places.
_SAMPLE = 48_000
_PLACES = 8
_FIRST = 2_048
_ROW_NUMBER = "file_row_number"


def nulls(table: Table) -> dict[str, int]:
    """How many rows have NULL in each column; one scan over those of which no footer tells."""
    statistics = table.statistics
    known: dict[str, int] = {}
    for name in table.columns:
        counted = statistics.nulls(name) if statistics is not None else None
        if counted is not None:
            known[name] = counted
    asked = [name for name in table.columns if name not in known]
    counts = _row(table, [f"count(*) - count({quote(name)})" for name in asked])
    return {**known, **{name: int(n or 0) for name, n in zip(asked, counts, strict=True)}}


def moments(table: Table, names: Sequence[str]) -> dict[str, Moments]:
    """Mean and standard deviation (of the population) of the finite values of columns of numbers;
    None where there is none, or where it is beyond what a double holds."""
    few = [name for name in names if _few_values(table, name) and _many_rows(table)]
    rest = [name for name in names if name not in few]
    shifts = dict(zip(names, _near(table, names), strict=True))
    found = {name: _grouped(table, name, shifts[name]) for name in few}
    found.update(_added(table, rest, shifts, finite=False))
    # NaN and infinity are rare, so that only columns which have some pay for leaving them out.
    endless = [
        n
        for n in rest
        if table.columns[n].name in FLOATS and not all(map(math.isfinite, found[n][:2]))
    ]
    found.update(_added(table, endless, shifts, finite=True))
    return {name: _moments(sums, shifts[name]) for name, sums in found.items()}


def _near(table: Table, names: Sequence[str]) -> list[float]:
    """A number near the values of each column. What is subtracted before squares are summed keeps
    the digits that a large mean would swallow (Chan, Golub, LeVeque: Algorithms for Computing the
    Sample Variance, 1983)."""
    means = [f"avg({_number(table, name, finite=True)})" for name in names]
    found = _row(table, means, f"(SELECT * FROM {table.sql} LIMIT {_FIRST})")
    return [value if value is not None and math.isfinite(value) else 0.0 for value in found]


def _number(table: Table, name: str, *, finite: bool) -> str:
    value = f"{quote(name)}::DOUBLE"
    if finite and table.columns[name].name in FLOATS:
        return f"CASE WHEN isfinite({value}) THEN {value} END"
    return value


def _added(
    table: Table, names: Sequence[str], shifts: Mapping[str, float], *, finite: bool
) -> dict[str, tuple[float, float, float]]:
    """Sum, sum of squares and count of what is left of each column after its shift."""
    columns = ", ".join(
        f"{_number(table, n, finite=finite)} - {shifts[n]!r}::DOUBLE AS {quote(n)}" for n in names
    )
    sums = [
        part
        for n in map(quote, names)
        for part in (f"sum({n})", f"sum({n} * {n})", f"count({n})::DOUBLE")
    ]
    found = _row(table, sums, f"(SELECT {columns} FROM {table.sql})")
    values = [float(value or 0) for value in found]
    return {n: (values[3 * i], values[3 * i + 1], values[3 * i + 2]) for i, n in enumerate(names)}


def _grouped(table: Table, name: str, shift: float) -> tuple[float, float, float]:
    """As `_added`, for one column of few values."""
    found = _row(
        table,
        ["sum(n * x)", "sum(n * x * x)", "sum(n)::DOUBLE"],
        f"(SELECT n, CASE WHEN isfinite(value::DOUBLE) THEN value::DOUBLE - {shift!r}::DOUBLE END"
        f" AS x FROM ({_counted(name, table.sql)})) WHERE x IS NOT NULL",
    )
    first, second, count = (float(value or 0) for value in found)
    return first, second, count


def _moments(sums: tuple[float, float, float], shift: float) -> Moments:
    first, second, count = sums
    if not count:
        return None, None
    mean = first / count
    variance = second / count - mean * mean
    deviation = math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else None
    return (mean + shift if math.isfinite(mean + shift) else None), deviation


def categories(table: Table, names: Iterable[str], key: str) -> dict[str, Shares]:
    """For each column that has any value the shares of its most frequent values, by the first
    digits of the SHA-256 of ``key`` (of one length always) and the value, and the largest share of
    a value that is not listed.

    A column of many values in many rows is sampled; it is only asked whether any value of it has
    a share worth speaking of.
    """
    found: dict[str, Shares] = {}
    for name in names:
        shares = _shares(table, name, looked_at(table, name), key)
        if shares:
            listed = [pair for pair in shares[:MAX_CATEGORIES] if pair[1] >= _LEAST_SHARE]
            other = shares[len(listed)][1] if len(shares) > len(listed) else 0.0
            found[name] = dict(listed), other
    return found


def looked_at(table: Table, name: str) -> str:
    """The rows of which the values of ``name`` are looked at: all, or some from places all over."""
    whole = not _many_rows(table) or _few_values(table, name) or _numbered(table)
    return table.sql if whole else _sampled(table, name)


def _shares(table: Table, name: str, source: str, key: str) -> list[tuple[str, float]]:
    first = (
        f"SELECT value, n, sum(n) OVER () AS total FROM ({_counted(name, source)})"
        f" WHERE value IS NOT NULL ORDER BY n DESC, value LIMIT {MAX_CATEGORIES + 1}"
    )
    found = table.connection.execute(
        f"SELECT left(sha256(? || value::VARCHAR), 12), round(n / total, 6) FROM ({first})"
        " ORDER BY n DESC, value",
        [key],
    ).fetchall()
    return [(str(digest), float(share)) for digest, share in found]


def _counted(name: str, source: str) -> str:
    """A query for each ``value`` of the column with the number ``n`` of its rows."""
    values = f"SELECT {quote(name)} AS value FROM {source}"
    return f"SELECT value, count(*) AS n FROM ({values}) GROUP BY value"


def _sampled(table: Table, name: str) -> str:
    """Rows of ``name`` from places all over the files, found by number so that most row groups are
    not read."""
    files = table.rows.files
    apart, length = (max(1, n // len(files) // _PLACES) for n in (table.count, _SAMPLE))
    relation = f"read_parquet({file_list(files)}, hive_partitioning = false, {_ROW_NUMBER} = true)"
    places = (
        f"SELECT {quote(name)} FROM {relation}"
        f" WHERE {_ROW_NUMBER} >= {at * apart} AND {_ROW_NUMBER} < {at * apart + length}"
        for at in range(_PLACES)
    )
    return f"({' UNION ALL '.join(places)})"


def _numbered(table: Table) -> bool:
    """Whether the data has a column of the name that DuckDB gives to numbers of rows."""
    return any(name.lower() == _ROW_NUMBER for name in table.columns)


def _many_rows(table: Table) -> bool:
    return table.statistics is not None and table.count >= _MANY_ROWS


def _few_values(table: Table, name: str) -> bool:
    return table.statistics is not None and table.statistics.few_values(name)


def _row(
    table: Table, expressions: Sequence[str], source: str | None = None
) -> Sequence[float | None]:
    """The one row of aggregates over ``source`` (default: the table)."""
    if not expressions:
        return ()
    query = f"SELECT {', '.join(expressions)} FROM {source or table.sql}"
    return table.connection.execute(query).fetchone() or ()
