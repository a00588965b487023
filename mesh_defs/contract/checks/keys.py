"""Uniqueness: the cheapest proof first, an exact count when there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.checks.compile import kind_of
from mesh_defs.contract.checks.findings import Failing, Finding
from mesh_defs.contract.physical_types import INTEGERS
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.contract.checks.table import Table
    from mesh_defs.contract.rules import Unique

# One bit per possible value is worth it while the values lie this close together on average.
_BITS_PER_ROW = 16
_MAX_BITS = 1 << 30
_WIDER = {"TINYINT": "INTEGER", "SMALLINT": "INTEGER"}
# Below this an exact count is as fast as any proof.
_WORTH_A_PROOF = 50_000
_SHOWN_KEYS = 20


def check_unique(rule: Unique, added: Table, whole: Table, kept: Table | None) -> Finding:
    """Whether ``rule`` holds for all rows of ``whole``.

    ``kept`` is given when its rows were verified before, so that it is enough that ``added`` is
    unique in itself and shares no key with them. Raises `CannotRun` and `duckdb.Error`.
    """
    for column in rule.columns:
        kind_of(column, whole.columns)
    nulls = _null_rows(whole, rule.columns) if rule.primary_key else 0
    if nulls == 0 and _proved(rule.columns, added, whole, kept):
        return _finding(rule, whole, 0)
    return _finding(rule, whole, nulls + shared_rows(whole, rule.columns))


def shared_rows(table: Table, columns: Sequence[str]) -> int:
    """How many rows share their values in ``columns`` with another row; a row with a NULL in one
    of them shares nothing (SQL's UNIQUE)."""
    names = ", ".join(quote(column) for column in columns)
    found = table.connection.execute(
        f"SELECT sum(n)::BIGINT FROM (SELECT count(*) AS n FROM {table.sql}"
        f" WHERE {_complete(columns)} GROUP BY {names} HAVING count(*) > 1)"
    ).fetchone()
    return int(found[0] or 0) if found else 0


def failing_rows(table: Table, columns: Sequence[str], *, nulls: bool) -> Failing:
    """The rows that share their key with another row, and with ``nulls`` those without a key."""
    names = ", ".join(quote(column) for column in columns)
    same = " AND ".join(f"twice.{quote(column)} = this.{quote(column)}" for column in columns)
    condition = (
        f"EXISTS (SELECT 1 FROM (SELECT {names} FROM {table.sql} WHERE {_complete(columns)}"
        f" GROUP BY {names} HAVING count(*) > 1 ORDER BY {names} LIMIT {_SHOWN_KEYS}) AS twice"
        f" WHERE {same})"
    )
    if nulls:
        condition += "".join(f" OR this.{quote(column)} IS NULL" for column in columns)
    return Failing(table.sql, condition, tuple(columns))


def proved_unique(table: Table, columns: Sequence[str]) -> bool:
    """Whether a cheap proof shows that no two rows of ``table`` share their key. False when there
    is none, which does not mean that there are duplicates. Raises `duckdb.Error`."""
    statistics = table.statistics
    if statistics is None or statistics.rows < _WORTH_A_PROOF:
        return _hashes_differ(table, columns)
    if len(columns) == 1:
        if statistics.arrives_sorted(columns[0]) and _strictly_rises(table, columns[0]):
            return True
        dense = _one_bit_each(table, columns[0])
        if dense is not None:
            return dense
    return _hashes_differ(table, columns)


def _proved(columns: Sequence[str], added: Table, whole: Table, kept: Table | None) -> bool:
    if kept is None:
        return proved_unique(whole, columns)
    return proved_unique(added, columns) and (
        _apart(added, kept, columns) or not _meet(added, kept, columns)
    )


def _finding(rule: Unique, whole: Table, failing: int) -> Finding:
    words = "have no key or share it" if rule.primary_key else "share their key"
    found = f"{failing} of {whole.count} rows" if failing else f"none of {whole.count} rows"
    return Finding(
        met=failing == 0,
        observed=f"{found} {words}",
        decided_by="key",
        failing_rows=failing,
        rows=whole.count,
        failing=failing_rows(whole, rule.columns, nulls=rule.primary_key) if failing else None,
    )


def _null_rows(table: Table, columns: Sequence[str]) -> int:
    statistics = table.statistics
    if statistics is not None and all(statistics.nulls(column) == 0 for column in columns):
        return 0
    found = table.connection.execute(
        f"SELECT count(*) FROM {table.sql} WHERE NOT ({_complete(columns)})"
    ).fetchone()
    return int(found[0]) if found else 0


def _complete(columns: Sequence[str]) -> str:
    return " AND ".join(f"{quote(column)} IS NOT NULL" for column in columns)


def _strictly_rises(table: Table, column: str) -> bool:
    """Every value is above its predecessor, whatever the order in which the rows came: then no
    two are equal. Only for a column without NULL, which would break the chain."""
    name = quote(column)
    found = table.connection.execute(
        "SELECT count(*) FROM"
        f" (SELECT {name} AS value, lag({name}) OVER () AS before FROM {table.sql})"
        " WHERE value <= before"
    ).fetchone()
    return found == (0,)


def _one_bit_each(table: Table, column: str) -> bool | None:
    """Whether whole numbers that lie close together set as many bits as there are values; None
    when they are no whole numbers or lie too far apart."""
    statistics = table.statistics
    if statistics is None or table.columns[column].name not in INTEGERS:
        return None
    extremes = statistics.extremes(column)
    if extremes is None:
        return None
    low, high = int(extremes[0]), int(extremes[1])
    if high - low >= min(_BITS_PER_ROW * statistics.rows, _MAX_BITS):
        return None
    name, kind = quote(column), table.types[column]
    # DuckDB subtracts the ends in their own type, which overflows where they lie far apart.
    kind = _WIDER.get(kind, kind)
    found = table.connection.execute(
        f"SELECT bit_count(bitstring_agg({name}::{kind}, '{low}'::{kind}, '{high}'::{kind}))"
        f" = count({name}) FROM {table.sql}"
    ).fetchone()
    return found == (True,)


def _hashes_differ(table: Table, columns: Sequence[str]) -> bool:
    """Whether all keys have different 64-bit hashes, so that they differ themselves. Hashes are
    smaller and faster to group by than text; equal ones are left to the exact count."""
    names = ", ".join(quote(column) for column in columns)
    found = table.connection.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM (SELECT hash({names}) AS h FROM {table.sql}"
        f" WHERE {_complete(columns)}) GROUP BY h HAVING count(*) > 1)"
    ).fetchone()
    return found == (0,)


def _apart(added: Table, kept: Table, columns: Sequence[str]) -> bool:
    """Whether the ranges of one key column do not meet in the two, as when days are appended."""
    if added.statistics is None or kept.statistics is None:
        return False
    for column in columns:
        new, old = added.statistics.extremes(column), kept.statistics.extremes(column)
        if new is None or old is None:
            continue
        kind = added.types[column]
        found = added.connection.execute(
            f"SELECT '{new[0]}'::{kind} > '{old[1]}'::{kind}"
            f" OR '{new[1]}'::{kind} < '{old[0]}'::{kind}"
        ).fetchone()
        if found == (True,):
            return True
    return False


def _meet(added: Table, kept: Table, columns: Sequence[str]) -> bool:
    """Whether a key of ``added`` is also in ``kept``."""
    same = " AND ".join(f"new.{quote(column)} = old.{quote(column)}" for column in columns)
    found = added.connection.execute(
        f"SELECT 1 FROM {kept.named('old')} WHERE EXISTS"
        f" (SELECT 1 FROM {added.named('new')} WHERE {same}) LIMIT 1"
    ).fetchone()
    return found is not None
