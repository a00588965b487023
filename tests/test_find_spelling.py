"""A word that is none in its language is read as one that is, before meanings are compared; a word
that is one is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from documents import column, document, entries, port
from hypothesis import given
from hypothesis import strategies as st
from indexes import names
from meshes import write

from mesh_defs.discovery.index.live import USED, LiveIndex
from mesh_defs.discovery.index.question import Question
from mesh_defs.discovery.index.spelling import Lexicon, corrected, edits
from mesh_defs.settings import load_settings

WORDS = ("the", "package", "contact", "contract", "supply", "weather", "race", "vacation", "rely")
KNOWN = Lexicon(WORDS)


@pytest.mark.parametrize(
    "word", ["package", "packages", "packaged", "packaging", "supplies", "supplied", "contracted"]
)
def test_a_word_is_known_in_its_forms(word: str) -> None:
    assert KNOWN.knows(word)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pakage", "package"),
        ("packkage", "package"),
        ("contarct", "contract"),  # "contact" is one letter away, too, and more frequent
        ("contaxt", "contact"),
        ("vacatino", "vacation"),
        ("veather", None),  # the first letter
        ("rac", None),  # too short to tell
        ("zeppelin", None),
    ],
)
def test_the_nearest_word(typed: str, meant: str | None) -> None:
    assert KNOWN.nearest(typed) == meant


@given(st.sampled_from([word for word in WORDS if len(word) > 4]), st.data())
def test_one_wrong_letter_is_forgiven(word: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(word) - 1))
    typed = word[:at] + data.draw(st.sampled_from("xqz")) + word[at + 1 :]
    nearest = KNOWN.nearest(typed)
    assert nearest is not None
    assert edits(typed, nearest) == 1


def test_nothing_but_the_word_changes_in_a_text() -> None:
    text = "Where's my PAKAGE (no. 12_pakage)?  pakages"
    assert corrected(text, {"pakage": "package"}) == "Where's my package (no. 12_package)?  pakages"


@pytest.fixture
def live(tmp_path: Path) -> LiveIndex:
    write(tmp_path, {"mesh.yaml": "name: test\n"})
    made = LiveIndex(load_settings(tmp_path))
    documents = (
        document("care/parcels", "Boxes on their way to customers."),
        document("care/patients", "Which people are such that they came to a ward."),
        document("yard/scans", "Readings.", port("scans", column("qrx_reader"))),
    )
    made.shelf.rebuild(entries(*documents), made.model)
    return made


def read_as(live: LiveIndex, text: str) -> dict[str, tuple[str, ...]]:
    return live.search(Question(text), object(), lambda _: True, meaning=False).read_as


def test_a_word_that_is_one_is_read_as_it_is(live: LiveIndex) -> None:
    assert read_as(live, "sick") == {}  # and not as "such"
    assert read_as(live, "custoners") == {"custoners": ("customers",)}
    assert read_as(live, "qrx") == {}


def test_a_stop_word_is_not_what_is_meant(live: LiveIndex) -> None:
    found = live.search(Question("whicj wards"), object(), lambda _: True, meaning=False)
    assert found.read_as == {}
    assert [match.word for each in found.results for match in each.matches] == ["wards"]


def test_a_mistyped_word_that_nothing_has_is_found_by_what_it_means(live: LiveIndex) -> None:
    try:
        live.embed()
        found = live.search(Question("hospitall"), object(), lambda _: True)
    finally:
        live.close()
    assert found.meaning == USED
    assert found.read_as == {"hospitall": ("hospital",)}
    assert names(found)[0] == "care/patients"
