"""Service levels about time: the newest and the oldest value of a column against the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.compile import kind_of
from mesh_defs.contract.checks.findings import CannotRun, Failing, Finding
from mesh_defs.contract.describe import duration_text
from mesh_defs.contract.physical_types import TIMESTAMPS
from mesh_defs.contract.rules import Freshness, Retention
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from mesh_defs.contract.checks.table import Table

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What lies further ahead is no time at which anything happened: clocks differ, and where a day
# begins does.
_AHEAD_SECONDS, _AHEAD_DAYS_SECONDS = 3_600.0, 86_400.0


def check_time(rule: Freshness | Retention, table: Table, now: datetime) -> Finding:
    """Whether the newest value is fresh, or the oldest not too old. Values without a zone are
    UTC. A date is the moment at which it begins. No rows: nothing is too old, but nothing is
    fresh either, nor is anything fresh where values lie in the future (`latest`). Raises
    `CannotRun` and `duckdb.Error`."""
    column = rule.column
    if column is None:
        raise CannotRun("the rule names no column")
    kind = kind_of(column, table.columns)
    if kind.name != "DATE" and kind.name not in TIMESTAMPS:
        raise CannotRun(
            f"an age needs a date or a timestamp; column '{column}' is {table.types[column]}"
        )
    newest = isinstance(rule, Freshness)
    at, decided_by = _extreme(table, column, newest=newest)
    if at is None:
        observed = f"no row has a {column}" if table.count else "no rows"
        return Finding(not newest, observed, decided_by, rows=table.count)
    limit = (now - _EPOCH).total_seconds() - rule.seconds
    is_met = at >= limit
    observed = f"the {'newest' if newest else 'oldest'} {column} is {_text(at, now)}"
    last = latest(column, table, now)
    if newest and at > last:
        ahead = f"epoch({quote(column)}) > {last!r}::DOUBLE"
        return _breaking(table, column, ahead, "lie in the future", observed)
    if is_met or newest:
        return Finding(is_met, observed, decided_by, rows=table.count)
    too_old = f"epoch({quote(column)}) < {limit!r}::DOUBLE"
    return _breaking(table, column, too_old, "are too old", observed)


def latest(column: str, table: Table, now: datetime) -> float:
    """Up to when (in seconds since 1970) a value of ``column`` is of the past: a day from ``now``
    on for dates, an hour for timestamps. Raises `CannotRun`."""
    is_date = kind_of(column, table.columns).name == "DATE"
    return (now - _EPOCH).total_seconds() + (_AHEAD_DAYS_SECONDS if is_date else _AHEAD_SECONDS)


def _breaking(table: Table, column: str, condition: str, words: str, observed: str) -> Finding:
    found = table.connection.execute(
        f"SELECT count(*) FROM {table.sql} WHERE {condition}"
    ).fetchone()
    count = int(found[0]) if found else 0
    return Finding(
        met=False,
        observed=f"{count} of {table.count} rows {words}; {observed}",
        decided_by="scan",
        failing_rows=count,
        rows=table.count,
        failing=Failing(table.sql, condition, (column,), by_row=True),
    )


def _extreme(table: Table, column: str, *, newest: bool) -> tuple[float | None, str]:
    """The newest or oldest value in seconds since 1970, and how it was found."""
    statistics = table.statistics
    extremes = statistics.extremes(column) if statistics is not None else None
    if extremes is not None:
        text = extremes[1 if newest else 0]
        value, source, decided_by = f"{literal(text)}::{table.types[column]}", "", "statistics"
    else:
        value = f"{'max' if newest else 'min'}({quote(column)})"
        source, decided_by = f" FROM {table.sql}", "scan"
    found = table.connection.execute(
        f"SELECT isfinite({value}), epoch(CASE WHEN isfinite({value}) THEN {value} END){source}"
    ).fetchone()
    if found is None or found[0] is None:
        return None, decided_by
    if found[0] is False:
        raise CannotRun(f"column '{column}' has an infinite date, which has no age")
    return float(found[1]), decided_by


def _text(seconds: float, now: datetime) -> str:
    try:
        at = _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return "beyond the calendar"
    age = round((now - at).total_seconds())
    words = f"{_about(age)} old" if age >= 0 else f"{_about(-age)} ahead"
    return f"{at.isoformat()}, {words}"


def _about(seconds: int) -> str:
    for unit in (86_400, 3_600, 60):
        if seconds >= 2 * unit:
            return duration_text(seconds // unit * unit)
    return duration_text(seconds)
