"""Search by words: English stems in fields that count differently, and for words that nothing has
the nearest ones that something has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.analysis import (
    EXACT,
    FIELDS,
    GRAM,
    GRAMS,
    asked,
    having,
    stems,
    stops,
    words,
)
from mesh_defs.discovery.index.hits import any_visible, scan
from mesh_defs.discovery.index.question import narrowed
from mesh_defs.discovery.index.spelling import likeness, may_be_mistyped, reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import tantivy

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.discovery.index.shelf import Opened
    from mesh_defs.discovery.index.spelling import Lexicon
    from mesh_defs.discovery.index.visible import Visible

_EXACT = 1.0
_GUESSED = 0.7
_MOST_WORDS = 24
_LOOKED_AT = 20
_GUESSES = 3


@dataclass(frozen=True)
class Terms:
    """The words of a question, and for those that nothing visible has, what was taken instead;
    ``mended`` are those of them that are no words of the model's language."""

    words: tuple[str, ...]
    instead: dict[str, tuple[str, ...]]
    mended: dict[str, str] = field(default_factory=dict)

    @cached_property
    def stemmed(self) -> list[tuple[str, str, str]]:
        """Each word as it was written, as it is looked for, and its stem."""
        every = self.every
        return [(word, found, (stems(found) or [found])[0]) for word, found, _ in every]

    @cached_property
    def wanted(self) -> frozenset[str]:
        """The stems that are looked for."""
        return frozenset(stem for _, _, stem in self.stemmed)

    @property
    def every(self) -> Iterator[tuple[str, str, float]]:
        """Each word as it was written, as it is looked for, and what it counts."""
        for word in self.words:
            guesses = self.instead.get(word)
            if guesses is None:
                yield word, word, 1.0
            for guess in guesses or ():
                yield word, guess, _GUESSED


@dataclass(frozen=True, slots=True)
class Guess:
    """What a word may have been meant for, and whether it is taken to be mistyped."""

    words: tuple[str, ...] = ()
    mends: bool = False


def read_terms(
    opened: Opened, text: str, visible: Visible, lexicon: Lexicon | None = None
) -> Terms:
    """The words of a question; for each that nothing visible has, the nearest that something
    visible has, or that is a word at all. What may not be seen changes neither."""
    found = tuple(asked(text)[:_MOST_WORDS])
    instead: dict[str, tuple[str, ...]] = {}
    mended: dict[str, str] = {}
    for word in found:
        if not _known(opened, word, visible):
            guess = _guess(opened, word, visible, lexicon)
            if guess.words:
                instead[word] = guess.words
            if guess.mends and lexicon is not None:
                mended[word] = guess.words[0]
    # A mistyped word that says nothing of what is asked for is not looked for.
    told = tuple(word for word in found if not stops(mended.get(word, "")))
    said = {word: guesses for word, guesses in instead.items() if word in told}
    return Terms(told, said, mended) if told else Terms(found, instead, mended)


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
    if any_visible(opened, exact, visible):
        return True
    every = [(Occur.Should, each) for each in _word_query(opened.schema, word)]
    return any_visible(opened, Query.boolean_query(every), visible)


def _guess(opened: Opened, word: str, visible: Visible, lexicon: Lexicon | None) -> Guess:
    """What ``word`` may have been meant for: mistyped, begun, or a part of a name. A word that is
    one in its language is not mistyped."""
    from tantivy import Occur, Query

    if len(word) < GRAM:
        return Guess()
    mistyped = may_be_mistyped(word) and not (lexicon is not None and lexicon.knows(word))
    begun = Query.fuzzy_term_query(opened.schema, EXACT, word, 0, prefix=True)
    near = _near(opened, word, visible, 1) if mistyped else ()
    near = near or _likest(opened, word, begun, visible)
    if not near and mistyped:
        other = lexicon.nearest(word) if lexicon is not None else None
        near = (other,) if other is not None else _near(opened, word, visible, 2)
    if near:
        return Guess(near, mends=mistyped)
    grams = [word[at : at + GRAM] for at in range(len(word) - GRAM + 1)]
    parts = [(Occur.Must, Query.term_query(opened.schema, GRAMS, each, "basic")) for each in grams]
    return Guess(_likest(opened, word, Query.boolean_query(parts), visible))


def _near(opened: Opened, word: str, visible: Visible, distance: int) -> tuple[str, ...]:
    """Words of which so many letters differ from ``word``."""
    if distance > reach(word):
        return ()
    from tantivy import Query

    query = Query.fuzzy_term_query(opened.schema, EXACT, word, distance)
    return _likest(opened, word, query, visible)


def _likest(opened: Opened, word: str, query: tantivy.Query, visible: Visible) -> tuple[str, ...]:
    """The words most like ``word`` in the entries that ``query`` finds."""
    counted: Counter[str] = Counter()
    for hit in islice(scan(opened, query, visible), _LOOKED_AT):
        counted.update(set(_vocabulary(opened.card(hit.address))))
    letters = sorted(word)
    # Two letters that changed places are likelier than one that is another.
    near = sorted(
        (distance, sorted(other) != letters, -count, other)
        for other, count in counted.items()
        if not stops(other) and (distance := likeness(word, other)) is not None
    )
    return tuple(each[-1] for each in near if each[:2] == near[0][:2])[:_GUESSES]


def _vocabulary(entry: Entry) -> Iterable[str]:
    return words(" ".join(entry.texts))


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
    stemmed = [having(text, terms.wanted) for text in entry.texts]
    found = []
    for word, looked_for, stem in terms.stemmed:
        places = [f.told for f, known in zip(FIELDS, stemmed, strict=True) if stem in known]
        if places:
            found.append(Match(word, looked_for, tuple(places)))
    return tuple(found)


def coverage(entry: Entry, terms: Terms) -> float:
    """The share of the question's words that an entry has, 0 to 1."""
    known = having(" ".join(entry.texts), terms.wanted)
    found = {word for word, _, stem in terms.stemmed if stem in known}
    return len(found) / len(terms.words) if terms.words else 0.0
