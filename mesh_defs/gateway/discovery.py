"""The discovery document as the gateway shows it: what one caller may see, with the addresses here,
and with what only a gateway knows: who reads the product, how much, and what they say of it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.documents import discovery_document
from mesh_defs.discovery.lineage.model import Place
from mesh_defs.gateway.describe import port_dict, view
from mesh_defs.gateway.feedback import told
from mesh_defs.gateway.snippets import snippets
from mesh_defs.gateway.trust import in_short, trust_of
from mesh_defs.product.described.aged import aged
from mesh_defs.product.described.shown import shown_document
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.errors import CorruptRecord
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.describe import ProductView
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.product.shown_lineage import Knows

USED = timedelta(days=30)
_log = logging.getLogger(__name__)


def discovery(
    gateway: Gateway, caller: Caller, address: MeshUrl, now: datetime | None = None
) -> dict[str, Any]:
    """The document of the version that ``address`` names, as ``caller`` may see it at ``now``.
    Of a version whose stored document is damaged it is what the ledger knows. Raises as
    `mesh_defs.gateway.describe.view`."""
    time = now if now is not None else datetime.now(UTC)
    product = view(gateway, caller, address, time)
    return discovery_of(gateway, caller, product, trust_of(gateway, caller, product, time), time)


def discovery_of(
    gateway: Gateway,
    caller: Caller,
    product: ProductView,
    facts: Mapping[str, Any],
    time: datetime,
) -> dict[str, Any]:
    """As `discovery`, of a product as ``caller`` may know it, with its ``facts`` as
    `mesh_defs.gateway.trust.trust_of` tells them."""
    number = product.record.version if product.record is not None else None
    damaged: list[CorruptRecord] = []
    document = discovery_document(
        gateway.settings, product.identity, number, damaged=damaged.append
    )
    knows = lru_cache(maxsize=None)(lambda each: gateway.overview.knows(caller, each))
    reads = {port.name: port.read for port in product.ports}
    shown = shown_document(document, reads, knows)
    if product.newest:
        shown = aged(shown, time)
    shown["ports"] = [_port(gateway, product, each) for each in shown["ports"]]
    shown["access"] = _access(gateway, product, shown)
    shown["consumers"] = _consumers(gateway, product, knows, time)
    if damaged:
        _log.warning("%s", damaged[0])
        shown["damaged"] = True
    shown["usage_30d"] = _usage(gateway, product, time)
    shown["feedback"] = told(gateway.state, product.identity, names=not caller.anonymous)
    shown["trust"] = in_short(facts)
    return shown


def _port(gateway: Gateway, product: ProductView, port: dict[str, Any]) -> dict[str, Any]:
    """``port`` with how it stands now, its addresses, and what the caller may do with it."""
    told = port_dict(product, product.port(port["port"]), gateway.base)
    added = ("state", "readable", "reason", "links", "grants")
    return {**port, **{name: told[name] for name in added}}


def _access(gateway: Gateway, product: ProductView, shown: dict[str, Any]) -> list[dict[str, Any]]:
    if shown["main_port"] is None:
        return []
    ways = snippets(gateway.base, gateway.flight, product.identity, shown["main_port"])
    return [{"way": w.tool, "language": w.language, "snippet": w.text} for w in ways]


def _consumers(
    gateway: Gateway, product: ProductView, knows: Knows, now: datetime
) -> list[dict[str, Any]]:
    """The products that read it, as far as the caller may know of them, and how many others hold a
    grant, by their kind."""
    graph = gateway.overview.graph()
    names = {
        name for port in product.ports for name in graph.readers(Place(product.identity, port.name))
    }
    found: list[dict[str, Any]] = []
    for name in sorted(names):
        domain, _, other = name.partition("/")
        if not knows(MeshUrl(domain, other)):
            continue
        for one in graph.products[name].reads:
            source = graph.resolved(one)
            if source.owner == product.identity and knows(source.url):
                found.append({"product": f"mesh://{name}", "input": one.input, "reads": source.id})
    held = gateway.state.grants.listed(now, identity=product.identity)
    seen = {port.name for port in product.ports}
    kinds: dict[str, set[str]] = {}
    for grant in held:
        if grant.port in seen:
            kinds.setdefault(grant.principal.partition(":")[0], set()).add(grant.principal)
    found += [{"principals": kind, "grants": len(who)} for kind, who in sorted(kinds.items())]
    return found


def _usage(gateway: Gateway, product: ProductView, now: datetime) -> dict[str, int]:
    """How its ports that the caller may know of were read in the last 30 days."""
    seen = {port.name for port in product.ports}
    uses = gateway.state.usage.of(product.identity, since=now - USED)
    uses = [use for use in uses if use.port in seen]
    return {
        "reads": sum(use.reads for use in uses),
        "readers": len({use.principal for use in uses if use.reads}),
        "rows": sum(use.rows for use in uses),
    }
