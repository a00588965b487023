"""Looking into columns: one scan over all of them for what anything that is looked for must have,
then the exact detectors on the rows that have it, in the columns that do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.policy.data.personal.contact import PHONE_DIGITS, WHOLE_PHONE
from mesh_defs.policy.data.personal.detectors import hint, mail, number_tests, text_groups
from mesh_defs.policy.data.personal.judge import Hits, Judge, Values
from mesh_defs.policy.data.personal.people import (
    GIVEN_NAMES,
    GIVEN_PLACES,
    NO_INITIALS,
    WHOLE_NAME,
    WITH_INITIALS,
)
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import duckdb

    from mesh_defs.policy.data.personal.kinds import Kind
    from mesh_defs.policy.data.personal.look import Suspect

# So many different names, or telephone numbers, must be in a column before it is one of them.
_DIFFERENT = 5
_PHONES = 0.8  # and such a share of its values must be telephone numbers
_LONGEST_PHONE = 24  # bytes
_LONGEST_NAME = 50  # bytes; what is longer is text


@dataclass(frozen=True, slots=True)
class _First:
    """What the first scan counts in one column: values, mailboxes, texts with the shape of anything
    else, values that look like the name of a person, or like a telephone number from end to end."""

    values: int
    mails: int
    shapes: int
    names: int
    phones: int


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
        return bool(first.mails or first.shapes or first.names or first.phones)

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
            counts.append(f"count_if({_like_a_phone(x)})" if "phone" in self.kinds else "0")
        row = self.connection.execute(
            f"SELECT {', '.join(counts)} FROM (SELECT {', '.join(values)} FROM {source})"
        ).fetchall()[0]
        found = [int(value or 0) for value in row]
        return [(s, _First(*found[5 * at : 5 * at + 5])) for at, s in enumerate(suspects)]

    def _text(self, first: _First, values: Values) -> list[Hits]:
        """The exact answer on the rows that may have something."""
        found: list[Hits] = []
        if first.shapes:
            with Judge(self.connection, values, self.pattern, first.shapes) as judge:
                found += judge.in_groups(self.groups)
        if first.mails:
            rows = None if values.suspect.few else first.mails
            found = self._with("email", mail("x"), found, values, rows)
        if first.names and first.names >= self.name_share * first.values:
            found += self._names(values, {hits.kind for hits in found})
        if first.phones and first.phones >= _PHONES * first.values:
            phones = _like_a_phone("x")
            different, rows, all_rows = self._count(values, phones)
            if different >= _DIFFERENT and rows >= _PHONES * all_rows:
                found = self._with("phone", phones, found, values)
        return found

    def _with(
        self, kind: Kind, condition: str, found: list[Hits], values: Values, rows: int | None = None
    ) -> list[Hits]:
        """``found`` and the rows that meet ``condition``, together where both are of one kind;
        ``rows`` is their number where it is known."""
        mine = [hits for hits in found if hits.kind == kind]
        others = [hits for hits in found if hits.kind != kind]
        if rows is not None and not mine:
            return [*others, Hits(values.suspect.column, kind, rows, condition, values.fields)]
        conditions = [condition, *(hits.condition for hits in mine)]
        return [*others, Judge(self.connection, values).hit(kind, conditions)]

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
            f"lower(regexp_extract(x, {literal(place)}, 1)) IN ({given})" for place in GIVEN_PLACES
        )
        initials = (
            f"regexp_full_match(x, {literal(WITH_INITIALS)})"
            f" AND NOT regexp_matches(x, {literal(NO_INITIALS)})"
        )
        condition = f"{_like_a_name('x')} AND ({known} OR ({initials}))"
        different, named, all_values = self._count(values, condition)
        if different < _DIFFERENT or named < self.name_share * all_values:
            return []
        return [Hits(values.suspect.column, "name", named, condition, values.fields)]

    def _count(self, values: Values, condition: str) -> tuple[int, int, int]:
        """How many different values meet ``condition``, how many rows do, how many have a value."""
        different, rows, all_rows = self.connection.execute(
            f"SELECT count(DISTINCT x) FILTER (WHERE {condition}),"
            f" coalesce(sum(n) FILTER (WHERE {condition}), 0)::BIGINT,"
            f" coalesce(sum(n) FILTER (WHERE x IS NOT NULL), 0)::BIGINT FROM {values.sql}"
        ).fetchall()[0]
        return different, rows, all_rows


def _like_a_name(value: str) -> str:
    """SQL: whether all of a text is like a name. Most others are told by their first character,
    which is no digit, small letter or sign of ASCII."""
    fits = (
        f"strlen({value}) <= {_LONGEST_NAME} AND NOT ascii({value}) BETWEEN 33 AND 64"
        f" AND NOT ascii({value}) BETWEEN 91 AND 126"
    )
    matches = f"regexp_full_match({value}, {literal(WHOLE_NAME)})"
    return f"CASE WHEN {fits} THEN {matches} ELSE false END"


def _like_a_phone(value: str) -> str:
    """SQL: whether all of a text is like a telephone number without its country. It begins with a
    digit or bracket, after spaces at most."""
    fits = (
        f"strlen({value}) BETWEEN {PHONE_DIGITS[0] + 1} AND {_LONGEST_PHONE}"
        f" AND ascii({value}) <= 57"
    )
    matches = f"regexp_full_match({value}, {literal(WHOLE_PHONE)})"
    digits = f"length(regexp_replace({value}, '[^0-9]', '', 'g'))"
    low, high = PHONE_DIGITS
    return f"CASE WHEN {fits} AND {matches} THEN {digits} BETWEEN {low} AND {high} ELSE false END"
