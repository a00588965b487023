"""The graph as a tree for people, one for each way. What comes twice is shown once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.discovery.lineage.drawn import edge_words
from mesh_defs.discovery.lineage.model import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.discovery.lineage.model import Edge
    from mesh_defs.discovery.lineage.walk import Found

UP, DOWN = "made of", "goes into"
_AGAIN = "see above"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a tree: the ``lead`` that draws it, the place's URL, and what is said of it."""

    lead: str
    url: str
    said: str = ""


def tree(found: Found, *, upward: bool) -> Iterator[Line]:
    """The lines below ``found.start``, one way; none where there is nothing."""
    steps = _Steps(found, upward)
    shown = {found.start}
    # Not by recursion: a chain of products may be longer than Python's stack.
    waiting = _lines(steps.of(found.start), "")
    while waiting:
        lead, below, place, said = waiting.pop()
        again = place in shown
        shown.add(place)
        children = steps.of(place)
        words = [said] if said else []
        if again and children:
            words.append(_AGAIN)
        yield Line(lead, place.id, ", ".join(words))
        if not again:
            waiting += _lines(children, below)


_Waiting = tuple[str, str, Place, str]


def _lines(children: list[tuple[Place, str]], below: str) -> list[_Waiting]:
    """The last comes first, as what waits is taken from the end."""
    made = []
    for number, (place, said) in enumerate(children, 1):
        last = number == len(children)
        lead, more = ("└─ ", "   ") if last else ("├─ ", "│  ")
        made.append((below + lead, below + more, place, said))
    return made[::-1]


class _Steps:
    """What stands below each place. A port and its product are one step: on the way up a product is
    left out, on the way down its ports are."""

    def __init__(self, found: Found, upward: bool) -> None:
        self.found = found
        self.upward = upward
        self.edges: dict[Place, list[Edge]] = {}
        for edge in found.edges:
            self.edges.setdefault(edge.target if upward else edge.source, []).append(edge)

    def of(self, place: Place) -> list[tuple[Place, str]]:
        """The places below ``place``, each once, with what is said of them."""
        children: dict[Place, list[str]] = {}
        for edge in self._edges(place):
            other = edge.source if self.upward else edge.target
            words = self._words(edge)
            told = children.setdefault(other, [])
            told += [words] if words and words not in told else []
        return [(other, "; ".join(words)) for other, words in children.items()]

    def _edges(self, place: Place) -> Iterator[Edge]:
        for edge in self.edges.get(place, ()):
            if edge.kind == "serves":
                yield from self.edges.get(edge.source if self.upward else edge.target, ())
            else:
                yield edge

    def _words(self, edge: Edge) -> str:
        words = edge_words(edge)
        if edge.kind == "reads" and edge.version is not None:
            facts = self.found.graph.products.get(edge.source.owner)
            newest = facts.version if facts is not None and self.upward else None
            if newest is not None and newest != edge.version:
                words += f" of {newest}"
        if edge.kind == "reads" and not self.upward and edge.source.port is not None:
            port = edge.source.port
            words = f"reads {port}" + (f", {words}" if words else "")
        return words
