"""Characters that nobody sees never reach a page, a terminal or a file as they are; in files they
are spelled out, and what is read back is the same."""

from __future__ import annotations

import json
import unicodedata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rdflib import Graph, Literal

from mesh_defs.discovery.index.entry import clean
from mesh_defs.gateway.portal.render import environment
from mesh_defs.standards.turtle import turtle
from mesh_defs.unseen import json_text, yaml_text

NASTY = (
    *("\u061c", "\u180e", "\u200b", "\u200f", "\u2028", "\u2029", "\u202e", "\u2060", "\u2066"),
    *("\u206f", "\ufeff", "\ufff9", "\U000e0001", "\U000e0041", "\x07", "\x1b", "\x7f", "\x9b"),
)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(NASTY), st.sampled_from(["\\", '"', "'", "a", " ", "é", "\n", ": #"])
    ),
    max_size=12,
).map("".join)


def seen(text: str) -> bool:
    """Whether all of it can be seen, but for the ends of lines."""
    return all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp") for c in text)


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_json_and_yaml_say_the_same_in_characters_that_are_seen(value: object) -> None:
    for text, read in ((json_text(value), json.loads), (yaml_text(value), yaml.safe_load)):
        assert seen(text)
        assert read(text) == value


@given(TEXTS)
def test_turtle_says_the_same_in_characters_that_are_seen(told: str) -> None:
    context = {"dct": "http://purl.org/dc/terms/"}
    text = turtle({"@context": context, "@id": "https://mesh.example/a", "dct:title": told})
    assert seen(text)
    (found,) = Graph().parse(data=text, format="turtle").objects()
    assert found == Literal(told)


@pytest.mark.parametrize("letter", NASTY)
def test_no_page_and_no_result_has_one(letter: str) -> None:
    page = environment().from_string("{{ text }}").render(text=f"a{letter}b")
    assert page == "a\N{REPLACEMENT CHARACTER}b"
    assert clean(f"a{letter}b") == "a b"


def test_what_is_seen_is_written_as_it_is() -> None:
    value = {"naïve": "Zürich 😀", "more": ["日本", 1, None]}
    assert "Zürich 😀" in json_text(value)
    assert yaml_text(value) == yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
