"""Whether a mask takes anything away of the values that are there: does it merge them?

Four characters of a long text are a piece of it. Of a word of five they are the word, and a number
that was written as one character is the number. So what a column shows is counted against the
source: many different values there must be few here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.sql import quote

if TYPE_CHECKING:
    from mesh_defs.policy.subject import StagedPort

# So many of the different values that are seen are looked for in all those of the source, or fewer
# where that is so large that this many pairs would be compared.
_LOOKED_FOR, _PAIRS = 50, 50_000_000
_PIECES_OF = 200
# Pieces of values shorter than this are met by chance; of longer ones the beginning is compared.
_SHORTEST, _LONGEST = 8, 100


class Masks:
    """Compares the values of ``column`` that this run made with those of ``source``, a relation of
    one column of texts called ``name``. Every method raises `duckdb.Error`."""

    def __init__(self, port: StagedPort, column: str, source: str, name: str) -> None:
        self.port = port
        self.name = name
        self._source = f"(SELECT lower(v) AS v FROM {source} AS s(v))"
        self._seen = (
            f"(SELECT DISTINCT lower(CAST({quote(column)} AS VARCHAR)) AS v"
            f" FROM {port.staged.added.sql} WHERE {quote(column)} IS NOT NULL)"
        )

    def not_merged(self, least: int) -> str | None:
        """Why no ``least`` different values of the source stand behind most of those seen."""
        port = self.port
        values = port.number(f"SELECT count(DISTINCT v) FROM {self._source}")
        seen = port.number(f"SELECT count(*) FROM {self._seen}")
        if not values or not seen:
            return None
        if values < least * seen:
            return (
                f"it shows {seen:,} different values of the {values:,} that {self.name} has: "
                f"{values / seen:.1f} stand behind each, and {least} are asked for"
            )
        told, looked_for = self._told(least, max(1, min(_LOOKED_FOR, _PAIRS // values)))
        if 2 * told <= looked_for:
            return None
        return (
            f"{told} of {looked_for} of the values that it shows are each found in fewer than "
            f"{least} of the values that {self.name} has, which tells which one it is"
        )

    def _told(self, least: int, most: int) -> tuple[int, int]:
        """Of how many values the source has some with it in them, but too few; of how many."""
        found = self.port.connection.execute(
            f"WITH seen AS MATERIALIZED (SELECT v FROM {self._seen} WHERE v <> ''"
            f" ORDER BY hash(v) LIMIT {most}),"
            f" behind AS (SELECT seen.v, count(DISTINCT s.v) AS n FROM seen"
            f" JOIN {self._source} AS s ON contains(s.v, seen.v) GROUP BY seen.v)"
            f" SELECT (SELECT count(*) FROM behind WHERE n < {least}), (SELECT count(*) FROM seen)"
        ).fetchone()
        return (int(found[0]), int(found[1])) if found is not None else (0, 0)

    def pieces(self, least: int, share: float) -> str | None:
        """Why values of the source came through, more than half of each in one piece that fewer
        than ``least`` of them have: at least ``share`` (0 to 1) of the values that are seen, but
        for hex digits, have one in them."""
        found = self.port.connection.execute(self._pieces_query(least)).fetchone()
        told, looked_at = found if found is not None else (0, 0)
        if not told or told < share * looked_at:
            return None
        return (
            f"{told} of {looked_at} of its different values have more than half of a value of "
            f"{self.name} in one piece"
        )

    def _pieces_query(self, least: int) -> str:
        """A piece of more than half of a value is one of its windows of this length."""
        text = f"left(v, {_LONGEST})"
        windows = "unnest(range(1, length({0}) - n + 2))"
        return (
            f"WITH seen AS MATERIALIZED (SELECT left(v, {4 * _LONGEST}) AS v FROM {self._seen}"
            f" WHERE NOT regexp_full_match(v, '[0-9a-f]*') ORDER BY hash(v) LIMIT {_PIECES_OF}),"
            f" source AS (SELECT v, length(v) // 2 + 1 AS n FROM (SELECT {text} AS v"
            f" FROM {self._source}) WHERE length(v) >= {_SHORTEST}),"
            " lengths AS (SELECT DISTINCT n FROM source),"
            " shown AS MATERIALIZED (SELECT v, substr(v, i, n) AS piece FROM"
            f" (SELECT v, n, {windows.format('v')} AS i FROM seen, lengths WHERE length(v) >= n)),"
            " shared AS (SELECT piece FROM (SELECT v, substr(v, i, n) AS piece FROM"
            f" (SELECT v, n, {windows.format('v')} AS i FROM source))"
            " WHERE piece IN (SELECT piece FROM shown)"
            f" GROUP BY piece HAVING count(DISTINCT v) < {least})"
            " SELECT (SELECT count(DISTINCT v) FROM shown WHERE piece IN (SELECT piece FROM"
            " shared)), (SELECT count(*) FROM seen)"
        )
