"""The quick way through a YAML document and the careful one say the same."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs import yaml_source
from mesh_defs.yaml_plain import Loader, Rare, Reader

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.dates() | st.text()
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6) | st.integers() | st.booleans(), inner, max_size=4)
    ),
    max_leaves=20,
)


def quick(text: str) -> Reader | None:
    """The quick reader after it read ``text``; None where it leaves it to the careful one."""
    loader = Loader(text)
    reader = Reader(loader, 1000)
    try:
        reader.read(loader.get_single_node())
    except Rare:
        return None
    return reader


def careful(text: str) -> dict[Any, int]:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return {path: line for path, line, _ in yaml_source._walk(node, (), set())}


@given(DOCUMENTS, st.booleans())
def test_values_and_lines_are_those_of_the_careful_way(data: object, flow: bool) -> None:
    text = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=True)
    (document,), faults = yaml_source.parse(text, "f.yaml")
    assert faults == []
    assert document.data == yaml.safe_load(text)
    assert document.lines == careful(text)


@given(st.text(alphabet="0123456789.:-+eExXoOnNyYtTrRuUfFaAlLsS~_ ", max_size=12))
def test_a_plain_word_is_what_yaml_takes_it_for(word: str) -> None:
    text = f"- {word}\n"
    try:
        wanted = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return
    (document,), _ = yaml_source.parse(text, "f.yaml")
    assert repr(document.data) == repr(wanted)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1}\nc: *x\n",
        "base: &x {b: 1}\nmore: {<<: *x, c: 2}\n",
        "a: 1\na: 2\n",
        "1: x\n'1': y\n",
        "? [a, b]\n: c\n",
        "a: !!set {b, c}\n",
        "a: !!binary aGVsbG8=\n",
        "&x a: [*x]\n",
        "=: 1\n",
        "[" * 60 + "]" * 60,
    ],
)
def test_what_is_rare_is_read_as_it_always_was(text: str) -> None:
    try:
        wanted = yaml.safe_load(text)
    except yaml.YAMLError:
        wanted = None
    documents, faults = yaml_source.parse(text, "f.yaml")
    if not faults:
        assert documents[0].data == wanted
        assert documents[0].lines == careful(text)


def test_what_it_leaves_alone() -> None:
    assert quick("a: {b: [1, x]}\n") is not None
    for text in ("a: &x [1]\nb: *x\n", "{<<: {a: 1}}\n", "a: !!set {b}\n", "a: 1\na: 1\n"):
        assert quick(text) is None
