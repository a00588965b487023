"""Results of a question: by words and by meaning, weighed together, explained, of what the caller
may discover and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.index.columns import with_columns
from mesh_defs.discovery.index.hits import scan
from mesh_defs.discovery.index.meaning import LEAST
from mesh_defs.discovery.index.question import narrowed, narrowing
from mesh_defs.discovery.index.words import (
    Terms,
    coverage,
    matches,
    words_query,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    import tantivy
    from numpy.typing import NDArray

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.hits import Hit
    from mesh_defs.discovery.index.meaning import Meanings
    from mesh_defs.discovery.index.question import Question
    from mesh_defs.discovery.index.shelf import Opened
    from mesh_defs.discovery.index.visible import Visible
    from mesh_defs.discovery.index.words import Match

    # Something that was found, and its likeness: None where its vector is not made yet.
    _Near = tuple[Hit, float | None]

# What a result gets for having all words of the question, where its likeness is at most 1. It falls
# with the square of their share: one word of five says little against what all of them mean. Unlike
# how rare a word is, it does not depend on what else is in the index. Chosen by
# tests/relevance/tuning.yaml, and by names of columns, which models of language know badly.
WORDS = 0.3
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
    """What was found of a product: its hits, the best first, and how good that one is."""

    number: int
    score: float
    likeness: float | None
    hits: list[Hit]


def find(
    opened: Opened,
    question: Question,
    terms: Terms,
    visible: Visible,
    meaning: tuple[Meanings, NDArray[np.float32]] | None = None,
    *,
    meaning_told: str = "not asked",
    still: Callable[[Entry], bool] = lambda _: True,
) -> Found:
    """The results of ``question``, whose words are ``terms``, that are ``visible``; with
    ``meaning`` (the vectors, and the question's own) by it too. ``still`` is asked of each result
    again before it is shown, whatever was kept about it."""
    conditions = narrowing(opened.schema, question.filters)
    visible = with_columns(visible, question.filters.column)
    wanted = question.start + question.most + 1
    by_words = _by_words(opened, terms, conditions, visible)
    if meaning is None:
        found = _distinct(by_words, wanted)
        ranked = [_Product(n, 1 / at, None, found[n]) for at, n in enumerate(found, 1)]
    else:
        most = max(DEPTH, wanted)
        vectors, vector = meaning
        near = _nearest(vectors.nearest(vector, visible, conditions), most)
        known = {hit.number for hit, _ in near}
        found = _distinct(by_words, most) if terms.words else {}
        hits = [hit for each in found.values() for hit in each if hit.number not in known]
        near += zip(hits, vectors.likenesses(vector, hits), strict=True)
        ranked = _fused(opened, terms, near)
    results = _results(opened, ranked, terms, still)
    shown = tuple(islice(results, question.start, question.start + question.most))
    return Found(shown, next(results, None) is not None, meaning_told, terms.instead)


def _by_words(
    opened: Opened, terms: Terms, conditions: list[tantivy.Query], visible: Visible
) -> Iterator[Hit]:
    from tantivy import Query

    if terms.words:
        query = words_query(opened, terms, conditions)
        return scan(opened, query, visible) if query is not None else iter(())
    query = narrowed(Query.all_query(), conditions)
    return scan(opened, query, visible, order_by="published")


def _distinct(hits: Iterable[Hit], most: int) -> dict[int, list[Hit]]:
    """The hits of the first ``most`` products, in the order of their best ones."""
    found: dict[int, list[Hit]] = {}
    for hit in hits:
        if hit.product not in found and len(found) == most:
            break
        found.setdefault(hit.product, []).append(hit)
    return found


def _nearest(hits: Iterable[tuple[Hit, float]], most: int) -> list[_Near]:
    """The hits of the ``most`` products that are nearest, with their likeness."""
    found: list[_Near] = []
    products: set[int] = set()
    for hit, likeness in hits:
        if hit.product not in products and len(products) == most:
            break
        products.add(hit.product)
        found.append((hit, likeness))
    return found


def _fused(opened: Opened, terms: Terms, near: list[_Near]) -> list[_Product]:
    """Products in the order of likeness and words of their best hits. One whose vector is not made
    yet is taken for hardly alike."""

    def scored(each: _Near) -> tuple[float, Hit, float | None]:
        hit, likeness = each
        share = coverage(opened.card(hit.address), terms)
        return (LEAST if likeness is None else likeness) + WORDS * share**2, hit, likeness

    found: dict[int, _Product] = {}
    best = sorted(map(scored, near), key=lambda each: (-each[0], each[1].product, each[1].number))
    for score, hit, likeness in best:
        told = likeness if likeness is not None and likeness >= LEAST else None
        found.setdefault(hit.product, _Product(hit.product, score, told, [])).hits.append(hit)
    return list(found.values())


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
