"""The distinct values of a column with their numbers of rows, counted once for all that asks.

What costs much for each row (a regular expression, the join of a foreign key) costs little on the
values of a column that repeats itself. Footers tell of columns with dictionaries; of others a few
thousand rows in three places do, which is a guess that only decides how a rule is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from mesh_defs.sql import file_list, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mesh_defs.contract.checks.statistics import Statistics

# Below this a query more costs more than it saves.
WORTH_A_QUERY = 200_000
# Looked at in each place: rows of a single row group, so that little is decoded for them.
_LOOKED_AT = 8_192
# A column repeats itself when at most this share of the rows that were looked at are values apart.
_APART = 0.25
_ROW_NUMBER = "file_row_number"


def rows_of(*columns: str) -> str:
    """What the number of rows is called beside values of ``columns``, quoted; none of them is."""
    return quote(f"rows of {' '.join(columns)}")


class Values:
    """The distinct values of columns of one relation. Holds temporary tables until `close`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        sql: str,
        files: Sequence[str],
        statistics: Statistics | None,
        name: str,
    ) -> None:
        """``sql`` is the relation over ``files``; temporary tables are called after ``name``."""
        self._connection = connection
        self._sql = sql
        self._files = files
        self._statistics = statistics
        self._name = name
        self._counted: dict[str, str] = {}
        self._repeating: dict[str, bool] = {}

    def counted(self, column: str) -> str:
        """The relation (for a FROM) with the values of ``column``, NULL among them, each once, and
        `rows_of` it. Raises `duckdb.Error`."""
        if column not in self._counted:
            into = quote(f"{self._name}_values_{len(self._counted)}")
            name, rows = quote(column), rows_of(column)
            self._connection.execute(
                f"CREATE OR REPLACE TEMP TABLE {into} AS"
                f" SELECT {name}, count(*) AS {rows} FROM {self._sql} GROUP BY {name}"
            )
            self._counted[column] = into
        return self._counted[column]

    def few(self, column: str) -> bool:
        """Whether ``column`` seems to have few values, so that counting them costs next to nothing,
        or was counted already."""
        if column in self._counted:
            return True
        statistics = self._statistics
        if statistics is None or statistics.rows < WORTH_A_QUERY:
            return False
        return statistics.few_values(column)

    def repeat(self, columns: Iterable[str]) -> frozenset[str]:
        """Those of ``columns`` of which it is worth counting the values before something dear is
        done with each. Raises `duckdb.InterruptException`."""
        asked = list(dict.fromkeys(columns))
        unknown = [name for name in asked if name not in self._repeating and not self.few(name)]
        if unknown:
            self._repeating |= self._look(unknown)
        return frozenset(name for name in asked if self.few(name) or self._repeating[name])

    def close(self) -> None:
        """Drop the temporary tables."""
        for table in self._counted.values():
            self._connection.execute(f"DROP TABLE IF EXISTS {table}")
        self._counted.clear()

    def _look(self, columns: Sequence[str]) -> dict[str, bool]:
        """Whether each column repeats itself, of own columns of large Parquet files."""
        statistics = self._statistics
        if statistics is None or statistics.rows < WORTH_A_QUERY:
            return dict.fromkeys(columns, False)
        own = [name for name in columns if statistics.has(name)]
        # Rows cannot be counted where a column has the number's name.
        if not own or not statistics.rows or statistics.named(_ROW_NUMBER):
            return dict.fromkeys(columns, False)
        listed = ", ".join(map(quote, own))
        places = " UNION ALL ".join(
            f"(SELECT {listed} FROM read_parquet({file_list([self._files[file]])},"
            f" hive_partitioning = false, {_ROW_NUMBER} = true) WHERE {_ROW_NUMBER} >= {start}"
            f" AND {_ROW_NUMBER} < {min(end, start + _LOOKED_AT)})"
            for file, start, end in _three(statistics.row_groups())
        )
        counts = ", ".join(f"count(DISTINCT {quote(name)}), count({quote(name)})" for name in own)
        found = dict.fromkeys(columns, False)
        try:
            row = self._connection.execute(f"SELECT {counts} FROM ({places})").fetchall()[0]
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            # What is wrong with the rows is for the rules to tell, each for itself.
            return found
        for name, apart, looked in zip(own, row[::2], row[1::2], strict=True):
            found[name] = apart <= looked * _APART
        return found


def _three(groups: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The first, the middle and the last of ``groups``, each once."""
    return list(dict.fromkeys([groups[0], groups[len(groups) // 2], groups[-1]]))
