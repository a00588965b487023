"""Counting the rows that break row rules, each rule in the cheapest way that decides it.

1. Footers: a NULL count, or ranges that prove that no row breaks the rule. Nothing is read.
2. Values: on a column of few values, the distinct values are counted once (DuckDB groups by
   dictionary codes, 10 million rows in some 20 ms) and all rules of the column run on those. What
   is dear for each row, as a regular expression is, runs so on every column that repeats itself.
3. One scan: everything else is one aggregate over the columns that it needs.

When a query fails, it is halved until the rule that cannot run stands alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import duckdb

from mesh_defs.contract.checks.findings import CannotRun
from mesh_defs.contract.checks.values import rows_of

if TYPE_CHECKING:
    from mesh_defs.contract.checks.compile import Predicate
    from mesh_defs.contract.checks.table import Table


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows break a rule, and how that was found out."""

    failing: int
    decided_by: str


Counted = Count | CannotRun


def count_violations(table: Table, predicates: Sequence[Predicate]) -> list[Counted]:
    """For each predicate the rows of ``table`` that violate it, or why that cannot be told.

    Raises only `duckdb.InterruptException`.
    """
    found: dict[int, Counted] = {}
    try:
        _from_footers(table, predicates, found)
        by_column = _by_column(table, predicates, found)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        reason = CannotRun(reason_of(error))
        return [found.get(index, reason) for index in range(len(predicates))]
    for column, indexes in by_column.items():
        _fill(found, indexes, predicates, partial(_on_values, table, column))
    rest = [index for index in range(len(predicates)) if index not in found]
    _fill(found, rest, predicates, partial(_in_one_scan, table))
    return [found[index] for index in range(len(predicates))]


def reason_of(error: duckdb.Error) -> str:
    """What went wrong in one line, without the excerpt of our own SQL."""
    return str(error).strip().split("\n", 1)[0]


def _from_footers(table: Table, predicates: Sequence[Predicate], found: dict[int, Counted]) -> None:
    statistics = table.statistics
    if statistics is None:
        return
    held = statistics.hold(predicates)
    for index, predicate in enumerate(predicates):
        nulls = statistics.nulls(predicate.columns[0]) if predicate.counts_nulls else None
        if nulls is not None:
            found[index] = Count(nulls, "statistics")
        elif held[index]:
            found[index] = Count(0, "statistics")


def _by_column(
    table: Table, predicates: Sequence[Predicate], found: dict[int, Counted]
) -> dict[str, list[int]]:
    by_column: dict[str, list[int]] = defaultdict(list)
    asked = {
        index: predicate.columns[0]
        for index, predicate in enumerate(predicates)
        if index not in found and len(predicate.columns) == 1
    }
    repeating = table.values.repeat(
        column for index, column in asked.items() if predicates[index].dear
    )
    for index, column in asked.items():
        if column in repeating or table.values.few(column):
            by_column[column].append(index)
    return by_column


def _fill(
    found: dict[int, Counted],
    indexes: Sequence[int],
    predicates: Sequence[Predicate],
    count: Callable[[Sequence[str]], list[Count]],
) -> None:
    violations = [predicates[index].violation for index in indexes]
    found.update(zip(indexes, bisected(count, violations), strict=True))


def bisected(
    count: Callable[[Sequence[str]], list[Count]], violations: Sequence[str]
) -> list[Counted]:
    """``count`` of all ``violations`` in one go; of halves, and halves of those, when it fails."""
    if not violations:
        return []
    try:
        return list(count(violations))
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        if len(violations) == 1:
            return [CannotRun(reason_of(error))]
    middle = len(violations) // 2
    return bisected(count, violations[:middle]) + bisected(count, violations[middle:])


def _on_values(table: Table, column: str, violations: Sequence[str]) -> list[Count]:
    rows = rows_of(column)
    sums = ", ".join(f"sum({rows}) FILTER (WHERE {violation})" for violation in violations)
    return _counts(table, f"SELECT {sums} FROM {table.values.counted(column)}", "scan")


def _in_one_scan(table: Table, violations: Sequence[str]) -> list[Count]:
    counts = ", ".join(f"count_if({violation})" for violation in violations)
    return _counts(table, f"SELECT {counts} FROM {table.sql}", "scan")


def _counts(table: Table, query: str, decided_by: str) -> list[Count]:
    row = table.connection.execute(query).fetchall()[0]
    return [Count(int(value or 0), decided_by) for value in row]
