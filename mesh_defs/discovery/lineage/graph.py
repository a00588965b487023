"""One graph over all products, their ports and columns, back into operational systems: each product
as its newest version was made."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mesh_defs.discovery.lineage.facts import EVERYTHING
from mesh_defs.discovery.lineage.model import Edge, Place
from mesh_defs.errors import UnknownAddress
from mesh_defs.faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_defs.discovery.lineage.facts import ProductFacts, Reading
    from mesh_defs.discovery.lineage.model import NodeKind


class LineageGraph:
    """Edges between places, up (what something is made of) and down (what is made of it)."""

    def __init__(self, products: Mapping[str, ProductFacts]) -> None:
        self.products = products

    def prepare(self) -> None:
        """Work out now what the first question would wait for."""
        _ = self._readers

    def kind(self, place: Place) -> NodeKind:
        """What ``place`` is; ``foreign``: of a product that nothing is known of here."""
        if not place.source and place.owner not in self.products:
            return "foreign"
        if place.column is not None:
            return "column"
        if place.source:
            return "source"
        return "product" if place.port is None else "port"

    def found(self, place: Place) -> Place:
        """``place`` with its port and its column as they are written. Raises `UnknownAddress` for
        what is not in the graph."""
        if place.source:
            if not self._readers.get(place.whole):
                raise UnknownAddress(f"no product reads {place.whole.id}")
            return place
        facts = self.products.get(place.owner)
        if facts is None:
            raise UnknownAddress(f"no product mesh://{place.owner}")
        if place.port is None and place.column is None:
            return place
        port = place.port or facts.main_port
        if port not in facts.ports:
            known = list(facts.ports)
            raise UnknownAddress(
                f"mesh://{place.owner} has no port '{port}'; it has {', '.join(known) or 'none'}: "
                f"{did_you_mean(port, known)}"
            )
        if place.column is None:
            return Place(place.owner, port)
        column = facts.column(port, place.column)
        known = list(facts.ports[port])
        if column is None and not ((port, EVERYTHING) in facts.unknown and not known):
            raise UnknownAddress(
                f"mesh://{place.owner}/{port} has no column '{place.column}'; it has "
                f"{', '.join(known)}: {did_you_mean(place.column, known)}"
            )
        return Place(place.owner, port, column or place.column)

    def up(self, place: Place) -> Iterator[Edge]:
        """The edges that end in ``place``."""
        facts = self.products.get(place.owner) if not place.source else None
        if facts is None:
            return
        if place.port is None:
            yield from (self._read(facts, one) for one in facts.reads)
        elif place.column is None:
            yield Edge(Place(place.owner), place, "serves")
        else:
            for flow in facts.flows.get((place.port, place.column), ()):
                yield Edge(
                    flow.source,
                    place,
                    "flows",
                    way=flow.way,
                    assumed=flow.assumed,
                    equal=flow.equal,
                )
            reason = facts.reason(place.port, place.column)
            if reason is not None:
                for source in dict.fromkeys(self.resolved(one) for one in facts.reads):
                    yield Edge(source, place, "unknown", reason=reason)

    def down(self, place: Place) -> Iterator[Edge]:
        """The edges that begin in ``place``."""
        if place.column is not None:
            yield from self._flows_on(place)
        elif place.port is None and not place.source and place.owner in self.products:
            ports = self.products[place.owner].ports
            yield from (Edge(place, Place(place.owner, port), "serves") for port in ports)
        for identity in self._readers.get(place, ()):
            facts = self.products[identity]
            for one in facts.reads:
                if self.resolved(one) == place:
                    yield self._read(facts, one)

    def _flows_on(self, place: Place) -> Iterator[Edge]:
        for identity in self._readers.get(place.whole, ()):
            facts = self.products[identity]
            for (port, column), flow in facts.into.get(place, ()):
                target = Place(identity, port, column)
                yield Edge(
                    place, target, "flows", way=flow.way, assumed=flow.assumed, equal=flow.equal
                )
        for identity in self._readers.get(place.whole, ()):
            for (port, column), reason in self.products[identity].unknown.items():
                whole = Place(identity, port)
                target = whole if column == EVERYTHING else whole.with_column(column)
                yield Edge(place, target, "unknown", reason=reason)

    def _read(self, facts: ProductFacts, one: Reading) -> Edge:
        return Edge(
            self.resolved(one),
            Place(facts.identity),
            "reads",
            input=one.input,
            version=one.version,
            declared=one.declared,
        )

    def resolved(self, one: Reading) -> Place:
        """What ``one`` reads, with the port that its URL leaves open."""
        source = one.source
        if source.source or source.port is not None:
            return source
        facts = self.products.get(source.owner)
        return Place(source.owner, facts.main_port) if facts is not None else source

    @cached_property
    def _readers(self) -> Mapping[Place, Mapping[str, None]]:
        """The products that read each port and entity, by name, each once."""
        found: dict[Place, dict[str, None]] = {}
        for identity in sorted(self.products):
            for one in self.products[identity].reads:
                found.setdefault(self.resolved(one), {})[identity] = None
        return found

    def readers(self, place: Place) -> Mapping[str, None]:
        """The names of the products that read a port or an entity, sorted."""
        return self._readers.get(place, {})
