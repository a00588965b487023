"""How texts become words that are searched, and which fields the index has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    import tantivy

# Whatever changes what is in an index, or how it is read, makes it another format.
FORMAT: Final = 4
LONGEST_WORD: Final = 40
GRAM: Final = 3
STEMS: Final = "stems"
EXACT: Final = "exact"
GRAMS: Final = "grams"
# What is said of columns, for filters alone: questions find it in `rest`.
SAID: Final = "said"

# Words of a question that say nothing of what is asked for.
_STOP = """
a about all also am an and any are as at be been being but by can could did do does doing done
during each else for from get gets give gives had has have having he her here him his how i if
in into is it its itself let like many may me might more most much must my need needs no not
of off on only or our out over own per please shall she should show so some such tell than
that the their them then there these they this those to too under until up us very want was we
were what when where whether which while who whom whose why will with within would you your
actually again already always anybody anyone anything both everybody everyone everything just never
nobody nothing please really somebody someone something still us
aren couldn d didn doesn don hadn hasn haven isn ll m re s shouldn t ve wasn weren won wouldn
"""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of text and what a word in it counts. That a name says more than a long text comes
    of its length already (BM25); of what is told beside, half a word's worth counts."""

    name: str
    boost: float
    told: str


FIELDS: Final = (
    Field("names", 1.0, "name"),
    Field("purpose", 1.0, "purpose"),
    Field("tags", 1.0, "tags"),
    Field("columns", 1.0, "columns"),
    Field("rest", 0.5, "description"),
)
# Kept as they are, for filters: no word of a question is looked for in them.
KEPT: Final = (
    "origin",
    "domain",
    "archetype",
    "status",
    "tag",
    "owner",
    "classification",
    "trust",
    "mode",
)


def schema() -> tantivy.Schema:
    """The fields of the index."""
    import tantivy

    builder = tantivy.SchemaBuilder()
    for field in FIELDS:
        builder.add_text_field(field.name, tokenizer_name=STEMS, index_option="freq")
    builder.add_text_field(EXACT, tokenizer_name=EXACT, index_option="freq")
    builder.add_text_field(GRAMS, tokenizer_name=GRAMS, index_option="basic")
    builder.add_text_field(SAID, tokenizer_name=STEMS, index_option="basic")
    for name in KEPT:
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("number", "published"):
        builder.add_unsigned_field(name, fast=True)
    for name in ("product_number", "meaning"):
        builder.add_unsigned_field(name, indexed=True, fast=True)
    builder.add_bytes_field("card", stored=True)
    return builder.build()


def register(index: tantivy.Index) -> None:
    """Tell an opened index how its fields are cut into words."""
    for name in (STEMS, EXACT, GRAMS):
        index.register_tokenizer(name, _analyzer(name))


@cache
def _analyzer(name: str) -> tantivy.TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    if name == GRAMS:
        made = TextAnalyzerBuilder(Tokenizer.ngram(GRAM, GRAM, False))
        return made.filter(Filter.lowercase()).filter(Filter.ascii_fold()).build()
    made = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(LONGEST_WORD))
    made = made.filter(Filter.lowercase()).filter(Filter.ascii_fold())
    return made.filter(Filter.stemmer("english")).build() if name == STEMS else made.build()


def stems(text: str) -> list[str]:
    """The stems of the words of a text, as the index has them."""
    return _analyzer(STEMS).analyze(text)


def having(text: str, wanted: Collection[str]) -> frozenset[str]:
    """Those of the stems ``wanted`` that `stems` of ``text`` has. Of most words the first letter
    tells that they are none, and no stemmer of English changes it."""
    if not text.isascii():
        return frozenset(wanted).intersection(stems(text))
    initials = "".join(sorted({stem[0] for stem in wanted if stem[:1].isascii()}))
    if not initials:
        return frozenset()
    near = set(_beginning(initials).findall(text.lower()))
    return frozenset(stem for word in near if (stem := _stem(word)) in wanted)


@lru_cache(maxsize=1_024)
def _beginning(initials: str) -> re.Pattern[str]:
    """Finds words of letters and digits that begin so."""
    return re.compile(f"(?<![a-z0-9])[{initials}][a-z0-9]*")


@lru_cache(maxsize=32_768)
def _stem(word: str) -> str:
    """The stem of one word; nothing, of what is too long to be one."""
    return "".join(stems(word))


def words(text: str) -> list[str]:
    """The words of a text, in lower case and without accents, unstemmed."""
    return _analyzer(EXACT).analyze(text)


def asked(text: str) -> list[str]:
    """The words of a question that say what is asked for; all of them where none does."""
    every = list(dict.fromkeys(words(text.replace("_", " "))))
    return [word for word in every if not stops(word)] or every


def stops(word: str) -> bool:
    """Whether a word of a question says nothing of what is asked for."""
    return word in _stop()


@cache
def _stop() -> frozenset[str]:
    return frozenset(_STOP.split())
