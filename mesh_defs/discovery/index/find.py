"""Results of a question: ranks by words and by meaning, fused, explained, of what the caller may
discover and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.index.question import narrowed, narrowing
from mesh_defs.discovery.index.words import (
    Terms,
    coverage,
    matches,
    read_terms,
    scan,
    words_query,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    import tantivy
    from numpy.typing import NDArray

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.meaning import Meanings
    from mesh_defs.discovery.index.question import Question
    from mesh_defs.discovery.index.shelf import Opened
    from mesh_defs.discovery.index.visible import Visible
    from mesh_defs.discovery.index.words import Hit, Match

# Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
# learning methods" (SIGIR 2009), section 2, with k = 60 over lists of a thousand; these are short.
# A result by words counts with the square of the share of the question's words that it has: one
# word of five says little against what all of them mean. Chosen by tests/relevance/tuning.yaml.
RANK_CONSTANT = 10
DEPTH = 30
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Result:
    """A product that was found, by the port that fits best. ``score`` orders results of one
    question and says nothing else; ``likeness`` is the cosine of the meanings, None where it was
    found by words alone; ``ports`` are all that were found of it."""

    entry: Entry
    score: float
    ports: tuple[str, ...]
    matches: tuple[Match, ...]
    likeness: float | None

    def as_dict(self, base: str | None = None) -> dict[str, Any]:
        """The result as JSON values, with its page where ``base`` is the address of this mesh's
        gateway."""
        entry = self.entry
        home = entry.origin or base
        why: list[dict[str, Any]] = [match.as_dict() for match in self.matches]
        if self.likeness is not None:
            why.append({"by": "meaning", "likeness": round(self.likeness, 3)})
        return {
            "url": entry.url,
            "port": entry.port_url,
            "ports": list(self.ports),
            "mesh": entry.mesh,
            "gateway": entry.origin or None,
            "page": f"{home}/{entry.domain}/{entry.product}" if home is not None else None,
            "title": entry.title or None,
            "purpose": entry.purpose,
            "score": round(self.score, _DIGITS),
            "why": why,
            "owner": entry.owner,
            "archetype": entry.archetype,
            "status": entry.status,
            "mode": entry.mode or None,
            "tags": list(entry.tags),
            "classification": entry.classification,
            "trust": entry.trust,
            "version": entry.version if entry.version >= 0 else None,
            "published_at": entry.published_at,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """``more`` tells whether there are results behind these; ``meaning`` is ``used``, ``not asked``
    or why meaning did not count; ``read_as`` are words that nothing has, with those that were
    looked for instead."""

    results: tuple[Result, ...]
    more: bool
    meaning: str
    read_as: dict[str, tuple[str, ...]]

    def as_dict(self, base: str | None = None) -> dict[str, Any]:
        """The answer as JSON values; ``base`` as in `Result.as_dict`."""
        return {
            "results": [result.as_dict(base) for result in self.results],
            "more": self.more,
            "meaning": self.meaning,
            "read_as": {word: list(others) for word, others in self.read_as.items()},
        }


@dataclass(slots=True)
class _Product:
    """What was found of a product in one list: its best hit, and the weight of its rank."""

    hit: Hit
    likeness: float | None = None
    weight: float = 1.0
    score: float = 0.0
    hits: list[Hit] = field(default_factory=list)


def find(
    opened: Opened,
    question: Question,
    visible: Visible,
    meaning: tuple[Meanings, NDArray[np.float32]] | None = None,
    *,
    meaning_told: str = "not asked",
    still: Callable[[Entry], bool] = lambda _: True,
) -> Found:
    """The results of ``question`` that are ``visible``; with ``meaning`` (the vectors, and the
    question's own) by it too. ``still`` is asked of each result again before it is shown, whatever
    was kept about it."""
    conditions = narrowing(opened.schema, question.filters)
    terms = read_terms(opened, question.text, visible)
    wanted = question.start + question.most + 1
    depth = max(DEPTH, wanted) if meaning is not None else wanted
    by_words = _distinct(_by_words(opened, terms, conditions, visible), depth)
    lists = [by_words]
    if meaning is not None:
        for product in by_words:
            product.weight = coverage(opened.card(product.hit.address), terms) ** 2
        vectors, vector = meaning
        lists.append(_distinct(vectors.nearest(vector, visible, conditions), depth))
    ranked = sorted(_fused(lists), key=lambda each: (-each.score, each.hit.product))
    results = _results(opened, ranked, terms, still)
    shown = tuple(islice(results, question.start, question.start + question.most))
    return Found(shown, next(results, None) is not None, meaning_told, terms.instead)


def _by_words(
    opened: Opened, terms: Terms, conditions: list[tantivy.Query], visible: Visible
) -> Iterator[tuple[Hit, None]]:
    from tantivy import Query

    if terms.words:
        query = words_query(opened, terms, conditions)
        found = scan(opened, query, visible) if query is not None else iter(())
    else:
        query = narrowed(Query.all_query(), conditions)
        found = scan(opened, query, visible, order_by="published")
    for hit in found:
        yield hit, None


def _distinct(hits: Iterable[tuple[Hit, float | None]], most: int) -> list[_Product]:
    """The first ``most`` products, in the order of their best hits."""
    found: dict[int, _Product] = {}
    for hit, likeness in hits:
        if hit.product in found:
            found[hit.product].hits.append(hit)
        elif len(found) == most:
            break
        else:
            found[hit.product] = _Product(hit, likeness, hits=[hit])
    return list(found.values())


def _fused(lists: list[list[_Product]]) -> list[_Product]:
    """Products with the sum of ``weight / (RANK_CONSTANT + rank)`` over the lists that have
    them."""
    fused: dict[int, _Product] = {}
    for each in lists:
        for rank, product in enumerate(each, 1):
            known = fused.setdefault(product.hit.product, product)
            known.score += product.weight / (RANK_CONSTANT + rank)
            if known is not product:
                known.hits += product.hits
                known.likeness = product.likeness
    return list(fused.values())


def _results(
    opened: Opened, ranked: Iterable[_Product], terms: Terms, still: Callable[[Entry], bool]
) -> Iterator[Result]:
    for product in ranked:
        numbers = {hit.number: hit for hit in product.hits}
        cards = (opened.card(hit.address) for hit in numbers.values())
        entries = [entry for entry in cards if still(entry)]
        if entries:
            best = entries[0]
            ports = tuple(dict.fromkeys(entry.port for entry in entries))
            yield Result(best, product.score, ports, matches(best, terms), product.likeness)
