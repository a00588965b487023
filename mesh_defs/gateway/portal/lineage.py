"""Where a product comes from and what is made of it, as a drawing: products first, then the columns
that one of its columns is made of, or flows into."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from mesh_defs.discovery.lineage.model import Edge, Place
from mesh_defs.discovery.lineage.walk import Found, walk
from mesh_defs.gateway.portal.drawing import Box, Drawing, Line, Row, drawn

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.urls import MeshUrl

MOST = 200
DEPTHS = (1, 2, 4, 99)


def around(
    mesh: Gateway, who: Caller, address: MeshUrl, column: str | None, depth: int
) -> tuple[Found, Drawing]:
    """What is around a product, or around a column of the port in ``address``, as ``who`` may know
    of it. Raises `UnknownAddress`, `Unauthenticated`."""
    mesh.reads.check_named(who, address, "discover")
    found = walk(
        mesh.overview.graph(),
        Place(address.identity, address.port, column),
        depth=depth,
        knows=lru_cache(maxsize=None)(lambda each: mesh.overview.knows(who, each)),
        most=MOST,
    )
    return found, _columns(found) if column is not None else _products(found)


def _products(found: Found) -> Drawing:
    """A box for each product and each source, whichever of their ports are read."""
    boxes: dict[str, Box] = {}
    for place in found.places:
        box = _box(found, place)
        boxes.setdefault(box.id, box)
    lines = {
        (_owner(edge.source), _owner(edge.target)): _line(edge)
        for edge in found.edges
        if edge.kind == "reads"
    }
    return drawn(list(boxes.values()), list(lines.values()))


def _columns(found: Found) -> Drawing:
    """A box for each product, with the columns in it that are on the way."""
    boxes: dict[str, Box] = {}
    for place in found.places:
        box = boxes.setdefault(_owner(place), _box(found, place))
        if place.column is not None:
            box.rows[place.id] = Row(place.column, _column_link(found, place), place == found.start)
    lines = [
        Line(
            _owner(edge.source),
            _owner(edge.target),
            edge.source.id,
            edge.target.id,
            edge.way or edge.reason,
            edge.kind,
        )
        for edge in found.edges
        if edge.kind in ("flows", "unknown")
    ]
    return drawn(list(boxes.values()), lines)


def _owner(place: Place) -> str:
    return place.whole.id if place.source else place.owner


def _box(found: Found, place: Place) -> Box:
    kind = found.graph.kind(place.whole)
    if place.source:
        service, _, entity = place.owner.partition("://")
        return Box(_owner(place), entity, service, None, "source")
    domain, _, name = place.owner.partition("/")
    known = kind != "foreign"
    own = place.owner == found.start.owner and not found.start.source
    link = f"/{place.owner}" if known and not own else None
    return Box(place.owner, name, domain, link, "plain" if known else "foreign", own)


def _line(edge: Edge) -> Line:
    told = edge.input if edge.version is None else f"{edge.input}, version {edge.version}"
    look = "declared" if edge.declared else "reads"
    return Line(_owner(edge.source), _owner(edge.target), told=told, look=look)


def _column_link(found: Found, place: Place) -> str | None:
    if place.source or found.graph.kind(place) == "foreign" or place.port is None:
        return None
    return lineage_link(place.owner, place.port, place.column, found.depth)


def lineage_link(
    identity: str, port: str | None = None, column: str | None = None, depth: int | None = None
) -> str:
    """The address of the drawing around a product, or a column of one of its ports."""
    asked = {"port": port, "column": column, "depth": depth}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    return f"/-/lineage/{quote(identity)}" + (f"?{query}" if query else "")
