"""What is measured of each port of a product, for whoever asks whether it can be trusted.

There is no score: each fact says what was measured, over what time, and how. They are read from
the ledger, from the records of runs and from discovery documents, whenever somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.trust.fact import Fact
from mesh_defs.discovery.trust.measures import (
    age_of_contract,
    completeness,
    freshness_kept,
    incident_facts,
    lineage_completeness,
    promises_kept,
    volume_stability,
)
from mesh_defs.discovery.trust.past import past
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.stores import product_store
from mesh_defs.urls import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from mesh_defs.discovery.lineage.graph import LineageGraph
    from mesh_defs.settings import Settings
    from mesh_defs.urls import MeshUrl


@dataclass(frozen=True, slots=True)
class ProductTrust:
    """The facts of each port of ``<domain>/<product>``, as they were ``at`` that moment; ``notes``
    say what could not be read."""

    identity: str
    at: datetime
    ports: Mapping[str, tuple[Fact, ...]]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "url": f"mesh://{self.identity}",
            "at": self.at.isoformat(),
            "ports": [
                {
                    "port": name,
                    "url": f"mesh://{self.identity}/{name}",
                    "facts": [fact.as_dict() for fact in facts],
                }
                for name, facts in self.ports.items()
            ],
            "notes": list(self.notes),
        }


def product_trust(
    settings: Settings,
    identity: str,
    now: datetime,
    *,
    ports: Iterable[str] | None = None,
    ledger: Ledger | None = None,
) -> ProductTrust:
    """What is measured of ``ports`` (default: all of the newest version) of ``<domain>/<product>``.
    Consumers and ratings are not among it: `consumers_fact`, and the gateway. Raises
    `CorruptRecord` where the ports are not known, and as storage does."""
    domain, _, product = identity.partition("/")
    store = product_store(settings, domain, product)
    ledger = ledger if ledger is not None else Ledger(store)
    if ports is None:
        newest = ledger.latest()
        ports = newest.ports if newest is not None else ()
    found: dict[str, tuple[Fact, ...]] = {}
    notes: dict[str, None] = {}
    for port in ports:
        lately = past(settings, identity, port, now, store=store, ledger=ledger)
        notes |= dict.fromkeys(lately.broken)
        found[port] = (
            promises_kept(lately),
            freshness_kept(lately),
            volume_stability(lately),
            completeness(lately),
            lineage_completeness(lately, identity),
            age_of_contract(lately),
            *incident_facts(lately),
        )
    return ProductTrust(identity, now, found, tuple(notes))


def consumers_fact(
    graph: LineageGraph,
    identity: str,
    port: str,
    knows: Callable[[MeshUrl], bool],
    holders: Mapping[str, int] | None = None,
) -> Fact:
    """Who uses a port: the products that read it, as far as ``knows`` says that one may know of
    them, and how many ``holders`` of access grants there are by their kind (None: not told)."""
    facts = graph.products.get(identity)
    main = facts.main_port if facts is not None and facts.ports else identity.partition("/")[2]
    readers = sorted(
        name
        for name, each in graph.products.items()
        if name != identity
        and any(
            not one.source.source
            and one.source.owner == identity
            and (one.source.port or main) == port
            for one in each.reads
        )
    )
    seen = [name for name in readers if knows(parse(f"mesh://{name}"))]
    people = sum((holders or {}).values())
    return Fact(
        "consumers",
        "Consumers",
        float(len(seen) + people),
        "consumers",
        "now",
        "Products that read it, and others who hold an access grant."
        if holders is not None
        else "Products that read it.",
        (),
        {"products": [f"mesh://{name}" for name in seen], "holders": dict(holders or {})},
    )
