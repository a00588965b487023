"""What fits equally well comes in the same order in every index of the same entries, in whatever
order and in however many parts it was written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from documents import document, entries
from hypothesis import given
from hypothesis import strategies as st
from indexes import ask, live_of, names

from mesh_defs.discovery.index.analysis import having, stems

MANY = 300
PRODUCTS = entries(
    *(document(f"d/p{at:03}", "Flights of a day.") for at in range(MANY)),
    document("d/best", "Flights, flights, flights.", tags=["flights"]),
)


@pytest.mark.parametrize("text", ["flights", "fligths", "day of flights", ""])
def test_equal_ones_come_in_the_same_order(tmp_path: Path, text: str) -> None:
    mixed = list(PRODUCTS)
    random.Random(1).shuffle(mixed)
    whole, parts = live_of(tmp_path / "whole", PRODUCTS), live_of(tmp_path / "parts", mixed[:40])
    for at in range(40, len(mixed), 90):
        parts.shelf.change(mixed[at : at + 90], [], parts.model)
    assert parts.opened().searcher.num_segments > 1
    found = names(ask(whole, text))
    assert len(found) == 100
    assert names(ask(parts, text)) == found
    assert names(ask(parts, text, most=7)) == found[:7]


def test_a_better_one_is_before_all_equal_ones(tmp_path: Path) -> None:
    assert names(ask(live_of(tmp_path, PRODUCTS), "flights"))[0] == "d/best"


# Endings that the stemmer knows, and what it treats in its own way.
endings = st.sampled_from(["", "s", "es", "ies", "ied", "ing", "ings", "ed", "edly", "y", "ly"])
odd = [
    "dying",
    "skies",
    "news",
    "ugly",
    "sky",
    "yes",
    "generate",
    "a" * 39,
    "a" * 40,
    "it's",
    "7th",
]
plain = st.builds(str.__add__, st.text("abeilnrstyY09", max_size=6), endings)
vocabulary = st.one_of(plain, st.sampled_from(odd), st.text(max_size=5))


@given(st.lists(vocabulary, max_size=8), st.lists(vocabulary, max_size=4))
def test_the_stems_that_a_text_has_are_those_of_the_index(
    text: list[str], asked: list[str]
) -> None:
    wanted = {stem for word in [*asked, *text[:2]] for stem in stems(word)}
    for each in (" ".join(text), "_".join(text), ", ".join(text).upper()):
        assert having(each, wanted) == wanted & set(stems(each))
