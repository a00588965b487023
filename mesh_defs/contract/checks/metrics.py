"""Library metrics of ODCS against their thresholds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.compile import kind_of
from mesh_defs.contract.checks.findings import CannotRun, Failing, Finding
from mesh_defs.contract.checks.keys import failing_rows, proved_unique, shared_rows
from mesh_defs.contract.checks.thresholds import measured, met, number_text

if TYPE_CHECKING:
    from mesh_defs.contract.checks.compile import Predicate
    from mesh_defs.contract.checks.scan import Count
    from mesh_defs.contract.checks.table import Table
    from mesh_defs.contract.rules import Metric

_WORDS = {
    "nullValues": "have NULL",
    "missingValues": "have a missing value",
    "invalidValues": "have an invalid value",
    "duplicateValues": "share their value with another row",
}


def check_counted(rule: Metric, table: Table, predicate: Predicate, count: Count) -> Finding:
    """A metric that counts rows one by one. Raises `CannotRun` for a threshold without sense."""
    failing = Failing(table.sql, predicate.violation, predicate.columns, by_row=True)
    return _counted(rule, table, count.failing, count.decided_by, failing)


def check_duplicates(rule: Metric, table: Table) -> Finding:
    """Rows that share their value (or their values in ``arguments.properties``) with another row;
    rows with a NULL in them share nothing. Raises `CannotRun` and `duckdb.Error`."""
    given = rule.arguments.get("properties")
    if given is None:
        columns = [rule.column] if rule.column is not None else []
    elif isinstance(given, str) or not isinstance(given, Iterable):
        raise CannotRun(f"properties must be a list of columns, not {given!r}")
    else:
        columns = [str(name) for name in given]
    if not columns:
        raise CannotRun("duplicateValues needs a column, or columns in arguments.properties")
    for column in columns:
        kind_of(column, table.columns)
    count = 0 if proved_unique(table, columns) else shared_rows(table, columns)
    return _counted(rule, table, count, "key", failing_rows(table, columns, nulls=False))


def check_row_count(rule: Metric, table: Table) -> Finding:
    """The number of rows. Raises `CannotRun` and `duckdb.Error`."""
    if rule.unit == "percent":
        raise CannotRun("rowCount has no unit percent: a number of rows is a percentage of nothing")
    decided_by = "statistics" if table.statistics is not None else "scan"
    is_met = met(rule.threshold, measured(table.count, table.count, "rows"))
    return Finding(is_met, f"{table.count} rows", decided_by, rows=table.count)


def _counted(rule: Metric, table: Table, count: int, decided_by: str, failing: Failing) -> Finding:
    number = measured(count, table.count, rule.unit)
    percent = f" ({number_text(number)} percent)" if rule.unit == "percent" else ""
    is_met = met(rule.threshold, number)
    return Finding(
        met=is_met,
        observed=f"{count} of {table.count} rows{percent} {_WORDS[rule.metric]}",
        decided_by=decided_by,
        failing_rows=count,
        rows=table.count,
        failing=None if is_met or count == 0 else failing,
    )
