"""What is looked for: words, and filters that every result meets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.discovery.index.analysis import SAID, stems
from mesh_defs.discovery.index.entry import TRUST, spaced
from mesh_defs.errors import InvalidRequest
from mesh_defs.faults import did_you_mean, one_line, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    import tantivy

LONGEST = 1_000
MOST = 100
FURTHEST = 900
_AGE = re.compile(r"([1-9][0-9]{0,5})(h|d|w)\Z")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_MOST_VALUES = 20


@dataclass(frozen=True, slots=True)
class Filters:
    """Each narrows the results; of several values of one, any does. ``fresh`` is the greatest age
    of the published version; the words of each ``column`` all stand in the name, title and
    description of one column (see `mesh_defs.discovery.index.columns`); ``origin`` is the address
    of another mesh's gateway ("": this mesh)."""

    domain: tuple[str, ...] = ()
    archetype: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    owner: tuple[str, ...] = ()
    classification: tuple[str, ...] = ()
    trust: tuple[str, ...] = ()
    mode: tuple[str, ...] = ()
    column: tuple[str, ...] = ()
    fresh: timedelta | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """``text`` in anybody's words (without any: all that meets the filters, the newest first), the
    results from ``start`` on, at most ``most``."""

    text: str = ""
    filters: Filters = Filters()
    most: int = 10
    start: int = 0

    def __post_init__(self) -> None:
        """Raise `InvalidRequest` for what cannot be looked for, with all that is wrong."""
        wrong = list(_wrong(self))
        if wrong:
            raise InvalidRequest("; ".join(wrong))


def age(text: str) -> timedelta:
    """How long ``36h``, ``7d`` or ``2w`` is. Raises `InvalidRequest`."""
    match = _AGE.match(text)
    if match is None:
        raise InvalidRequest(
            f"'{short(one_line(text), 40)}' is no age; allowed: a number with h, d or w. "
            "Fix: write 36h, 7d or 2w"
        )
    return int(match[1]) * _UNITS[match[2]]


def _wrong(question: Question) -> Iterator[str]:
    filters = question.filters
    if len(question.text) > LONGEST:
        yield f"found a question of {len(question.text)} characters; allowed: {LONGEST}"
    if not 1 <= question.most <= MOST:
        yield f"found {question.most} results at most; allowed: 1 to {MOST}"
    if not 0 <= question.start <= FURTHEST:
        yield f"found results from number {question.start}; allowed: 0 to {FURTHEST}"
    known: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
        ("trust", filters.trust, TRUST),
        ("classification", filters.classification, tuple(CLASSIFICATIONS)),
    )
    for name, values, allowed in known:
        for value in values:
            if value not in allowed:
                told = short(one_line(value), 40)
                fix = did_you_mean(value, allowed)
                yield f"found {name} '{told}'; allowed: {', '.join(allowed)}. Fix: {fix}"
    for name in ("domain", "archetype", "status", "tag", "owner", "mode", "column"):
        if len(getattr(filters, name)) > _MOST_VALUES:
            yield f"found more than {_MOST_VALUES} values of {name}; allowed: {_MOST_VALUES}"


def narrowing(
    schema: tantivy.Schema, filters: Filters, now: datetime | None = None
) -> list[tantivy.Query]:
    """Conditions that all have to be met, none of which counts for the order."""
    from tantivy import FieldType, Occur, Query

    exact = ("domain", "archetype", "status", "classification", "trust", "mode")
    asked = {name: getattr(filters, name) for name in exact}
    for name in ("tag", "owner"):
        asked[name] = [each.casefold() for each in getattr(filters, name)]
    found = [
        Query.term_set_query(schema, name, list(values)) for name, values in asked.items() if values
    ]
    if filters.origin is not None:
        found.append(Query.term_query(schema, "origin", filters.origin))
    for text in filters.column:
        for stem in stems(spaced(text)):
            either = [Query.term_query(schema, name, stem) for name in ("columns", SAID)]
            found.append(Query.boolean_query([(Occur.Should, each) for each in either]))
    if filters.fresh is not None:
        time = now if now is not None else datetime.now(UTC)
        least = max(1, int((time - filters.fresh).timestamp()))
        found.append(Query.range_query(schema, "published", FieldType.Unsigned, lower_bound=least))
    return found


def narrowed(query: tantivy.Query, conditions: list[tantivy.Query]) -> tantivy.Query:
    """``query`` where all ``conditions`` are met; they change no score."""
    from tantivy import Occur, Query

    if not conditions:
        return query
    musts = [(Occur.Must, Query.boost_query(each, 0.0)) for each in conditions]
    return Query.boolean_query([(Occur.Must, query), *musts])
