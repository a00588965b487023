"""Search by words: English stems in fields that count differently, and for words that nothing has
the nearest ones that something has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.analysis import EXACT, FIELDS, GRAM, GRAMS, asked, stems, words
from mesh_defs.discovery.index.question import narrowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import tantivy

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.shelf import Opened
    from mesh_defs.discovery.index.visible import Visible

_EXACT = 0.5
_GUESSED = 0.7
_FIRST = 64
_GROWS = 8
_MOST_WORDS = 24
_SHORTEST_GUESS = 4
_LONG = 8
_LOOKED_AT = 20
_GUESSES = 3


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that was found, of which product, and where it lies."""

    number: int
    product: int
    address: tantivy.DocAddress


@dataclass(frozen=True)
class Terms:
    """The words of a question, and for those that nothing visible has, what was taken instead."""

    words: tuple[str, ...]
    instead: dict[str, tuple[str, ...]]

    @cached_property
    def stemmed(self) -> list[tuple[str, str, str]]:
        """Each word as it was written, as it is looked for, and its stem."""
        every = self.every
        return [(word, found, (stems(found) or [found])[0]) for word, found, _ in every]

    @property
    def every(self) -> Iterator[tuple[str, str, float]]:
        """Each word as it was written, as it is looked for, and what it counts."""
        for word in self.words:
            guesses = self.instead.get(word)
            if guesses is None:
                yield word, word, 1.0
            for guess in guesses or ():
                yield word, guess, _GUESSED


def scan(
    opened: Opened,
    query: tantivy.Query,
    visible: Visible,
    *,
    first: int = _FIRST,
    order_by: str | None = None,
) -> Iterator[Hit]:
    """The visible hits of ``query``, the best first, or those with the greatest ``order_by``. More
    than the ``first`` are asked for only when they do not suffice, and what may not be seen is left
    out before anything is counted."""
    seen, limit = 0, first
    while True:
        found = opened.searcher.search(query, limit, count=False, order_by_field=order_by).hits
        addresses = [address for _, address in found[seen:]]
        yield from visible_of(opened, addresses, visible)
        if len(found) < limit:
            return
        seen, limit = len(found), limit * _GROWS


def visible_of(
    opened: Opened, addresses: list[tantivy.DocAddress], visible: Visible
) -> Iterator[Hit]:
    """Those of ``addresses`` that may be seen."""
    if not addresses:
        return
    numbers = opened.searcher.fast_field_values("number", addresses)
    products = opened.searcher.fast_field_values("product_number", addresses)
    for number, product, address in zip(numbers, products, addresses, strict=True):
        known = int(number or 0)
        if visible.may(opened, known, address):
            yield Hit(known, int(product or 0), address)


def read_terms(opened: Opened, text: str, visible: Visible) -> Terms:
    """The words of a question; for each that nothing visible has, the nearest that something
    visible has. What may not be seen changes neither."""
    found = tuple(asked(text)[:_MOST_WORDS])
    instead: dict[str, tuple[str, ...]] = {}
    for word in found:
        if not _known(opened, word, visible):
            guesses = _guess(opened, word, visible)
            if guesses:
                instead[word] = guesses
    return Terms(found, instead)


def words_query(
    opened: Opened, terms: Terms, conditions: list[tantivy.Query]
) -> tantivy.Query | None:
    """What finds ``terms``; None where there are none."""
    from tantivy import Occur, Query

    parts = [
        (Occur.Should, each if weight == 1 else Query.boost_query(each, weight))
        for _, word, weight in terms.every
        for each in _word_query(opened.schema, word)
    ]
    return narrowed(Query.boolean_query(parts), conditions) if parts else None


def _word_query(schema: tantivy.Schema, word: str) -> list[tantivy.Query]:
    """A word in any field, and some more where it is written just so. Alternatives of terms alone
    let tantivy leave out what cannot be among the best."""
    from tantivy import Query

    stem = (stems(word) or [word])[0]
    fields = [
        Query.boost_query(Query.term_query(schema, field.name, stem, "freq"), field.boost)
        for field in FIELDS
    ]
    exact = Query.term_query(schema, EXACT, word, "freq")
    return [*fields, Query.boost_query(exact, _EXACT)]


def _known(opened: Opened, word: str, visible: Visible) -> bool:
    """Whether anything visible has the word, as it is written or in another form."""
    from tantivy import Occur, Query

    exact = Query.term_query(opened.schema, EXACT, word, "freq")
    if next(scan(opened, exact, visible, first=1), None) is not None:
        return True
    every = [(Occur.Should, each) for each in _word_query(opened.schema, word)]
    return next(scan(opened, Query.boolean_query(every), visible, first=1), None) is not None


def _guess(opened: Opened, word: str, visible: Visible) -> tuple[str, ...]:
    """The words nearest to ``word`` of those in the entries that have such: mistyped, begun, or a
    part of a name."""
    if len(word) < GRAM:
        return ()
    for query in _alike(opened.schema, word):
        counted: Counter[str] = Counter()
        for hit in islice(scan(opened, query, visible), _LOOKED_AT):
            counted.update(set(_vocabulary(opened.card(hit.address))))
        near = [(d, -n, other) for other, n in counted.items() if (d := likeness(word, other))]
        if near:
            least = min(near)[0]
            return tuple(other for distance, _, other in sorted(near) if distance == least)[
                :_GUESSES
            ]
    return ()


def _alike(schema: tantivy.Schema, word: str) -> Iterator[tantivy.Query]:
    """What finds entries with a word that may be meant, what is likeliest first."""
    from tantivy import Occur, Query

    if len(word) >= _SHORTEST_GUESS:
        for distance in range(1, _reach(word) + 1):
            yield Query.fuzzy_term_query(schema, EXACT, word, distance)
    yield Query.fuzzy_term_query(schema, EXACT, word, 0, prefix=True)
    grams = [word[at : at + GRAM] for at in range(len(word) - GRAM + 1)]
    parts = [(Occur.Must, Query.term_query(schema, GRAMS, each, "basic")) for each in grams]
    yield Query.boolean_query(parts)


def _vocabulary(entry: Entry) -> Iterable[str]:
    return words(" ".join(entry.texts))


def _reach(word: str) -> int:
    """How many letters of a word may be wrong."""
    return 2 if len(word) >= _LONG else 1


def likeness(word: str, other: str) -> int | None:
    """How far ``other`` is from what ``word`` may have been meant for: the letters that differ, 3
    where it goes on, 4 where it has it inside; None where it is none of these."""
    if len(word) >= _SHORTEST_GUESS:
        reach = _reach(word)
        if abs(len(word) - len(other)) <= reach:
            distance = edits(word, other)
            if distance <= reach:
                return distance
    if other.startswith(word):
        return 3
    return 4 if word in other else None


def edits(one: str, other: str) -> int:
    """How many letters were left out, added, changed or swapped with the next (optimal string
    alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        row = [at]
        for to, against in enumerate(other, 1):
            cost = min(last[to] + 1, row[-1] + 1, last[to - 1] + (letter != against))
            if at > 1 and to > 1 and letter == other[to - 2] and one[at - 2] == against:
                cost = min(cost, before[to - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


@dataclass(frozen=True, slots=True)
class Match:
    """A word of the question and where it was found: ``found`` is the word that was looked for."""

    word: str
    found: str
    places: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The match as JSON values."""
        told: dict[str, object] = {"by": "words", "word": self.word, "in": list(self.places)}
        return told if self.word == self.found else {**told, "read_as": self.found}


def matches(entry: Entry, terms: Terms) -> tuple[Match, ...]:
    """Why an entry was found by words."""
    stemmed = [frozenset(stems(text)) for text in entry.texts]
    found = []
    for word, looked_for, stem in terms.stemmed:
        places = [f.told for f, known in zip(FIELDS, stemmed, strict=True) if stem in known]
        if places:
            found.append(Match(word, looked_for, tuple(places)))
    return tuple(found)


def coverage(entry: Entry, terms: Terms) -> float:
    """The share of the question's words that an entry has, 0 to 1."""
    found = {match.word for match in matches(entry, terms)}
    return len(found) / len(terms.words) if terms.words else 1.0
