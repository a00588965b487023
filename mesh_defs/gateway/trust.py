"""The facts about a product as the gateway tells them to one caller: without what tells of values
and rows that they may not see, and with what only a gateway knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.trust.fact import Fact
from mesh_defs.discovery.trust.facts import consumers_fact, product_trust
from mesh_defs.discovery.trust.measures import BY
from mesh_defs.gateway.describe import view
from mesh_defs.gateway.state.feedback import NOT_RATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.describe import ProductView
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway.state.database import State
    from mesh_defs.policy.access.decision import Decision
    from mesh_defs.urls import MeshUrl

_OF_ROWS = frozenset({"volume_stability"})
_SHORT = ("id", "title", "value", "unit", "window")
_OF_VALUES = frozenset({"completeness"})
NOT_SHOWN = "Not shown: it may tell of what you may not read in clear."


def trust(
    gateway: Gateway, caller: Caller, address: MeshUrl, now: datetime | None = None
) -> dict[str, Any]:
    """The facts of the newest version of the product, as JSON values. Raises as
    `mesh_defs.gateway.describe.view`."""
    time = now if now is not None else datetime.now(UTC)
    return trust_of(gateway, caller, view(gateway, caller, address, time), time)


def trust_of(
    gateway: Gateway, caller: Caller, product: ProductView, time: datetime
) -> dict[str, Any]:
    """As `trust`, of a product as ``caller`` may know it."""
    ledger = gateway.catalog.ledger(product.identity)
    names = [port.name for port in product.ports]
    found = product_trust(gateway.settings, product.identity, time, ports=names, ledger=ledger)
    graph = gateway.overview.graph()
    knows = lru_cache(maxsize=None)(lambda each: gateway.overview.knows(caller, each))
    ratings = ratings_fact(gateway.state, product.identity)
    whole = found.as_dict()
    for port, entry in zip(product.ports, whole["ports"], strict=True):
        holders = (
            None
            if caller.anonymous
            else holders_of(gateway.state, product.identity, port.name, time)
        )
        consumers = consumers_fact(graph, product.identity, port.name, knows, holders)
        facts = [shown_fact(fact, port.read) for fact in found.ports[port.name]]
        entry["facts"] = [fact.as_dict() for fact in (*facts, consumers, ratings)]
    # Why something cannot be read names files, which are nobody's business but the owner's.
    whole["notes"] = ["some of it cannot be read"] if found.notes else []
    return whole


def in_short(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The facts of `trust`, each in a line: without how they were measured, and over time."""
    return [
        {
            "port": port["port"],
            "facts": [{key: fact[key] for key in _SHORT} for fact in port["facts"]],
        }
        for port in told["ports"]
    ]


def shown_fact(fact: Fact, read: Decision) -> Fact:
    """``fact`` as who reads the port as ``read`` says is told it."""
    rows = read.allowed and read.row_filter is None
    by = read.column(str(fact.details[BY])) if fact.details.get(BY) else None
    if fact.id in _OF_VALUES:
        shown = read.clear
    elif fact.details.get(BY):
        shown = rows and by is not None and by.clear
    else:
        shown = rows or fact.id not in _OF_ROWS
    return fact if shown else replace(fact, value=None, how=NOT_SHOWN, series=(), details={})


def holders_of(state: State, identity: str, port: str, now: datetime) -> dict[str, int]:
    """How many hold an access grant on a port, by their kind."""
    held = {grant.principal for grant in state.grants.listed(now, identity=identity, port=port)}
    kinds = sorted(principal.partition(":")[0] for principal in held)
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


def ratings_fact(state: State | None, identity: str) -> Fact:
    """What people gave the product; nothing where there is no state."""
    found = state.feedback.ratings(identity) if state is not None else NOT_RATED
    return Fact(
        "ratings",
        "Ratings",
        found.mean,
        "stars",
        "all",
        "The mean of the ratings that people gave the product, one each, from 1 to 5."
        if found.count
        else "Nobody has rated the product.",
        (),
        found.as_dict(),
    )
