"""The picture of a port's rows that its discovery document shows: for each column how much is
missing, how many different values there are, the least and the greatest, the most frequent, and how
numbers and times are spread.

What Parquet's footers decide is of all rows. The rest is of the rows that are looked at
(`mesh_defs.product.described.looked_at`): of a large port a few thousand, the same each time, so
that publishing costs little more for it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.checks.table import Table
from mesh_defs.contract.physical_types import FLOATS, INTEGERS, TIMESTAMPS
from mesh_defs.product.described.histogram import bins, clustered, counted, of_groups
from mesh_defs.product.described.looked_at import cut, is_plain, looked_at
from mesh_defs.product.described.samples import Sample, sample_rows
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import duckdb

    from mesh_defs.contract.data import Rows
    from mesh_defs.contract.physical_types import Physical
    from mesh_defs.product.described.histogram import Bins, Histogram

MOST_VALUES = 10

Shares = tuple[tuple[str, float], ...]
NOTHING: Shares = ()


@dataclass(frozen=True, slots=True)
class ColumnPicture:
    """One column. ``nulls`` is a share from 0 to 1, ``distinct`` an estimate of the number of
    different values, ``top`` has the most frequent values that stand more than once, with their
    shares of the rows that were looked at. All but ``nulls`` is None or empty where no value may be
    told, or none can be."""

    nulls: float
    distinct: int | None = None
    least: str | None = None
    greatest: str | None = None
    top: Shares = ()
    histogram: Histogram | None = None

    def as_dict(self) -> dict[str, Any]:
        """The picture as JSON values."""
        return {
            "nulls": self.nulls,
            "distinct": self.distinct,
            "least": self.least,
            "greatest": self.greatest,
            "top": [{"value": value, "share": share} for value, share in self.top],
            "histogram": self.histogram.as_dict() if self.histogram is not None else None,
        }


@dataclass(frozen=True, slots=True)
class PortPicture:
    """A port: ``looked_at`` rows of all, the columns by name, their types in the data, and a few
    sample rows (None: there is nothing that every reader may see). ``reason`` says why there is no
    picture of any column."""

    looked_at: int
    columns: Mapping[str, ColumnPicture] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    sample: Sample | None = None
    reason: str | None = None


def port_picture(
    connection: duckdb.DuckDBPyConnection,
    rows: Rows,
    named: Sequence[str],
    told: AbstractSet[str],
    sampled: AbstractSet[str],
    unique: AbstractSet[str],
) -> PortPicture:
    """The picture of ``rows`` (Parquet), of the columns ``named`` in the contract. Values are read
    of those in ``told`` alone, and stand in sample rows of those in ``sampled``; ``unique`` are
    columns of which it was proved that no value stands twice. Raises `duckdb.Error`."""
    with closing(Table(connection, rows, "described_footers")) as table:
        return _Look(table, named, told, sampled, unique).picture()


class _Look:
    """One look at the rows of a port."""

    def __init__(
        self,
        table: Table,
        named: Sequence[str],
        told: AbstractSet[str],
        sampled: AbstractSet[str],
        unique: AbstractSet[str],
    ) -> None:
        present = {name.lower(): name for name in table.own}
        pairs = ((name, present.get(name.lower())) for name in named)
        # By the name in the contract: the column's name in the data.
        self.columns = {name: own for name, own in pairs if own is not None}
        self.table, self.sampled, self.unique = table, sampled, unique
        self.told = [n for n in self.columns if n in told and is_plain(self._kind(n))]
        self.into = quote("described_rows")
        self.seen = 0

    def picture(self) -> PortPicture:
        run = self.table.connection.execute
        self.ranges: dict[str, list[tuple[str, str, int]]] = {}
        self.seen = looked_at(self.table, [self.columns[n] for n in self.told], self.into)
        try:
            nulls, ends, self.ranges = self._nulls(), self._ends(), self._ranges()
            found = {
                name: self._column(name, nulls[name], ends[name])
                if name in self.told
                else ColumnPicture(nulls[name])
                for name in self.columns
            }
            shown = {n: self.columns[n] for n in self.told if n in self.sampled}
            sample = sample_rows(run, self.into, list(self.columns), shown, self.seen)
        finally:
            run(f"DROP TABLE IF EXISTS {self.into}")
        types = {name: self.table.types[own] for name, own in self.columns.items()}
        return PortPicture(self.seen, found, types, sample)

    def _kind(self, name: str) -> Physical:
        return self.table.own[self.columns[name]]

    def _nulls(self) -> dict[str, float]:
        """The share of NULL in each column: of all rows where footers tell, or no value is looked
        at; else of the rows that are."""
        rows, statistics = self.table.count, self.table.statistics
        found, asked = {}, []
        for name, own in self.columns.items():
            known = statistics.nulls(own) if statistics is not None else None
            if known is None:
                asked.append(name)
            else:
                found[name] = _share(known, rows)
        looked = [name for name in asked if name in self.told]
        rest = [name for name in asked if name not in self.told]
        found |= self._counted(looked, self.into, self.seen)
        return found | self._counted(rest, self.table.rows.sql, rows)

    def _counted(self, names: list[str], source: str, rows: int) -> dict[str, float]:
        if not names:
            return {}
        counts = ", ".join(f"count(*) - count({quote(self.columns[n])})" for n in names)
        row = self.table.connection.execute(f"SELECT {counts} FROM {source}").fetchone()
        return {name: _share(int(n), rows) for name, n in zip(names, row or (), strict=True)}

    def _column(
        self, name: str, nulls: float, ends: tuple[str | None, str | None]
    ) -> ColumnPicture:
        own, kind = self.columns[name], self._kind(name)
        filled = round(self.table.count * (1 - nulls))
        least, greatest = ends
        at = bins(kind, (least, greatest)) if least is not None and greatest is not None else None
        groups = clustered(at, self.ranges.get(own, ())) if at is not None else []
        if name in self.unique:
            distinct, top = filled, NOTHING
        else:
            distinct, top = self._values(own, kind, filled, apart=bool(groups))
            if at is not None and (kind.name in INTEGERS or kind.name == "DATE"):
                distinct = min(distinct, int(at.high - at.low) + 1)
        return ColumnPicture(
            nulls,
            distinct,
            None if least is None else _told(least, kind),
            None if greatest is None else _told(greatest, kind),
            top,
            self._spread(own, at, groups, nulls) if at is not None else None,
        )

    def _spread(
        self, own: str, at: Bins, groups: list[tuple[float, float, int]], nulls: float
    ) -> Histogram | None:
        """The histogram of the rows that are looked at; where these say less than the footers, of
        as many rows that lie as the footers tell."""
        if groups:
            return of_groups(at, groups, round(self.seen * (1 - nulls)))
        return counted(self.table.connection, self.into, quote(own), at)

    def _ranges(self) -> dict[str, list[tuple[str, str, int]]]:
        """What footers tell of each row group, where not all rows are looked at."""
        statistics = self.table.statistics
        if statistics is None or self.seen >= self.table.count:
            return {}
        return statistics.ranges(self.columns[name] for name in self.told)

    def _ends(self) -> dict[str, tuple[str | None, str | None]]:
        """The least and the greatest value of each column as SQL text: of all rows where footers
        tell them."""
        statistics = self.table.statistics
        found: dict[str, tuple[str | None, str | None]] = {}
        parts = []
        for name in self.told:
            own, kind = self.columns[name], self._kind(name)
            known = statistics.ends(own) if statistics is not None else None
            if known is not None:
                found[name] = known
                continue
            column = quote(own)
            finite = f" FILTER (isfinite({column}))" if kind.name in FLOATS else ""
            parts += [f"{end}({column}){finite}::VARCHAR" for end in ("min", "max")]
        if not parts:
            return found
        query = f"SELECT {', '.join(parts)} FROM {self.into}"
        row = self.table.connection.execute(query).fetchone() or ()
        asked = [name for name in self.told if name not in found]
        return found | dict(zip(asked, zip(row[::2], row[1::2], strict=True), strict=True))

    def _values(self, own: str, kind: Physical, filled: int, *, apart: bool) -> tuple[int, Shares]:
        """How many different values there are, and the most frequent ones. ``apart`` tells that
        other places have other values."""
        column = quote(own)
        row = self.table.connection.execute(
            f"WITH g AS MATERIALIZED (SELECT {column} AS v, count(*) AS n FROM {self.into}"
            f" WHERE {column} IS NOT NULL GROUP BY 1)"
            " SELECT (SELECT count(*) FROM g), (SELECT count(*) FROM g WHERE n = 1),"
            " (SELECT sum(n)::BIGINT FROM g),"
            " (SELECT list({'v': v::VARCHAR, 'n': n} ORDER BY n DESC, v) FROM"
            f" (SELECT v, n FROM g WHERE n > 1 ORDER BY n DESC, v LIMIT {MOST_VALUES}))"
        ).fetchone()
        different, once, looked, listed = row or (0, 0, 0, None)
        top = tuple((_told(o["v"], kind), _share(o["n"], self.seen)) for o in listed or ())
        if apart and looked:
            return max(different, min(filled, round(different * filled / looked))), top
        return distinct_estimate(different, once, looked or 0, filled), top


def distinct_estimate(different: int, once: int, looked: int, rows: int) -> int:
    """How many different values there are among ``rows``, of which ``looked`` were looked at: there
    were ``different`` ones, ``once`` of them a single time. The estimator Duj1 of Haas and Stokes
    (Estimating the Number of Classes in a Finite Population, 1998, section 3), as PostgreSQL's
    ANALYZE uses it; exact when all rows were looked at."""
    if looked >= rows or not looked:
        return different
    found = looked * different / (looked - once + once * looked / rows)
    return max(different, min(rows, round(found)))


def _share(count: int, rows: int) -> float:
    return round(count / rows, 6) if rows else 0.0


def _told(text: str, kind: Physical) -> str:
    """A value's SQL text as a document tells it; times as ISO 8601."""
    return text.replace(" ", "T", 1) if kind.name in TIMESTAMPS else cut(text)
