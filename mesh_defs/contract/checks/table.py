"""A relation under verification: its columns, its row count and its footers, each read once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import duckdb

from mesh_defs.contract import physical_types
from mesh_defs.contract.checks.statistics import Statistics
from mesh_defs.contract.physical_types import Physical

if TYPE_CHECKING:
    from mesh_defs.contract.data import Rows

# What the compiler cannot compare with anything; only rules about NULL run on it.
OTHER = Physical("OTHER")
_NANOSECONDS = 9


class Table:
    """Rows and what is known of them. ``sql`` goes after FROM, parenthesised where needed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, rows: Rows, name: str) -> None:
        self.connection = connection
        self.rows = rows
        self.sql = rows.sql
        self._name = name

    def named(self, alias: str) -> str:
        """The relation under an alias, whatever ``sql`` is."""
        return f"(SELECT * FROM {self.sql}) AS {alias}"

    @cached_property
    def types(self) -> dict[str, str]:
        """DuckDB's type of each column, in order. Raises `duckdb.Error` when it is unreadable."""
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {self.sql}").fetchall()
        return {row[0]: row[1] for row in described}

    @cached_property
    def columns(self) -> dict[str, Physical]:
        """The columns in order; `OTHER` where the type is one that contracts cannot name."""
        return {name: _physical(text) for name, text in self.types.items()}

    @cached_property
    def statistics(self) -> Statistics | None:
        """The footers of the Parquet files; None when there are no files or they say nothing."""
        if not self.rows.files:
            return None
        try:
            return Statistics(self.connection, self.rows.files, self.columns, self._name)
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            # Without statistics everything is scanned, and the scan tells what is wrong.
            return None

    @cached_property
    def count(self) -> int:
        """The number of rows."""
        if self.statistics is not None:
            return self.statistics.rows
        counted = self.connection.execute(f"SELECT count(*) FROM {self.sql}").fetchone()
        return int(counted[0]) if counted else 0

    def close(self) -> None:
        """Free what the statistics hold."""
        if "statistics" in self.__dict__ and self.statistics is not None:
            self.statistics.close()


def _physical(text: str) -> Physical:
    try:
        found = physical_types.parse(text)
    except physical_types.UnknownType:
        return OTHER
    # Statistics are compared in microseconds, which is not enough here.
    return Physical(found.name, (_NANOSECONDS,)) if text == "TIMESTAMP_NS" else found
