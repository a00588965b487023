"""Indexes for tests: a folder that is a mesh by its name alone, and what is in it given."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from meshes import write

from mesh_defs.discovery.index.entry import Entry
from mesh_defs.discovery.index.find import Found
from mesh_defs.discovery.index.live import LiveIndex
from mesh_defs.discovery.index.question import Filters, Question
from mesh_defs.settings import load_settings

WORDS_ONLY = "name: {0}\nprofiles:\n  local:\n    index: {{embedding: none}}\n"


def live_of(root: Path, entries: Iterable[Entry], *, name: str = "test") -> LiveIndex:
    """An index of ``entries`` that is searched by words alone."""
    write(root, {"mesh.yaml": WORDS_ONLY.format(name)})
    live = LiveIndex(load_settings(root))
    live.shelf.rebuild(entries, live.model)
    return live


def ask(
    live: LiveIndex,
    text: str = "",
    decide: Callable[[Entry], bool] = lambda _: True,
    *,
    most: int = 100,
    **filters: object,
) -> Found:
    """What is found by who may discover what ``decide`` lets through; nothing is kept of it."""
    question = Question(text, Filters(**filters), most)
    return live.search(question, object(), decide)


def names(found: Found) -> list[str]:
    """``<domain>/<product>`` of the results, in their order."""
    return [f"{each.entry.domain}/{each.entry.product}" for each in found.results]
