"""What the footers of Parquet files already say, so that no row need be read."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mesh_defs.contract.physical_types import FLOATS, INTEGERS, TIMESTAMPS
from mesh_defs.sql import file_list, literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from mesh_defs.contract.checks.compile import Predicate
    from mesh_defs.contract.physical_types import Physical

# A column whose values take more bytes than this is not worth grouping by: its dictionary is
# large, or it has none.
_DICTIONARY_BYTES = 4.0
# DuckDB writes no minimum and maximum when there is a NaN; others leave NaN out of them.
_KNOWS_NAN = "DuckDB"
# Types whose statistics are never shortened, so that an end is a value of the column.
_WHOLE_ENDS = INTEGERS | TIMESTAMPS | {"DATE", "TIME", "DECIMAL", "BOOLEAN"}


@dataclass(frozen=True, slots=True)
class ColumnFooter:
    """One column over all row groups. ``nulls`` is None when a footer does not tell; ``bounded``
    says that every row group that has a value names its smallest and largest; ``bytes_per_value``
    is before compression; ``dictionary`` says that every row group has one."""

    nulls: int | None
    bounded: bool
    dictionary: bool
    bytes_per_value: float


class Statistics:
    """The footers of one relation's files. Reads them once; holds a temporary table of them until
    `close`."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        files: Sequence[str],
        columns: Mapping[str, Physical],
        table: str,
    ) -> None:
        """Raises `duckdb.Error` when a footer cannot be read. ``table`` is the name to use."""
        self._connection = connection
        self._table = quote(table)
        self._types = dict(columns)
        listed, names = file_list(files), f"[{', '.join(literal(file) for file in files)}]"
        rows, self._row_groups, writers = connection.execute(
            "SELECT sum(num_rows)::BIGINT, sum(num_row_groups)::BIGINT, list(DISTINCT created_by)"
            f" FROM parquet_file_metadata({listed})"
        ).fetchall()[0]
        self.rows = int(rows or 0)
        self._knows_nan = all(str(writer).startswith(_KNOWS_NAN) for writer in writers or ())
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {self._table} AS"
            " SELECT file_index, row_group_id, path_in_schema AS name, row_group_num_rows AS rows,"
            " stats_null_count AS nulls, stats_min_value AS low, stats_max_value AS high,"
            " dictionary_page_offset IS NOT NULL AS dictionary, total_uncompressed_size AS bytes"
            f" FROM parquet_metadata({listed}) JOIN (SELECT file_name, min(place) AS file_index"
            f" FROM (SELECT unnest({names}) AS file_name,"
            f" generate_subscripts({names}, 1) AS place) GROUP BY file_name) USING (file_name)"
            " WHERE row_group_num_rows > 0"
        )
        self._columns = self._footers()

    def close(self) -> None:
        """Drop the temporary table."""
        self._connection.execute(f"DROP TABLE IF EXISTS {self._table}")

    def _footers(self) -> dict[str, ColumnFooter]:
        found = self._connection.execute(
            "SELECT name, count(*), count(DISTINCT (file_index, row_group_id)),"
            " CASE WHEN count(nulls) = count(*) THEN sum(nulls)::BIGINT END,"
            " bool_and(coalesce(nulls = rows, false) OR (low IS NOT NULL AND high IS NOT NULL)),"
            " bool_and(dictionary), sum(bytes) / sum(rows),"
            " (SELECT count(DISTINCT (file_index, row_group_id))"
            f" FROM {self._table}) FROM {self._table} GROUP BY name"
        ).fetchall()
        # A name that stands more or less than once in a row group is a nested column, or one that
        # some files lack.
        return {
            name: ColumnFooter(nulls, bool(bounded), bool(dictionary), float(size or 0))
            for name, count, groups, nulls, bounded, dictionary, size, all_groups in found
            if count == groups == all_groups and name in self._types
        }

    def has(self, column: str) -> bool:
        """Whether ``column`` is one of the files' own, in all of them, and nothing nested."""
        return column in self._columns

    def named(self, name: str) -> bool:
        """Whether any column is called ``name``, in upper or lower case."""
        return any(each.lower() == name for each in self._types)

    def nulls(self, column: str) -> int | None:
        """How many rows have NULL in ``column``; None when the footers do not tell."""
        footer = self._columns.get(column)
        return 0 if self.rows == 0 else footer.nulls if footer is not None else None

    def few_values(self, column: str) -> bool:
        """Whether ``column`` seems to have few distinct values, kept in dictionaries: a guess
        that only decides how a rule is run."""
        footer = self._columns.get(column)
        return (
            footer is not None and footer.dictionary and footer.bytes_per_value <= _DICTIONARY_BYTES
        )

    def hold(self, predicates: Sequence[Predicate]) -> list[bool]:
        """For each predicate whether the ranges of all row groups prove that no row violates it.
        False means that they do not tell."""
        if self.rows == 0:
            return [True] * len(predicates)
        proofs = [self._proof(predicate) for predicate in predicates]
        asked = [proof for proof in proofs if proof is not None]
        if not asked:
            return [False] * len(predicates)
        answers = self._ask(asked)
        return [False if proof is None else answers.pop(0) for proof in proofs]

    def _ask(self, questions: Sequence[str]) -> list[bool]:
        """The answers to questions about literals; they are halved when they fail together. False
        when one of them alone fails."""
        import duckdb

        try:
            found = self._connection.execute(f"SELECT {', '.join(questions)}").fetchall()[0]
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            # A bound that does not compare with the column: the scan gives that rule its reason.
            if len(questions) == 1:
                return [False]
            middle = len(questions) // 2
            return self._ask(questions[:middle]) + self._ask(questions[middle:])
        return [bool(answer) for answer in found]

    def _proof(self, predicate: Predicate) -> str | None:
        """A question whose answer true proves that no row violates ``predicate``. The ends of all
        row groups together do: what holds for neither holds for nothing in between."""
        if predicate.of_range is None or not self._ranged(predicate.columns[0]):
            return None
        column = predicate.columns[0]
        smallest, largest, complete = self._ends[column]
        if not complete:
            return None
        if smallest is None or largest is None:
            return "true"  # there are only NULLs
        kind = self._types[column].sql
        low, high = (f"{literal(end)}::{kind}" for end in (smallest, largest))
        return (
            f"NOT coalesce({predicate.of_range(low)}, true)"
            f" AND NOT coalesce({predicate.of_range(high)}, true)"
        )

    @cached_property
    def _ends(self) -> dict[str, tuple[str | None, str | None, bool]]:
        """The smallest and largest end of each ranged column over all row groups as SQL text of
        its type, and whether every row group that has a value tells both. One query for each type
        of column, however many columns and row groups there are."""
        by_type: dict[str, list[str]] = defaultdict(list)
        for column, kind in self._types.items():
            if self._ranged(column):
                by_type[kind.sql].append(column)
        found: dict[str, tuple[str | None, str | None, bool]] = {}
        for kind_sql, names in by_type.items():
            rows = self._connection.execute(
                "SELECT name, min(low)::VARCHAR, max(high)::VARCHAR,"
                " bool_and(empty OR (low <= high) IS TRUE) FROM ("
                f"SELECT name, TRY_CAST(low AS {kind_sql}) AS low,"
                f" TRY_CAST(high AS {kind_sql}) AS high,"
                f" coalesce(nulls = rows, false) AS empty FROM {self._table}"
                f" WHERE name IN ({', '.join(literal(name) for name in names)})) GROUP BY name"
            ).fetchall()
            found.update({name: (low, high, bool(whole)) for name, low, high, whole in rows})
        return found

    def _ranged(self, column: str) -> bool:
        footer = self._columns.get(column)
        if footer is None or not footer.bounded:
            return False
        kind = self._types[column]
        if kind.name in TIMESTAMPS and kind.numbers:  # finer than a microsecond
            return False
        return self._knows_nan or kind.name not in FLOATS

    def _end(self, column: str, end: str) -> str:
        return f"TRY_CAST({end} AS {self._types[column].sql})"

    def extremes(self, column: str) -> tuple[str, str] | None:
        """The smallest and the largest value of ``column`` as SQL text of its type; None when the
        footers do not tell exactly, or when there is no value."""
        if not self._ranged(column) or self._types[column].name not in _WHOLE_ENDS:
            return None
        smallest, largest, complete = self._ends[column]
        if not complete or smallest is None or largest is None:
            return None
        return smallest, largest

    def arrives_sorted(self, column: str) -> bool:
        """Whether the ranges of the row groups, in the order of files, rise without overlap: then
        the values may be sorted, which is for a scan to prove."""
        if not self._ranged(column) or self.nulls(column) != 0:
            return False
        low, high = self._end(column, "low"), self._end(column, "high")
        rising = self._connection.execute(
            f"SELECT bool_and(coalesce(low > before, true)) FROM (SELECT {low} AS low,"
            f" lag({high}) OVER (ORDER BY file_index, row_group_id) AS before"
            f" FROM {self._table} WHERE name = {literal(column)})"
        ).fetchall()[0][0]
        return bool(rising)

    def ends(self, column: str) -> tuple[str, str] | None:
        """As `extremes`, of floats, too, when no row group has a NaN; an end that is 0 may stand
        for -0.0 then."""
        if column in self._columns and self._types[column].name in FLOATS and self._ranged(column):
            smallest, largest, complete = self._ends[column]
            whole = complete and smallest is not None and largest is not None
            return (str(smallest), str(largest)) if whole else None
        return self.extremes(column)

    def row_groups(self) -> list[tuple[int, int, int]]:
        """The row groups in their order: the place of the file among the files, and the numbers of
        the first row in that file and of the one behind the last."""
        found = self._connection.execute(
            "SELECT file_index, (sum(rows) OVER (PARTITION BY file_index ORDER BY row_group_id))"
            " - rows, rows FROM (SELECT file_index, row_group_id, any_value(rows)::BIGINT AS rows"
            f" FROM {self._table} GROUP BY ALL) ORDER BY file_index, row_group_id"
        ).fetchall()
        return [(int(file) - 1, int(start), int(start + rows)) for file, start, rows in found]

    def ranges(self, columns: Iterable[str]) -> dict[str, list[tuple[str, str, int]]]:
        """For each of ``columns`` whose `ends` are told the least and the greatest value of each
        row group that has any, as text, and how many there are."""
        names = [name for name in columns if self.ends(name) is not None]
        found: dict[str, list[tuple[str, str, int]]] = {name: [] for name in names}
        if names:
            rows = self._connection.execute(
                f"SELECT name, low, high, (rows - coalesce(nulls, 0))::BIGINT FROM {self._table}"
                f" WHERE name IN ({', '.join(map(literal, names))}) AND low IS NOT NULL"
            ).fetchall()
            for name, low, high, count in rows:
                found[name].append((str(low), str(high), int(count)))
        return found
