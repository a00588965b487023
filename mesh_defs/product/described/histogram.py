"""How the numbers or times of a column are spread, in at most twenty equal bins: as the rows that
are looked at are, or as the footers of row groups tell."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.physical_types import FLOATS, INTEGERS, TIMESTAMPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from mesh_defs.contract.physical_types import Physical

MOST_BINS = 20
Edge = int | float | str

_EPOCH = date(1970, 1, 1)
_START = datetime(1970, 1, 1)  # noqa: DTZ001  of values without a zone
_EXACT = 2**62
_FRACTIONS = FLOATS | {"DECIMAL"}
_NARROW = 0.25


@dataclass(frozen=True, slots=True)
class Histogram:
    """``counts`` of the rows that were looked at, by bin: from an edge (inclusive) up to the next;
    the last bin has its upper edge, too. Edges are numbers, or ISO 8601 texts; there is one more
    than there are counts."""

    edges: tuple[Edge, ...]
    counts: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """The histogram as JSON values."""
        return {"edges": list(self.edges), "counts": list(self.counts)}


@dataclass(frozen=True, slots=True)
class Bins:
    """Equal bins from ``low`` on, each ``width`` wide; whole numbers where the values are."""

    kind: Physical
    low: int | float
    high: int | float
    width: int | float
    count: int

    def edges(self) -> tuple[Edge, ...] | None:
        """The edges as they are told; None when one is a time that ISO 8601 cannot tell."""
        whole = isinstance(self.low, int)
        last = self.low + self.count * self.width if whole else self.high
        numbers = [*(self.low + i * self.width for i in range(self.count)), last]
        found = [_edge(number, self.kind) for number in numbers]
        kept = tuple(edge for edge in found if edge is not None)
        return kept if len(kept) == len(found) else None

    def histogram(self, counts: Sequence[int]) -> Histogram | None:
        """With ``counts`` by bin."""
        edges = self.edges()
        return Histogram(edges, tuple(counts)) if edges is not None else None


def bins(kind: Physical, ends: tuple[str, str]) -> Bins | None:
    """The bins between the least and the greatest value, which are SQL text. None for types that
    are no numbers or times, and where there is but one value or an endless one."""
    if _number("", kind) is None:
        return None
    low, high = (_end(kind, end) for end in ends)
    if low is None or high is None or not low < high:
        return None
    if isinstance(low, int) and isinstance(high, int):
        width = -((low - high - 1) // MOST_BINS)
        count = math.ceil((high - low + 1) / width)
        return Bins(kind, low, high, width, count) if high - low < _EXACT else None
    step = (high - low) / MOST_BINS
    if not math.isfinite(step) or step <= 0:
        return None
    return Bins(kind, low, high, step, MOST_BINS)


def counted(
    connection: duckdb.DuckDBPyConnection, source: str, column: str, at: Bins
) -> Histogram | None:
    """The rows of ``source`` by the bin of ``column`` (a quoted name). Raises `duckdb.Error`."""
    number, kind = _number(column, at.kind), at.kind
    place = f"floor(({number} - {at.low!r}) / {at.width!r})"
    if isinstance(at.low, int):
        place = f"({number} - ({at.low})) // {at.width}"
    finite = f"isfinite({column})" if kind.name not in INTEGERS | {"DECIMAL"} else "true"
    found = dict(
        connection.execute(
            f"SELECT greatest(0, least({place}, {at.count - 1}))::INTEGER, count(*) FROM {source}"
            f" WHERE {column} IS NOT NULL AND {finite} GROUP BY 1"
        ).fetchall()
    )
    return at.histogram([int(found.get(i, 0)) for i in range(at.count)])


def clustered(at: Bins, groups: Sequence[tuple[str, str, int]]) -> list[tuple[float, float, int]]:
    """The ends and counts of row groups, as numbers, where values that lie together are near each
    other (as in data that comes in the order of time); nothing otherwise. A few places of such data
    say little of all of it, and the ends of its row groups much."""
    found = []
    for least, greatest, count in groups:
        low, high = _end(at.kind, least), _end(at.kind, greatest)
        if low is None or high is None:
            return []
        found.append((float(low), float(high), count))
    total = sum(count for _, _, count in found)
    wide = sum((high - low) * count for low, high, count in found)
    return found if total and wide <= _NARROW * total * (at.high - at.low) else []


def of_groups(at: Bins, groups: Sequence[tuple[float, float, int]], rows: int) -> Histogram | None:
    """The histogram of ``rows`` rows that lie as those of ``groups`` do, whose values are taken to
    be spread evenly between their ends."""
    shares = [0.0] * at.count
    for low, high, count in groups:
        first, last = _bin(at, low), _bin(at, high)
        for place in range(first, last + 1):
            start = max(low, at.low + place * at.width)
            end = high if place == last else at.low + (place + 1) * at.width
            shares[place] += count * ((end - start) / (high - low) if high > low else 1.0)
    scale = rows / sum(shares)
    counts = [math.floor(share * scale) for share in shares]
    # What is left by rounding down goes where most was cut off, so that all rows are counted.
    by_rest = sorted(range(at.count), key=lambda i: counts[i] - shares[i] * scale)
    for place in by_rest[: rows - sum(counts)]:
        counts[place] += 1
    return at.histogram(counts)


def _bin(at: Bins, number: float) -> int:
    return max(0, min(at.count - 1, math.floor((number - at.low) / at.width)))


def _number(column: str, kind: Physical) -> str | None:
    """A number for each value: whole numbers, days, microseconds, or doubles."""
    if kind.name in INTEGERS:
        return f"{column}::HUGEINT" if kind.name in ("HUGEINT", "UHUGEINT", "UBIGINT") else column
    if kind.name == "DATE":
        return f"date_diff('day', DATE '{_EPOCH}', {column})"
    if kind.name in TIMESTAMPS:
        return f"epoch_us({column})"
    return f"{column}::DOUBLE" if kind.name in _FRACTIONS else None


def _end(kind: Physical, text: str) -> int | float | None:
    """``text`` as such a number; None when it is endless, or out of the calendar of ISO 8601."""
    if kind.name in INTEGERS:
        return int(text)
    if kind.name in _FRACTIONS:
        found = float(text)
        return found if math.isfinite(found) else None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    since = moment - _START
    return since.days if kind.name == "DATE" else since // timedelta(microseconds=1)


def _edge(number: int | float, kind: Physical) -> Edge | None:
    """The edge as it is told; None for a time that is out of the calendar of ISO 8601 here."""
    if kind.name == "DATE":
        try:
            return (_EPOCH + timedelta(days=int(number))).isoformat()
        except OverflowError:
            return None
    if kind.name in TIMESTAMPS:
        try:
            moment = _START + timedelta(microseconds=int(number))
        except OverflowError:
            return None
        zoned = moment.replace(tzinfo=UTC) if kind.name == "TIMESTAMPTZ" else moment
        return zoned.isoformat()
    return number
