"""Rows per period of a partitioned port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from mesh_defs.contract.data import Rows
    from mesh_defs.policy.subject import StagedPort


def periods(port: StagedPort) -> tuple[dict[str, int], dict[str, int]]:
    """How many rows each period has that this run made, and each that it kept from the versions
    before, by its first day (ISO 8601), in their order.

    Periods without rows are there, between the first and the last kept one and in the run's window.
    A period that is not over yet is left out. Both are empty when nobody knows which rows were kept
    (a first version, a rebuild, another contract). Raises `duckdb.Error`.
    """
    kept = port.staged.kept
    if kept is None:
        return {}, {}
    window = (str(port.window.start), str(port.window.end)) if port.window is not None else None
    return _counted(port, port.staged.added, window), _counted(port, kept, None)


def _counted(port: StagedPort, rows: Rows, window: tuple[str, str] | None) -> dict[str, int]:
    every, by = port.output.every, quote(port.output.by or "")
    counted = (
        f"SELECT date_trunc({literal(every)}, {by})::DATE AS start, count(*) AS rows"
        f" FROM {rows.sql} WHERE isfinite({by}) GROUP BY 1"
    )
    first, last = "(SELECT min(start) FROM counted)", "(SELECT max(start) + 1 FROM counted)"
    if window is not None:
        first, last = (f"{literal(day)}::DATE" for day in window)
    today = f"{literal(port.now.date().isoformat())}::DATE"
    found = port.connection.execute(
        f"WITH counted AS ({counted}), days AS (SELECT unnest(range({first}::TIMESTAMP,"
        f" {last}::TIMESTAMP, INTERVAL 1 {every}))::DATE AS start)"
        " SELECT start::VARCHAR, coalesce(rows, 0)::BIGINT FROM days LEFT JOIN counted"
        f" USING (start) WHERE start + INTERVAL 1 {every} <= {today} ORDER BY start"
    ).fetchall()
    return {str(day): int(count) for day, count in found}
