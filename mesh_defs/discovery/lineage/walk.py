"""Following the graph up and down from one place, as far as somebody may know of what is there."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.lineage.model import Edge, Place
from mesh_defs.errors import UnknownAddress
from mesh_defs.product.shown_lineage import NOT_KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.discovery.lineage.graph import LineageGraph
    from mesh_defs.product.shown_lineage import Knows
    from mesh_defs.urls import MeshUrl

MOST = 1000


def everybody(_url: MeshUrl) -> bool:
    """Who may know of everything."""
    return True


class Sight:
    """What of ``graph`` somebody may know of: ports that they ``know``, products of which they know
    a port, and operational systems and unknown products that these read."""

    def __init__(self, graph: LineageGraph, knows: Knows = everybody) -> None:
        self.graph = graph
        self.knows = knows
        self._seen: dict[Place, bool] = {}
        self._whole: dict[str, bool] = {}

    def sees(self, place: Place) -> bool:
        """Whether they may know that there is ``place``."""
        whole = place.whole
        if whole not in self._seen:
            self._seen[whole] = self._sees(whole)
        return self._seen[whole]

    def _sees(self, whole: Place) -> bool:
        facts = self.graph.products.get(whole.owner)
        if whole.source or facts is None:
            return True
        if whole.port is not None:
            return self.knows(whole.url)
        return any(self.sees(Place(whole.owner, port)) for port in facts.ports)

    def reaches(self, start: Place) -> bool:
        """Whether they may begin at ``start``: a system is known to who knows of what reads it, and
        a column of it to who knows of what it goes into, or may."""
        if not start.source:
            return self.graph.kind(start) != "foreign" and self.sees(start)
        if start.column is not None:
            return any(self.sees(edge.target) for edge in self.graph.down(start))
        return any(self.sees(Place(name)) for name in self.graph.readers(start.whole))

    def shown(self, edge: Edge) -> Edge:
        """``edge`` without a reason that may name what they may not know of."""
        if not edge.reason or self.knows_inputs(edge.target.owner):
            return edge
        return replace(edge, reason=NOT_KNOWN)

    def knows_inputs(self, identity: str) -> bool:
        """Whether they may know of everything that a product reads."""
        if identity not in self._whole:
            facts = self.graph.products[identity]
            self._whole[identity] = all(self.sees(self.graph.resolved(one)) for one in facts.reads)
        return self._whole[identity]


@dataclass(frozen=True, slots=True)
class Found:
    """What is around ``start``: places with their distance (products on the way, at least 0), the
    nearest first, and the edges between them. ``cut``: there is more than was asked for at most."""

    graph: LineageGraph
    start: Place
    up: bool
    down: bool
    depth: int | None
    places: dict[Place, int]
    edges: tuple[Edge, ...]
    cut: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "start": self.start.id,
            "direction": "both" if self.up and self.down else "up" if self.up else "down",
            "depth": self.depth,
            "truncated": self.cut,
            "nodes": [self._node(place) for place in self.places],
            "edges": [_edge(edge) for edge in self.edges],
        }

    def _node(self, place: Place) -> dict[str, Any]:
        whole = place.whole
        parent = whole if place.column is not None else None
        if parent is None and place.port is not None:
            parent = Place(place.owner)
        node: dict[str, Any] = {
            "id": place.id,
            "kind": self.graph.kind(place),
            "source": place.source,
            "owner": place.owner,
            "port": place.port,
            "column": place.column,
            "parent": parent.id if parent is not None else None,
            "distance": self.places[place],
        }
        facts = self.graph.products.get(place.owner) if not place.source else None
        if facts is not None:
            told = facts.told
            node |= {
                "version": facts.version,
                "published_at": facts.published_at,
                "archetype": told.archetype if told is not None else None,
                "status": told.status if told is not None else None,
                "purpose": told.purpose if told is not None else None,
                "team": told.owner if told is not None else None,
            }
        return node


def walk(
    graph: LineageGraph,
    start: Place,
    *,
    up: bool = True,
    down: bool = True,
    depth: int | None = None,
    knows: Knows = everybody,
    most: int = MOST,
) -> Found:
    """What ``start`` is made of and what is made of it, at most ``depth`` products away (None: all)
    and ``most`` places. What who asks does not ``know`` of is left out, as if it was not there, and
    with it what lies behind.

    Raises `UnknownAddress` for a ``start`` that is not there, or not to be known of.
    """
    sight = Sight(graph, knows)
    start = graph.found(start) if start.source else _begun(sight, start)
    if not sight.reaches(start):
        raise UnknownAddress(f"no product reads {start.id}")
    places = {start: 0}
    edges: dict[Edge, None] = {}
    cut = False
    for upward in [way for way, asked in ((True, up), (False, down)) if asked]:
        cut |= _one_way(sight, start, places, edges, upward=upward, depth=depth, most=most)
    ordered = dict(sorted(places.items(), key=lambda item: item[1]))
    return Found(graph, start, up, down, depth, ordered, tuple(edges), cut)


def _begun(sight: Sight, start: Place) -> Place:
    """``start`` as it is written, which who asks must know of: else not even its names are told."""
    facts = sight.graph.products.get(start.owner)
    whole = start.whole
    if whole.port is None and start.column is not None and facts is not None:
        whole = Place(start.owner, facts.main_port)
    if facts is None or not sight.sees(Place(start.owner)):
        raise UnknownAddress(f"no product mesh://{start.owner}")
    if not sight.sees(whole):
        seen = [port for port in facts.ports if sight.sees(Place(start.owner, port))]
        raise UnknownAddress(
            f"mesh://{start.owner} has no port '{whole.port}'; it has {', '.join(seen)}"
        )
    return sight.graph.found(start)


def _one_way(
    sight: Sight,
    start: Place,
    places: dict[Place, int],
    edges: dict[Edge, None],
    *,
    upward: bool,
    depth: int | None,
    most: int,
) -> bool:
    """Add what is on one side of ``start``; whether something was left out for being too much."""
    distance = {start: 0}
    waiting = deque([start])
    done: set[Place] = set()
    cut = False
    while waiting:
        place = waiting.popleft()
        if place in done:
            continue
        done.add(place)
        for edge, other, cost in _steps(sight.graph, place, upward):
            far = distance[place] + cost
            full = len(places) >= most and other not in places
            # Whether somebody may know of a place is asked last: it costs more than all else.
            if (depth is not None and far > depth) or (full and cut) or not sight.sees(other):
                continue
            if full:
                cut = True
                continue
            edges[sight.shown(edge)] = None
            places[other] = min(far, places.get(other, far))
            if far < distance.get(other, far + 1):
                distance[other] = far
                (waiting.append if cost else waiting.appendleft)(other)
    return cut


def _steps(graph: LineageGraph, place: Place, upward: bool) -> Iterator[tuple[Edge, Place, int]]:
    """The edges from ``place`` and where they lead, and how much further that is: a product and its
    port are at one place."""
    for edge in graph.up(place) if upward else graph.down(place):
        yield edge, edge.source if upward else edge.target, 0 if edge.kind == "serves" else 1


def _edge(edge: Edge) -> dict[str, Any]:
    told: dict[str, Any] = {
        "source": edge.source.id,
        "target": edge.target.id,
        "kind": edge.kind,
    }
    if edge.kind == "reads":
        told |= {"input": edge.input, "version": edge.version, "declared": edge.declared}
    elif edge.kind == "flows":
        told |= {"way": edge.way, "assumed": edge.assumed, "equal": edge.equal}
    elif edge.kind == "unknown":
        told["reason"] = edge.reason
    return told
