"""The index is a copy: thrown away and built again it is equal, changed step by step or at once;
what is damaged is built again."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from documents import document, entries, generated
from indexes import ask, live_of, names

from mesh_defs.discovery.index.entry import Entry
from mesh_defs.discovery.index.live import LiveIndex
from mesh_defs.discovery.index.shelf import Opened
from mesh_defs.settings import load_settings

QUESTIONS = ["late parcels", "customers", "electricity prices", "suplier", ""]


def content(opened: Opened) -> set[Entry]:
    """What is in the index, each once."""
    found = list(opened.entries())
    listed = {replace(entry, subject=None) for entry in found}
    assert len(listed) == len(found) == opened.searcher.num_docs
    return listed


def test_thrown_away_and_built_again_it_is_equal(tmp_path: Path) -> None:
    made = entries(*generated())
    live = live_of(tmp_path, made)
    before = {text: names(ask(live, text)) for text in QUESTIONS}
    first = content(live.opened())
    shutil.rmtree(live.shelf.root)
    again = live_of(tmp_path, reversed(made))
    assert content(again.opened()) == first == set(made)
    for text, listed in before.items():
        assert names(ask(again, text)) == listed


def test_changed_step_by_step_it_is_as_built_at_once(tmp_path: Path) -> None:
    made = entries(*generated()[:40])
    live = live_of(tmp_path / "steps", made[:10])
    for entry in made[10:]:
        live.shelf.change([replace(entry, purpose="To be changed.")], [], live.model)
    for at in range(0, 40, 5):
        live.shelf.change(made[at : at + 5], [], live.model)
    live.shelf.change([], [made[0].identity, made[39].identity], live.model)
    whole = live_of(tmp_path / "once", made[1:39])
    assert content(live.opened()) == content(whole.opened()) == set(made[1:39])
    for text in QUESTIONS:
        assert set(names(ask(live, text))) == set(names(ask(whole, text)))
    assert ask(live, "changed").results == ()


def _cut(folder: Path) -> None:
    largest = max(folder.glob("words-*/*"), key=lambda file: file.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-10])


def _flip(folder: Path) -> None:
    for file in folder.glob("words-*/*.store"):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)


def _other_format(folder: Path) -> None:
    noted = json.loads((folder / "current.json").read_text())
    (folder / "current.json").write_text(json.dumps({**noted, "format": 999}))


def _elsewhere(folder: Path) -> None:
    noted = json.loads((folder / "current.json").read_text())
    (folder / "current.json").write_text(json.dumps({**noted, "folder": "../.."}))


def _committed_and_killed(folder: Path) -> None:
    """As a process leaves it that was killed after the commit, before it noted it."""
    noted = (folder / "current.json").read_bytes()
    live = LiveIndex(load_settings(folder.parents[1]))
    live.shelf.change(entries(document("d/late", "Late.")), [], live.model)
    (folder / "current.json").write_bytes(noted)


@pytest.mark.parametrize(
    "damage",
    [
        _cut,
        _flip,
        _other_format,
        _elsewhere,
        _committed_and_killed,
        lambda folder: (folder / "current.json").write_text("{"),
        lambda folder: (folder / "current.json").write_text("[]"),
        lambda folder: shutil.rmtree(next(folder.glob("words-*"))),
    ],
)
def test_a_damaged_index_is_built_again(tmp_path: Path, damage: object) -> None:
    live = live_of(tmp_path, entries(document("d/gone", "Of another time.")))
    damage(live.shelf.root)
    assert live.shelf.open() is None
    fresh = LiveIndex(load_settings(tmp_path))
    assert content(fresh.opened()) == set()  # the mesh itself has no product
    assert fresh.refresh().rebuilt is False


def test_who_has_it_open_sees_what_another_process_wrote(tmp_path: Path) -> None:
    one = live_of(tmp_path, entries(document("d/a", "Flights.")))
    assert names(ask(one, "flights")) == ["d/a"]
    other = LiveIndex(load_settings(tmp_path))
    other.shelf.change(entries(document("d/b", "Flights.")), [], other.model)
    assert set(names(ask(one, "flights"))) == {"d/a", "d/b"}
    other.shelf.rebuild(entries(document("d/c", "Flights.")), other.model)
    assert names(ask(one, "flights")) == ["d/c"]
