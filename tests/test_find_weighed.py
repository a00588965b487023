"""Words and meaning are weighed together by what a product itself has: what else is in the index
changes no score."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from documents import document, entries
from hypothesis import given
from hypothesis import strategies as st
from indexes import names
from meshes import write

from mesh_defs.discovery.index.find import WORDS, Found
from mesh_defs.discovery.index.live import PARTLY, LiveIndex
from mesh_defs.discovery.index.meaning import LEAST, joined
from mesh_defs.discovery.index.question import Question
from mesh_defs.settings import load_settings

OPEN = entries(
    document("farm/milk", "Litres that cows gave."),
    document("bank/loans", "Money that was lent, to whom and at which interest."),
    document("city/trams", "How late trams are at each stop."),
)
HIDDEN = entries(
    *(document(f"farm/milk_{at}", "Milk and late trams, milk, milk.") for at in range(40))
)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveIndex]:
    write(tmp_path, {"mesh.yaml": "name: test\n"})
    made = LiveIndex(load_settings(tmp_path))
    yield made
    made.close()


def asked(live: LiveIndex, text: str) -> Found:
    return live.search(Question(text), object(), lambda entry: entry in OPEN)


def test_what_is_hidden_changes_neither_order_nor_score(live: LiveIndex) -> None:
    questions = ("milk", "late trams or loans", "mlik of cows", "dairy", "interest of a tram")
    live.shelf.rebuild(OPEN, live.model)
    live.embed()
    alone = [asked(live, text).as_dict() for text in questions]
    live.shelf.rebuild([*HIDDEN, *OPEN], live.model)
    live.embed()
    assert [asked(live, text).as_dict() for text in questions] == alone


def test_all_words_count_more_than_what_means_the_like(live: LiveIndex) -> None:
    listed = entries(
        document("shop/stock", "Cattle, cows and what they yield to farmers every day."),
        document("lab/values", "Measured by qxr seven."),
    )
    live.shelf.rebuild([*listed, *HIDDEN], live.model)
    live.embed()
    found = live.search(Question("qxr"), object(), lambda entry: entry in listed)
    assert names(found)[0] == "lab/values"
    (best, *_) = found.results
    assert best.score == pytest.approx((best.likeness or LEAST) + WORDS, abs=LEAST)


def test_what_has_no_vector_yet_is_found_by_its_words(live: LiveIndex) -> None:
    live.shelf.rebuild(OPEN[:2], live.model)
    live.embed()
    live.shelf.rebuild(OPEN, live.model)
    found = asked(live, "trams at a stop")
    assert found.meaning == PARTLY
    assert names(found)[0] == "city/trams"
    assert found.results[0].score == pytest.approx(LEAST + WORDS)
    assert found.results[0].likeness is None


@given(st.integers(1, 3), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_a_joined_vector_is_as_near_as_its_parts_are_on_average(
    views: int, count: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    rows = chance.standard_normal((count * views, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    question = chance.standard_normal(8).astype(np.float32)
    made = joined(rows, views)
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    for at in range(count):
        parts = rows[at * views : (at + 1) * views]
        length = np.linalg.norm(parts.sum(axis=0))
        assert np.isclose(made[at] @ question * length, (parts @ question).sum(), atol=1e-4)
