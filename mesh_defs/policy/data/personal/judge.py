"""The exact detectors, on the rows of one column that may have something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.policy.data.personal.detectors import CARD_DIGITS, either, lone_digits, sentence
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    import duckdb

    from mesh_defs.policy.data.personal.detectors import Group, Test
    from mesh_defs.policy.data.personal.kinds import Kind
    from mesh_defs.policy.data.personal.look import Suspect

# Up to so many candidates are kept in memory instead of being looked for again.
_KEPT = 500_000
_TABLE = quote("personal data: candidates")
_NUMBERS = quote("personal data: numbers")


@dataclass(frozen=True, slots=True)
class Hits:
    """How many ``rows`` of a column hold one kind of personal data. ``condition`` is SQL that is
    true for them, over ``fields``, which are SQL over one row."""

    column: str
    kind: Kind
    rows: int
    condition: str
    fields: str


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one column: ``relation`` has the column and, where ``count`` names it, the
    number of rows with each value."""

    suspect: Suspect
    relation: str
    count: str = "1"

    @classmethod
    def grouped(cls, suspect: Suspect, relation: str) -> Values:
        """Each value once."""
        column = quote(suspect.column)
        rows = quote(f"rows of {suspect.column}")
        found = f"(SELECT {column}, count(*) AS {rows} FROM {relation} GROUP BY {column})"
        return cls(suspect, found, rows)

    @property
    def fields(self) -> str:
        """What conditions are written on: a text ``x`` with its ``digits``, or a ``number``."""
        value = self.suspect.value
        if self.suspect.number:
            return f"{value} AS number"
        return f"{value} AS x, {lone_digits(value)} AS digits"

    @property
    def sql(self) -> str:
        """The relation with `fields` and ``n``, the number of rows."""
        return f"(SELECT {self.fields}, {self.count} AS n FROM {self.relation})"


class Judge:
    """Runs tests on ``values``, or on those that match ``pattern`` (an SQL literal), of which there
    are ``candidates``. A context that drops what it keeps."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        values: Values,
        pattern: str | None = None,
        candidates: int = 0,
    ) -> None:
        self.connection = connection
        self.values = values
        self.rows = values.sql
        self._kept = 0 < candidates <= _KEPT
        if pattern is not None:
            self.rows = f"(SELECT * FROM {values.sql} WHERE regexp_matches(x, {pattern}))"

    def __enter__(self) -> Judge:
        if self._kept:
            self.connection.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS FROM {self.rows}")
            self.rows = _TABLE
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._kept:
            self.connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")

    def in_groups(self, groups: Sequence[Group]) -> list[Hits]:
        """What the tests of ``groups`` find, one for each kind. Only groups whose hint matches
        anywhere are asked."""
        others = [group for group in groups if not group.of_digits]
        kept = [t for group in groups if group.of_digits for t in self._of_digits(group)]
        if others:
            # Most candidates are numbers: whether there is anything else is one question.
            pattern = either(group.hint for group in others)
            rows = self.rows if self._kept else self.values.sql
            (count,) = self._counts([f"regexp_matches(x, {pattern})"], rows)
            kept += self._others(others, pattern, count) if count else []
        return self._hits(kept)

    def _others(self, groups: Sequence[Group], pattern: str, count: int) -> list[Test]:
        """The tests of ``groups`` that are believed; ``count`` rows match their hints, which are
        ``pattern`` together."""
        if not self._kept and count <= _KEPT:
            with Judge(self.connection, self.values, pattern, count) as fewer:
                return fewer._others(groups, pattern, count)
        hints = [f"regexp_matches(x, {literal(group.hint)})" for group in groups]
        counts = self._counts(hints, self.rows)
        hinted = [group for group, found in zip(groups, counts, strict=True) if found]
        return self._believed([test for group in hinted for test in group.tests], self.rows)

    def hits(self, tests: Sequence[Test]) -> list[Hits]:
        """What the tests find, one for each kind."""
        return self._hits(self._believed(tests, self.rows))

    def _hits(self, kept: Sequence[Test]) -> list[Hits]:
        return [
            self.hit(kind, [test.in_row or test.accepted for test in kept if test.kind == kind])
            for kind in dict.fromkeys(test.kind for test in kept)
        ]

    def hit(self, kind: Kind, conditions: Sequence[str]) -> Hits:
        """The rows that meet one of ``conditions``."""
        some = " OR ".join(f"({condition})" for condition in conditions)
        found = self.connection.execute(f"SELECT sum(n) FROM {self.rows} WHERE {some}").fetchall()
        rows = int(found[0][0] or 0)
        return Hits(self.values.suspect.column, kind, rows, some, self.values.fields)

    def _of_digits(self, group: Group) -> list[Test]:
        """The tests of ``group`` that are believed. Each number is kept once for all of them: the
        texts are long, the numbers are not."""
        # Cutting them out tells at once where there is none: no hint need be asked before.
        rows = self.rows if self._kept else self.values.sql
        in_sentence = f"CASE WHEN strlen(m) >= {CARD_DIGITS} THEN {sentence('x')} ELSE false END"
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {_NUMBERS} AS SELECT TRY_CAST(m AS UBIGINT) AS number,"
            f" strlen(m)::UTINYINT AS size, {in_sentence} AS sentence"
            f" FROM (SELECT unnest(digits) AS m, x FROM {rows})"
        )
        try:
            return self._believed(group.tests, _NUMBERS)
        finally:
            self.connection.execute(f"DROP TABLE IF EXISTS {_NUMBERS}")

    def _believed(self, tests: Sequence[Test], rows: str) -> list[Test]:
        """Those of ``tests`` that find something in ``rows``, more often than chance would."""
        wanted = [c for test in tests for c in (test.accepted, test.built, test.sized)]
        counts = self._counts(wanted, rows)
        return [
            test
            for at, test in enumerate(tests)
            if test.believes(*counts[3 * at : 3 * at + 3])
            and (test.chance is None or test.believes(*self._different(test, rows)))
        ]

    def _different(self, test: Test, rows: str) -> tuple[int, int, int]:
        """The same counts of different values: one may stand in many rows."""
        counts = ", ".join(
            f"count(DISTINCT {test.value}) FILTER (WHERE {condition})"
            for condition in (test.accepted, test.built, test.sized)
        )
        accepted, built, sized = self.connection.execute(f"SELECT {counts} FROM {rows}").fetchall()[
            0
        ]
        return accepted, built, sized

    def _counts(self, conditions: Sequence[str], rows: str) -> list[int]:
        if not conditions:
            return []
        counts = ", ".join(f"count_if({condition})" for condition in conditions)
        row = self.connection.execute(f"SELECT {counts} FROM {rows}").fetchall()[0]
        return [int(count or 0) for count in row]
