"""Looking into columns: one scan over all of them for what anything that is looked for must have,
then the exact detectors on the rows that have it, in the columns that do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.policy.data.personal.detectors import hint, mail, number_tests, text_groups
from mesh_defs.policy.data.personal.judge import Hits, Judge, Values
from mesh_defs.policy.data.personal.people import GIVEN_NAMES, WHOLE_NAME
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import duckdb

    from mesh_defs.policy.data.personal.kinds import Kind
    from mesh_defs.policy.data.personal.look import Suspect

# So many different names must be in a column before it is one of names.
_NAMES = 5
_LONGEST_NAME = 50  # bytes; what is longer is text


@dataclass(frozen=True, slots=True)
class _First:
    """What the first scan counts in one column: values, mailboxes, texts with the shape of anything
    else, values that look like the name of a person."""

    values: int
    mails: int
    shapes: int
    names: int


class Search:
    """Looks for ``kinds`` in the rows of ``relation`` (what goes after FROM). ``name_share``: the
    share of values of a column that must be names of people to make it one of names."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        relation: str,
        kinds: Collection[Kind],
        name_share: float,
    ) -> None:
        self.connection = connection
        self.relation = relation
        self.kinds = kinds
        self.name_share = name_share
        self.groups = text_groups(kinds)
        self.numbers = number_tests(kinds)
        self.pattern = hint(kinds)

    def hits(self, suspects: Iterable[Suspect]) -> list[Hits]:
        """What is found, one for each column and kind. Raises `duckdb.Error`."""
        texts, numbers = [], []
        for suspect in suspects:
            if suspect.number:
                numbers.append(suspect)
            elif suspect.only is None or self._listed(suspect):
                texts.append(suspect)
        found: list[Hits] = []
        wide = [suspect for suspect in texts if not suspect.few]
        for suspect, first in self._first(wide, self.relation):
            found += self._text(first, Values(suspect, self.relation))
        for suspect in texts:
            if suspect.few:
                values = Values.grouped(suspect, self.relation)
                ((_, first),) = self._first([suspect], values.relation)
                found += self._text(first, values)
        for suspect in numbers if self.numbers else ():
            found += self._numbers(suspect)
        return found

    def _listed(self, suspect: Suspect) -> bool:
        """Whether one of the only values that the column may have is anything like it."""
        if not suspect.only:
            return False
        listed = ", ".join(literal(value) for value in suspect.only)
        values = f"(SELECT unnest([{listed}]) AS {quote(suspect.column)})"
        ((_, first),) = self._first([suspect], values)
        return bool(first.mails or first.shapes or first.names)

    def _first(self, suspects: Sequence[Suspect], source: str) -> list[tuple[Suspect, _First]]:
        if not suspects:
            return []
        counts, values = [], []
        for at, suspect in enumerate(suspects):
            x = f"x{at}"
            values.append(f"{suspect.value} AS {x}")
            counts.append(f"count({x})")
            counts.append(f"count_if({mail(x)})" if "email" in self.kinds else "0")
            counts.append(f"count_if(regexp_matches({x}, {self.pattern}))" if self.groups else "0")
            counts.append(f"count_if({_like_a_name(x)})" if "name" in self.kinds else "0")
        row = self.connection.execute(
            f"SELECT {', '.join(counts)} FROM (SELECT {', '.join(values)} FROM {source})"
        ).fetchall()[0]
        found = [int(value or 0) for value in row]
        return [(s, _First(*found[4 * at : 4 * at + 4])) for at, s in enumerate(suspects)]

    def _text(self, first: _First, values: Values) -> list[Hits]:
        """The exact answer on the rows that may have something."""
        found: list[Hits] = []
        if first.shapes:
            with Judge(self.connection, values, self.pattern, first.shapes) as judge:
                found += judge.in_groups(self.groups)
        if first.mails:
            found.append(self._mails(first, values))
        if first.names and first.names >= self.name_share * first.values:
            found += self._names(values, {hits.kind for hits in found})
        return found

    def _mails(self, first: _First, values: Values) -> Hits:
        if values.suspect.few:
            return Judge(self.connection, values).hit("email", [mail("x")])
        return Hits(values.suspect.column, "email", first.mails, mail("x"), values.fields)

    def _numbers(self, suspect: Suspect) -> list[Hits]:
        judge = Judge(self.connection, Values(suspect, self.relation))
        return judge.hits(self.numbers)

    def _names(self, values: Values, found: set[Kind]) -> list[Hits]:
        """The values that begin with a given name, or have one after a comma, when they are many
        and different ones."""
        if "name" in found:
            return []
        given = ", ".join(literal(name) for name in GIVEN_NAMES)
        known = " OR ".join(
            f"lower(regexp_extract(x, {literal(place)}, 1)) IN ({given})"
            for place in (r"^\s*(\pL+)", r", *(\pL+)")
        )
        condition = f"{_like_a_name('x')} AND ({known})"
        different, named, all_values = self.connection.execute(
            f"SELECT count(DISTINCT x) FILTER (WHERE {condition}),"
            f" coalesce(sum(n) FILTER (WHERE {condition}), 0)::BIGINT,"
            f" coalesce(sum(n) FILTER (WHERE x IS NOT NULL), 0)::BIGINT FROM {values.sql}"
        ).fetchall()[0]
        if different < _NAMES or named < self.name_share * all_values:
            return []
        return [Hits(values.suspect.column, "name", named, condition, values.fields)]


def _like_a_name(value: str) -> str:
    matches = f"regexp_full_match({value}, {literal(WHOLE_NAME)})"
    return f"CASE WHEN strlen({value}) <= {_LONGEST_NAME} THEN {matches} ELSE false END"
