"""How the values of one column reach another: the words that a ledger's lineage keeps.

A *path* is what happened to a value on one way through a query; a column that is reached on several
paths has several. As text: ``direct``, or its reductions joined by `` + ``; several paths are
joined by `` or ``, those that give away no more than another one left out::

    direct                        the value, or something that gives it away
    aggregated(20)                in aggregates alone, each over at least 20 rows
    aggregated                    in aggregates over all rows of groups whose size is not proven
    aggregated(1)                 in aggregates over some rows of a group, perhaps over one
    hashed                        through keyed_hash(...)
    masked(4)                     at most four characters of it, or as much
    condition                     it decides which rows belong together, and is not shown
    chosen                        its order decides which rows there are (the first ones by it)
    hashed + aggregated(20) or masked(4)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

UNPROVEN = 0  # of `Path.aggregated`: all rows of a group, however few these are
SOME_ROWS = 1

_BETWEEN_PATHS = " or "
_BETWEEN_REDUCTIONS = " + "
_WORD = re.compile(r"(direct|aggregated|hashed|masked|condition|chosen)(?:\(([0-9]{1,9})\))?\Z")


@dataclass(frozen=True, slots=True)
class Path:
    """What happened to a value on its way. ``aggregated`` is the smallest number of rows that each
    aggregate is proven to cover (`UNPROVEN`: all of a group); ``masked`` the largest number of
    characters that are shown. None: neither happened. ``chosen``: nothing is shown but that it is
    the smallest or largest, or one of these, among its like."""

    aggregated: int | None = None
    hashed: bool = False
    masked: int | None = None
    condition: bool = False
    chosen: bool = False

    @property
    def direct(self) -> bool:
        """Whether nothing at all was taken away."""
        return self == DIRECT

    def then(self, later: Path) -> Path:
        """This path, and what happens to its values later on: each reduction stays."""
        shown = [n for n in (self.masked, later.masked) if n is not None]
        return Path(
            _aggregated(self.aggregated, later.aggregated),
            self.hashed or later.hashed,
            min(shown, default=None),
            self.condition or later.condition,
            self.chosen or later.chosen,
        )

    def tells_as_much_as(self, other: Path) -> bool:
        """Whether this path gives away all that ``other`` does, or more."""
        return (
            (not self.hashed or other.hashed)
            and (not self.condition or other.condition)
            and (not self.chosen or other.chosen)
            and (self.masked is None or (other.masked is not None and self.masked >= other.masked))
            and _covers_as_few(self.aggregated, other.aggregated)
        )

    def __str__(self) -> str:
        words = []
        if self.hashed:
            words.append("hashed")
        if self.aggregated is not None:
            bound = f"({self.aggregated})" if self.aggregated != UNPROVEN else ""
            words.append(f"aggregated{bound}")
        if self.masked is not None:
            words.append(f"masked({self.masked})")
        if self.condition:
            words.append("condition")
        if self.chosen:
            words.append("chosen")
        return _BETWEEN_REDUCTIONS.join(words) or "direct"


DIRECT = Path()

Way = tuple[Path, ...]


def way(paths: Iterable[Path]) -> Way:
    """``paths`` without those that give away no more than another one."""
    kept: list[Path] = []
    for path in sorted(set(paths), key=str):
        if not any(one.tells_as_much_as(path) for one in kept):
            kept = [one for one in kept if not path.tells_as_much_as(one)]
            kept.append(path)
    return tuple(sorted(kept, key=str))


def decides_only(paths: Iterable[Path]) -> bool:
    """Whether a value shows on no path: it decides which rows belong together at most."""
    return all(path.condition for path in paths)


def chooses_only(paths: Iterable[Path]) -> bool:
    """Whether a value shows on no path but by the rows that its order chose."""
    return all(path.condition or path.chosen for path in paths)


def source_key(asset: str, column: str) -> str:
    """How lineage names a source: ``<asset path>#<column>``."""
    return f"{asset}#{column}"


def text(paths: Iterable[Path]) -> str:
    """`paths` as one text; `parse` is its inverse."""
    return _BETWEEN_PATHS.join(str(path) for path in way(paths))


def parse(words: str) -> Way:
    """The paths of a text. What cannot be read counts as ``direct``."""
    return way(_parsed(part) for part in words.split(_BETWEEN_PATHS))


def _parsed(part: str) -> Path:
    path = DIRECT
    for word in part.split(_BETWEEN_REDUCTIONS):
        match = _WORD.match(word)
        if match is None or match.group(1) == "direct":
            return DIRECT
        kind, bound = match.group(1), int(match.group(2) or 0)
        path = path.then(
            Path(
                bound if kind == "aggregated" else None,
                kind == "hashed",
                bound if kind == "masked" else None,
                kind == "condition",
                kind == "chosen",
            )
        )
    return path


def _aggregated(first: int | None, later: int | None) -> int | None:
    if first is None or later is None:
        return later if first is None else first
    if first == SOME_ROWS:
        return SOME_ROWS  # Of many of these, all but one may be empty.
    if later == SOME_ROWS:
        return first
    return max(first, later)


def _covers_as_few(one: int | None, other: int | None) -> bool:
    if one is None or one == other:
        return True
    if other is None:
        return False
    if one == SOME_ROWS:
        return True
    return UNPROVEN not in (one, other) and one < other
