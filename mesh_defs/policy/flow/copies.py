"""Whether a column holds values of a personal column of an input that nothing names as its source.

What Python makes has no lineage: names and contracts are believed, and a copy stands in the data.
Values are compared as texts, in lower case and without blanks around them. Of many rows of the
column some are looked at, and all of the input: taking every value there to lower case is most of
what it costs. Only where some are found is more counted, and of values in so many rows those of
some hashes. Chance makes values equal too: those that are few, or short, that repeat over many rows
as categories do, or that are numbers or days which fill their range, tell nothing; nor do values
that a named source has as well.

Out of reach are values within longer texts, in lists and structs, fractions, and digests.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mesh_defs.contract.model import PERSONAL
from mesh_defs.policy.data.counting import looked_at
from mesh_defs.policy.flow.graph import Ref, rank
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from mesh_defs.contract.model import Column
    from mesh_defs.policy.flow.graph import Flows, Sensitivity
    from mesh_defs.policy.flow.versions import Read
    from mesh_defs.policy.subject import StagedPort

# Of an input with more rows than this, values of about so many rows are counted.
SAMPLE = 100_000
_COMPARED = ("VARCHAR", "UUID", "DATE", "TIMESTAMP", "INTEGER", "BIGINT", "UINTEGER", "UBIGINT",
             "HUGEINT", "UHUGEINT")  # fmt: skip
_SHORTEST = 4  # characters of a value that is compared
# A column names people, and not categories, where a value has at most ten rows, or where there are
# many values, and long ones.
_ROWS_PER_VALUE = 10
_MANY, _LONG = 1_000, 8
# Numbers and days that fill more of their range are met by chance.
_DENSEST = 0.1
_TABLE = "mesh_copied_values"


@dataclass(frozen=True, slots=True)
class Copy:
    """Values of ``source`` that a column has: ``values`` different ones at the least, which are
    ``share`` (0 to 1) of the column's, or of the source's where that is more."""

    source: Ref
    found: Sensitivity
    values: int
    share: float


@dataclass(frozen=True, slots=True)
class _Source:
    read: Read
    ref: Ref
    found: Sensitivity


class Copies:
    """Compares the rows of ``port`` with those of its inputs, on its connection. From ``values``
    different values on that are at least ``share`` of all there is a copy."""

    def __init__(self, port: StagedPort, flows: Flows, share: float, values: int) -> None:
        self.port = port
        self.flows = flows
        self.share = share
        self.values = values

    def find(
        self, columns: Sequence[Column], named: Mapping[str, Collection[Ref]], least: int
    ) -> Iterator[tuple[Column, Copy]]:
        """For each of ``columns`` that holds a copy of a personal column, and is classified lower,
        the copy of the one classified highest. ``named`` has what is known to flow into each,
        ``least`` is the rank from which on a source counts. Raises `duckdb.Error`, `MeshError`."""
        sources = [source for source in self._personal if source.found.rank >= least]
        types = self._types(self.port.table.sql)
        asked = [
            column
            for column in columns
            if _is_compared(types.get(column.name.lower(), ""))
            and any(_counts(one, column, named) for one in sources)
        ]
        if not asked:
            return
        copies: dict[int, list[Copy]] = {place: [] for place in range(len(asked))}
        with self._values(asked) as counts:
            for source in sources:
                for place in self._met(source, counts):
                    column, count = asked[place], counts[place]
                    if _counts(source, column, named):
                        copies[place] += self._copy(
                            source, column, place, count, named[column.name]
                        )
        for place, found in copies.items():
            if found:
                yield asked[place], max(found, key=lambda one: (one.found.rank, one.share))

    @cached_property
    def _personal(self) -> list[_Source]:
        found = []
        for read in self.flows.root.reads:
            types = self._types(quote(read.input))
            for column in self.flows.version(read.key).outputs[read.port].promise.columns:
                ref = Ref(read.key, read.port, column.name)
                sensitivity = self.flows.sensitivity(ref)
                compared = _is_compared(types.get(column.name.lower(), ""))
                if sensitivity.classification in PERSONAL and compared:
                    found.append(_Source(read, ref, sensitivity))
        return found

    def _types(self, relation: str) -> dict[str, str]:
        described = self.port.connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        return {str(row[0]).lower(): str(row[1]) for row in described}

    @contextmanager
    def _values(self, columns: list[Column]) -> Iterator[dict[int, int]]:
        """A table of different values of ``columns``, by the place of the column; how many there
        are of each that has enough."""
        connection, table = self.port.connection, self.port.table
        parts = [
            f"SELECT DISTINCT {place} AS place, v FROM"
            f" (SELECT {_key(column.name)} AS v FROM {looked_at(table, column.name)})"
            f" WHERE length(v) >= {_SHORTEST}"
            for place, column in enumerate(columns)
        ]
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS {' UNION ALL '.join(parts)}")
        try:
            counted = connection.execute(
                f"SELECT place, count(*) FROM {_TABLE} GROUP BY place"
            ).fetchall()
            yield {int(place): int(n) for place, n in counted if n >= self.values}
        finally:
            connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")

    def _met(self, source: _Source, counts: Collection[int]) -> list[int]:
        """The places of columns that have enough values of ``source``, in one look at it."""
        if not counts:
            return []
        listed = ", ".join(map(str, counts))
        found = self.port.connection.execute(
            f"SELECT place FROM {_TABLE} WHERE place IN ({listed}) AND v IN"
            f" (SELECT {_key(source.ref.column)} FROM {quote(source.read.input)})"
            f" GROUP BY place HAVING count(*) >= {self.values}"
        ).fetchall()
        return sorted(int(row[0]) for row in found)

    def _copy(
        self, source: _Source, column: Column, place: int, count: int, named: Collection[Ref]
    ) -> Iterator[Copy]:
        """The copy of ``source`` in ``column``, of which ``count`` values were looked at."""
        theirs = self._telling(source)
        if theirs is None:
            return
        known = "".join(
            f" AND NOT EXISTS (SELECT 1 FROM {quote(read.input)} AS r"
            f" WHERE {_key(ref.column, 'r')} = c.v)"
            for ref in named
            for read in self.flows.root.reads
            if (read.key, read.port) == (ref.key, ref.port)
        )
        matched = self.port.number(
            f"SELECT count(*) FROM {_TABLE} AS c WHERE place = {place} AND v IN"
            f" (SELECT {_key(source.ref.column)} FROM {quote(source.read.input)}){known}"
        )
        if matched < self.values:
            return
        share = matched / count
        if share < self.share:
            both = self.port.number(
                f"SELECT count(*) FROM {self._some_of(source)} AS c WHERE v IN"
                f" (SELECT {_key(column.name)} FROM {self.port.table.sql}){known}"
            )
            share = max(share, both / theirs)
        if share >= self.share:
            yield Copy(source.ref, source.found, matched, share)

    def _some_of(self, source: _Source) -> str:
        """Different values of ``source`` (v): all, or of many rows those of some hashes."""
        relation, key = quote(source.read.input), _key(source.ref.column)
        every = max(1, self.port.number(f"SELECT count(*) FROM {relation}") // SAMPLE)
        sampled = f" AND hash(v) % {every} = 0" if every > 1 else ""
        return (
            f"(SELECT v, count(*) AS n FROM (SELECT {key} AS v FROM {relation})"
            f" WHERE length(v) >= {_SHORTEST}{sampled} GROUP BY v)"
        )

    def _telling(self, source: _Source) -> int | None:
        """How many of `_some_of` its values there are; None where chance may meet them."""
        found = self.port.connection.execute(
            "SELECT count(*), sum(n), avg(length(v)),"
            " CASE WHEN count(x) = count(*) THEN max(x)::DOUBLE - min(x) + 1 END,"
            " CASE WHEN count(d) = count(*) THEN max(d) - min(d) + 1.0 END"
            " FROM (SELECT v, n, TRY_CAST(v AS HUGEINT) AS x, TRY_CAST(v AS DATE) AS d"
            f" FROM {self._some_of(source)})"
        ).fetchone()
        values, rows, length, numbers, days = found if found is not None else (0, 0, 0, None, None)
        if values < self.values:
            return None
        span = numbers if numbers is not None else days
        if span is not None and self._different(source) / span > _DENSEST:
            return None
        if rows > _ROWS_PER_VALUE * values and not (values >= _MANY and length >= _LONG):
            return None
        return int(values)

    def _different(self, source: _Source) -> int:
        """How many different values ``source`` has, about."""
        column, relation = quote(source.ref.column), quote(source.read.input)
        return self.port.number(f"SELECT approx_count_distinct({column}) FROM {relation}")


def _counts(source: _Source, column: Column, named: Mapping[str, Collection[Ref]]) -> bool:
    """Whether values of ``source`` have no business in ``column``, as far as its contract goes."""
    higher = source.found.rank > rank(column.classification)
    return higher and source.ref not in named[column.name]


def _is_compared(type_name: str) -> bool:
    return type_name.startswith(_COMPARED) and not type_name.endswith("]")


def _key(column: str, alias: str | None = None) -> str:
    """The text under which a value is compared. Trimming a text costs more than looking at both of
    its ends."""
    name = f"{quote(alias)}.{quote(column)}" if alias is not None else quote(column)
    text = f"CAST({name} AS VARCHAR)"
    blank = f"starts_with({text}, ' ') OR ends_with({text}, ' ')"
    return f"lower(CASE WHEN {blank} THEN trim({text}) ELSE {text} END)"
