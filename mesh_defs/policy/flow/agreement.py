"""Whether lineage agrees with what a contract says of how a column was reduced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.flow.ways import SOME_ROWS, UNPROVEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mesh_defs.policy.annotations import Reduction
    from mesh_defs.policy.flow.ways import Path

MASKED_CHARACTERS = 4


def disagreement(
    reduction: Reduction,
    paths: Iterable[Path],
    counters: Collection[str],
    characters: int = MASKED_CHARACTERS,
) -> str | None:
    """Why values that flow on ``paths`` are not reduced as declared; None when they are.

    ``counters`` are columns that lineage knows to count the rows behind each aggregate: a declared
    ``countedIn`` among them is taken to hold, because the data shows whether it does. A mask may
    show so many ``characters``.
    """
    for path in paths:
        if path.condition:
            continue
        wrong = _wrong(reduction, path, counters, characters)
        if wrong is not None:
            return wrong
    return None


def _wrong(
    reduction: Reduction, path: Path, counters: Collection[str], characters: int
) -> str | None:
    if reduction.method == "hashed":
        if path.hashed:
            return None
        return f"on one way it is {_not(path)}, not through keyed_hash() of the whole value"
    if reduction.method == "masked":
        if path.masked is None:
            return f"on one way it is {_not(path)}, and nothing bounds what is shown of a value"
        if path.masked > characters:
            return f"{path.masked} characters of a value are shown, more than {characters}"
        return None
    if reduction.method == "aggregated":
        return _not_aggregated(reduction, path, counters)
    return f"it is {reduction.method}, and yet it flows in ({path})"


def _not_aggregated(reduction: Reduction, path: Path, counters: Collection[str]) -> str | None:
    k, counted = reduction.k or SOME_ROWS, reduction.counted_in
    if path.aggregated is None:
        return (
            f"on one way it is {_not(path)} (min, max, first, mode, lists, the median and other "
            "quantiles give single values away)"
        )
    if path.aggregated >= k:
        return None
    if path.aggregated == SOME_ROWS:
        return "a filter, a case or a second column may single out one row of a group"
    if counted is not None:
        return None if counted in counters else f"'{counted}' does not count the rows behind it"
    if path.aggregated == UNPROVEN:
        return f"nothing proves groups of {k} rows"
    return f"groups of {path.aggregated} rows are let through, and {k} are declared"


def _not(path: Path) -> str:
    return "the value itself" if path.direct else str(path)


def is_piece(paths: Iterable[Path]) -> bool:
    """Whether a mask alone stands between a value and who reads, on any of ``paths``."""
    return any(
        path.masked is not None
        and path.aggregated is None
        and not (path.hashed or path.condition or path.chosen)
        for path in paths
    )
