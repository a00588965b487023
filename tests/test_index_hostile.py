"""Whatever a document holds, it is read as a product or refused, and what is read is text."""

from __future__ import annotations

from pathlib import Path

import pytest
from documents import column, document, entries, port
from hypothesis import given
from hypothesis import strategies as st
from indexes import ask, live_of, names

from mesh_defs.discovery.index.entry import Entry, NotADocument, clean, entries_of, entry_of
from mesh_defs.urls import NAME

KEYS = [*document("d/p"), *port("p"), *column("c")]
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.characters(codec=None)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=20,
)
SCRIPT = "<script>alert(1)</script> \x1b[31mred\x1b[0m \u202egnp.exe\ud800 \x00 'or'1'='1"


@given(values)
def test_anything_is_read_or_refused(value: object) -> None:
    try:
        found = entries_of(value)
    except NotADocument:
        return
    for entry in found:
        assert NAME.match(entry.domain)
        assert NAME.match(entry.product)
        assert Entry.from_json(entry.as_json()) == entry


@given(st.dictionaries(st.sampled_from(KEYS), values))
def test_a_document_with_anything_in_it_is_read(more: dict) -> None:
    made = document("d/p", "", port("p", column("c")))
    kept = {name: value for name, value in more.items() if name not in ("domain", "product")}
    ports = [{**made["ports"][0], **kept, "port": "p"}]
    (entry,) = entries_of({**made, **kept, "ports": ports})
    texts = (*entry.texts, entry.owner, entry.status, entry.meaning, entry.mesh)
    assert all("".join(text.split()).isprintable() or _private(text) for text in texts)


def _private(text: str) -> bool:
    """Whether all that cannot be printed are characters without a meaning of their own."""
    text.encode("utf-8")
    return not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text)


def test_hostile_text_is_found_and_stays_text(tmp_path: Path) -> None:
    made = document("d/p", SCRIPT, port("p", column("c", SCRIPT)), title=SCRIPT)
    live = live_of(tmp_path, entries(made))
    (result,) = ask(live, "alert gnp").results
    told = result.as_dict()
    assert told["purpose"] == clean(SCRIPT)
    assert "<script>" in told["title"]
    assert not any(ord(c) < 32 or c in "\u202e\ud800" for c in told["purpose"] + told["title"])


@given(question=st.text(max_size=60))
def test_any_question_is_answered(live_one: object, question: str) -> None:
    found = ask(live_one, question)
    assert set(names(found)) <= {"d/p"}


@pytest.fixture(scope="module")
def live_one(tmp_path_factory: pytest.TempPathFactory) -> object:
    made = document("d/p", 'AND OR NOT "field:value" [a TO b]~2^3 (x)')
    return live_of(tmp_path_factory.mktemp("any"), entries(made))


def test_sizes_are_bounded() -> None:
    many = [column(f"c{at}", "x" * 10_000) for at in range(5_000)]
    made = document("d/p", "y" * 1_000_000, port("p", *many), tags=["t" * 500] * 500)
    entry = entry_of(made)
    assert len(entry.columns) == 2_000
    assert len(entry.purpose) == 4_000
    assert max(len(text) for _, text in entry.columns) == 500
    assert len(entry.tags) == 1


def test_the_port_that_is_asked_for() -> None:
    made = document("d/p", "", port("a"), port("b"), main_port="b")
    assert entry_of(made).port == "b"
    assert entry_of(made, port="a").port == "a"
    with pytest.raises(NotADocument, match="no port 'c'"):
        entry_of(made, port="c")
