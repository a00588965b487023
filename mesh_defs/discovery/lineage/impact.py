"""What breaks when a column goes, or a port, or a product: what is made of it, who reads it, and
what names it. Access grants are the gateway's to know, which hands them in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.lineage.model import Place
from mesh_defs.discovery.lineage.naming import naming, referring
from mesh_defs.discovery.lineage.readers import NO_GRANTS, readers_of
from mesh_defs.discovery.lineage.walk import MOST, Sight, everybody, walk
from mesh_defs.product.plan.consumers import EVERYTHING, Downstream
from mesh_defs.product.plan.model import HOW
from mesh_defs.product.shown_lineage import NOT_KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.discovery.lineage.graph import LineageGraph
    from mesh_defs.discovery.lineage.naming import Named
    from mesh_defs.discovery.lineage.readers import Grants, PortReaders
    from mesh_defs.discovery.lineage.walk import Found
    from mesh_defs.product.model import Mesh
    from mesh_defs.product.plan.model import Touched
    from mesh_defs.product.shown_lineage import Knows


@dataclass(frozen=True, slots=True)
class Impact:
    """What breaks when ``found.start`` goes. ``found`` has the columns and ports that are made of
    it, ``products`` who reads any of it and how, the nearest first, ``named`` the rules and
    policies that name it or a column that is made of it, ``readers`` the holders of access grants
    on its ports, and on those of the columns that are made of it."""

    found: Found
    products: tuple[Touched, ...]
    named: tuple[Named, ...]
    readers: tuple[PortReaders, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """URLs of the columns and ports that are made of it."""
        return tuple(
            place.id
            for place in self.found.places
            if place != self.found.start and (place.column is not None or place.port is not None)
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "url": self.found.start.id,
            "columns": list(self.columns),
            "products": [one.as_dict() for one in self.products],
            "named": [one.as_dict() for one in self.named],
            "readers": [one.as_dict() for one in self.readers],
        }


def impact(
    mesh: Mesh,
    graph: LineageGraph,
    start: Place,
    *,
    depth: int | None = None,
    knows: Knows = everybody,
    most: int = MOST,
    grants: Grants = NO_GRANTS,
) -> Impact:
    """What breaks when ``start`` goes, as far as who asks ``knows`` of it, at most ``depth``
    products away. Of an entity of an operational system it is what is made of it.

    Raises `UnknownAddress` as `walk`, and as ``grants`` does.
    """
    found = walk(graph, start, up=False, depth=depth, knows=knows, most=most)
    sight = Sight(graph, knows)
    touched = (one for one in _touched(mesh, sight, found) if one.distance <= (depth or inf))
    products = tuple(sorted(touched, key=lambda one: (one.distance, HOW.index(one.how))))
    named: dict[Named, None] = {}
    for place in _surely(found):
        for one in _named(mesh, place, found.start):
            if sight.sees(Place(one.url.removeprefix("mesh://").rpartition("/")[0])):
                named[one] = None
    return Impact(found, products, tuple(named), readers_of(grants, _ports(found, sight)))


def _ports(found: Found, sight: Sight) -> Iterator[Place]:
    """The ports that go with the start: its own, and those that its columns surely flow into."""
    for place in _surely(found):
        if place.source:
            continue
        own = found.graph.products[place.owner].ports if place.port is None else (place.port,)
        yield from (each for port in own if sight.sees(each := Place(place.owner, port)))


def _touched(mesh: Mesh, sight: Sight, found: Found) -> Iterator[Touched]:
    start, graph = found.start, found.graph
    if start.source:
        return
    downstream = Downstream(mesh, {})
    ports = [start.port] if start.port is not None else list(graph.products[start.owner].ports)
    changed = {port: [start.column or EVERYTHING] for port in ports if port is not None}
    seen = sight.sees
    for one in downstream.reached(start.owner, changed, seen_by=lambda name: seen(Place(name))):
        whole = sight.knows_inputs(one.product) if one.product in graph.products else False
        yield one if whole or one.how != "unknown" else replace(one, reason=NOT_KNOWN)


def _surely(found: Found) -> Iterator[Place]:
    """What is made of the start as far as lineage knows: not what may be."""
    onward: dict[Place, list[Place]] = {}
    for edge in found.edges:
        if edge.kind != "unknown":
            onward.setdefault(edge.source, []).append(edge.target)
    waiting, seen = [found.start], {found.start}
    while waiting:
        place = waiting.pop()
        yield place
        further = [one for one in onward.get(place, ()) if one not in seen]
        seen.update(further)
        waiting += further[::-1]


def _named(mesh: Mesh, place: Place, start: Place) -> Iterator[Named]:
    product = mesh.products.get(place.owner) if not place.source else None
    if product is None:
        return
    if place.column is None:
        if place.port is not None and place.owner == start.owner:
            yield from referring(mesh, product, place.port, None)
        return
    for output in product.outputs:
        if output.name == place.port:
            yield from naming(mesh, product, output, place.column)
            yield from referring(mesh, product, output.name, place.column)
