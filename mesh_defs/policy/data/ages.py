"""Promises about time, held to on the data and within what the mesh asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.checks.times import check_time, latest
from mesh_defs.contract.describe import duration_text
from mesh_defs.contract.physical_types import TIMESTAMPS, UnknownType, parse
from mesh_defs.contract.rules import Freshness, Retention
from mesh_defs.policy.model import DataPolicy, Finding, parameter
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.contract.model import Column
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Mesh, OutputPort, Product

_DAY = 86_400.0
_TIMES = TIMESTAMPS | {"DATE"}


class FreshnessKept(DataPolicy):
    """The newest row is as fresh as the contract promises, and the promise is within what the mesh
    asks for. A promise that names no column is about the time of publishing, which is now. No row
    is fresh where one lies in the future, by more than an hour, or a day for dates."""

    at_most_days: float | None = parameter(
        None, stricter="lower", gt=0, description="the longest promise that is allowed, in days"
    )

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:  # noqa: ARG002
        """For ports that promise freshness, or have to."""
        promised = output.promise.service_levels.freshness_seconds is not None
        return promised or self.at_most_days is not None

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """At most one finding about the promise and one about the data."""
        levels = port.contract.service_levels
        yield from _promised(port, "freshness", levels.freshness_seconds, self.at_most_days)
        column, seconds = levels.freshness_column, levels.freshness_seconds
        if column is None or seconds is None:
            return
        rule = Freshness(id="fresh", dimension="timeliness", column=column, seconds=seconds)
        if check_time(rule, port.table, port.now).met:
            return
        last = latest(column, port.table, port.now)
        ahead = port.count(f"epoch({quote(column)}) > {last!r}::DOUBLE")
        if ahead:
            rows = "1 row lies" if ahead == 1 else f"{ahead:,} rows lie"
            yield Finding(
                f"{rows} in the future by {column}, so that nobody knows how old the data is",
                fix="leave them out of the transform, or mend their time",
                port=port.name,
                column=column,
                failing_rows=ahead,
                rows=port.rows,
            )
            return
        promised = f"{column} is to be {duration_text(seconds)} old at most"
        known = port.count(f"{quote(column)} IS NOT NULL")
        yield Finding(
            f"the data is older than promised: the newest {promised}"
            if known
            else f"no row has a {column}, so that nobody knows how old the data is: {promised}",
            fix="bring newer data, or promise what can be kept",
            port=port.name,
            column=column,
            rows=port.rows,
        )


class RetentionKept(DataPolicy):
    """No row is older than the contract promises to keep it, and the promise is within what the
    mesh asks for."""

    at_most_days: float | None = parameter(
        None, stricter="lower", gt=0, description="the longest promise that is allowed, in days"
    )

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:  # noqa: ARG002
        """For ports that promise a retention by a column, or have to promise one: those with a date
        or a time."""
        levels = output.promise.service_levels
        if levels.retention_seconds is not None and levels.retention_column is not None:
            return True
        timed = any(_tells_time(column) for column in output.promise.columns)
        return timed and self.at_most_days is not None

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """At most one finding about the promise and one about the rows."""
        levels = port.contract.service_levels
        yield from _promised(port, "retention", levels.retention_seconds, self.at_most_days)
        column, seconds = levels.retention_column, levels.retention_seconds
        if seconds is None:
            return
        if column is None:
            if self.at_most_days is not None:
                yield Finding(
                    "the promised retention names no column, so nobody can tell what is too old",
                    fix="add 'element: <port>.<column>' to the retention of slaProperties",
                    port=port.name,
                )
            return
        rule = Retention(id="kept", dimension="timeliness", column=column, seconds=seconds)
        found = check_time(rule, port.table, port.now)
        if not found.met:
            count = (
                "1 row is" if found.failing_rows == 1 else f"{found.failing_rows or 0:,} rows are"
            )
            yield Finding(
                f"{count} older by {column} than the promised {duration_text(seconds)}",
                fix="leave them out of the transform, and publish again",
                port=port.name,
                column=column,
                failing_rows=found.failing_rows,
                rows=port.rows,
            )


def _promised(
    port: StagedPort, what: str, seconds: float | None, at_most_days: float | None
) -> Iterator[Finding]:
    if at_most_days is None or (seconds is not None and seconds <= at_most_days * _DAY):
        return
    promised = f"{seconds / _DAY:g} days" if seconds is not None else "nothing"
    yield Finding(
        f"it promises {promised} of {what}, where at most {at_most_days:g} days are allowed",
        fix=f"promise a {what} of {at_most_days:g} days or less in slaProperties",
        port=port.name,
    )


def _tells_time(column: Column) -> bool:
    """Whether its contract says that a column holds dates or moments."""
    if column.logical_type in ("date", "timestamp"):
        return True
    try:
        return column.physical_type is not None and parse(column.physical_type).name in _TIMES
    except UnknownType:
        return False
