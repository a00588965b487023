"""A relation under verification: its columns, its row count and its footers, each read once."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import duckdb

from mesh_defs.contract import physical_types
from mesh_defs.contract.checks.findings import CannotRun
from mesh_defs.contract.checks.inside import value_of
from mesh_defs.contract.checks.statistics import Statistics
from mesh_defs.contract.checks.values import Values
from mesh_defs.contract.physical_types import Physical
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.contract.data import Rows
    from mesh_defs.contract.model import Inside

# What the compiler cannot compare with anything; only rules about NULL run on it.
OTHER = Physical("OTHER")
_NANOSECONDS = 9


class Table:
    """Rows and what is known of them. ``inside`` are places inside columns that stand beside the
    columns, by their names."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        rows: Rows,
        name: str,
        inside: Sequence[Inside] = (),
    ) -> None:
        self.connection = connection
        self.rows = rows
        self._name = name
        self._inside = inside

    def named(self, alias: str) -> str:
        """The relation under an alias, whatever ``sql`` is."""
        return f"(SELECT * FROM {self.sql}) AS {alias}"

    @cached_property
    def own(self) -> dict[str, Physical]:
        """The data's own columns in order; `OTHER` where the type is one that contracts cannot
        name. Raises `duckdb.Error` when it is unreadable."""
        return {name: _physical(text) for name, text in self._own_types.items()}

    @cached_property
    def _own_types(self) -> dict[str, str]:
        return self._described(self.rows.sql)

    @cached_property
    def inner(self) -> dict[str, str]:
        """SQL over one row for each place inside a column that the data has. One whose name is that
        of an undeclared column is none of them, nor is that column then: it is neither."""
        found = {}
        for place in self._inside:
            if place.name.lower() not in {name.lower() for name in self.own}:
                with suppress(CannotRun):  # its rules say that there is no such column
                    found[place.name] = value_of(place, self.own)
        return found

    @cached_property
    def sql(self) -> str:
        """The relation, which goes after FROM: the columns, and the places inside them. Raises
        `duckdb.Error` when it is unreadable."""
        if not self._inside or not self.inner:
            return self.rows.sql
        places = ", ".join(f"{value} AS {quote(name)}" for name, value in self.inner.items())
        return f"(SELECT *, {places} FROM {self.rows.sql})"

    @cached_property
    def types(self) -> dict[str, str]:
        """DuckDB's type of each column and place. Raises `duckdb.Error` when it is unreadable."""
        described = self._described(self.sql) if self._inside else self._own_types
        taken = {place.name.lower() for place in self._inside if place.name not in self.inner}
        return {name: text for name, text in described.items() if name.lower() not in taken}

    @cached_property
    def columns(self) -> dict[str, Physical]:
        """The columns in order, then the places inside them."""
        if not self._inside:
            return self.own
        return {name: _physical(text) for name, text in self.types.items()}

    def made(self, relation: str) -> bool:
        """Whether ``relation``, which a finding names, is this table's."""
        return "sql" in self.__dict__ and self.sql == relation

    def root(self, name: str) -> str:
        """The column that the place ``name`` lies in; any other name itself."""
        return next((place.column for place in self._inside if place.name == name), name)

    def _described(self, sql: str) -> dict[str, str]:
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {sql}").fetchall()
        return {row[0]: row[1] for row in described}

    @cached_property
    def statistics(self) -> Statistics | None:
        """The footers of the Parquet files; None when there are no files or they say nothing."""
        if not self.rows.files:
            return None
        try:
            return Statistics(self.connection, self.rows.files, self.own, self._name)
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            # Without statistics everything is scanned, and the scan tells what is wrong.
            return None

    @cached_property
    def values(self) -> Values:
        """The distinct values of columns. Raises `duckdb.Error` when the data is unreadable."""
        files = self.rows.files
        return Values(self.connection, self.sql, files, self.statistics, self._name)

    @cached_property
    def count(self) -> int:
        """The number of rows."""
        if self.statistics is not None:
            return self.statistics.rows
        counted = self.connection.execute(f"SELECT count(*) FROM {self.rows.sql}").fetchone()
        return int(counted[0]) if counted else 0

    def close(self) -> None:
        """Free what the statistics and the values hold."""
        if "values" in self.__dict__:
            self.values.close()
        if "statistics" in self.__dict__ and self.statistics is not None:
            self.statistics.close()


def _physical(text: str) -> Physical:
    try:
        found = physical_types.parse(text)
    except physical_types.UnknownType:
        return OTHER
    # Statistics are compared in microseconds, which is not enough here.
    return Physical(found.name, (_NANOSECONDS,)) if text == "TIMESTAMP_NS" else found
