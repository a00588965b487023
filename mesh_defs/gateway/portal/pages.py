"""Pages over the whole mesh: the map, governance, and lineage."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from mesh_defs.errors import UnknownAddress
from mesh_defs.gateway.http.calls import NAME, PLAIN, AnyProduct
from mesh_defs.gateway.portal import lineage as drawing
from mesh_defs.gateway.portal.governed import matrix_of, trend_of, waivers_of
from mesh_defs.gateway.portal.home import domains_of
from mesh_defs.gateway.portal.mapping import MOST_BOXES, detailed, overall, reads_of
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.render import page
from mesh_defs.gateway.portal.visit import Visiting

if TYPE_CHECKING:
    from mesh_defs.gateway.portal.overview import Card

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
_MOST_LISTED = 400
_ROWS = 100

OfDomain = Annotated[str | None, Query(pattern=f"^({NAME})?$")]
OfPort = Annotated[str | None, Query(pattern=f"^({NAME})?$")]
OfColumn = Annotated[str | None, Query(max_length=1000)]
Depth = Annotated[int, Query(ge=1, le=99)]
From = Annotated[int, Query(ge=0, le=100_000)]


@router.get("/-/map", response_class=HTMLResponse)
@router.head("/-/map")
def mesh_map(visit: Visiting, domain: OfDomain = None) -> Response:
    """All domains and products, or those of one domain with what they are joined with."""
    cards = visit.mesh.overview.cards(visit.who)
    reads = reads_of(cards, visit.mesh.overview.reads())
    domains = domains_of(cards)
    if domain and domain not in {each.name for each in domains}:
        raise UnknownAddress(f"no domain '{domain}'. Fix: choose one on the map")
    chosen = _near(cards, reads, domain) if domain else cards
    few = len(chosen) <= MOST_BOXES
    return page(
        visit,
        "map.html",
        here="map",
        drawing=detailed(chosen, _between(chosen, reads)) if few else None,
        overall=None if few else overall(chosen, _between(chosen, reads)),
        domain=domain or None,
        domains=domains,
        cards=[card for card in chosen if not domain or card.main.domain == domain][:_MOST_LISTED],
        number=len(chosen),
        health=Counter(card.health for card in chosen),
    )


def _near(cards: list[Card], reads: list[tuple[str, str]], domain: str) -> list[Card]:
    """The products of a domain and, as far as all of that is few, what they are joined with."""
    own = {card.identity for card in cards if card.main.domain == domain}
    joined = {name for pair in reads if own & set(pair) for name in pair} | own
    wanted = joined if len(joined) <= MOST_BOXES else own
    return [card for card in cards if card.identity in wanted]


def _between(cards: list[Card], reads: list[tuple[str, str]]) -> list[tuple[str, str]]:
    names = {card.identity for card in cards}
    return [pair for pair in reads if names.issuperset(pair)]


@router.get("/-/governance", response_class=HTMLResponse)
@router.head("/-/governance")
def governance(visit: Visiting, domain: OfDomain = None, start: From = 0) -> Response:
    """Products and policies, what became of each; waivers with the days that are left."""
    every = visit.mesh.overview.cards(visit.who)
    cards = [card for card in every if not domain or card.main.domain == domain]
    matrix = matrix_of(cards)
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for _, outcomes in matrix.rows:
        for policy, outcome in outcomes.items():
            totals[policy][outcome] += 1
    return page(
        visit,
        "governance.html",
        here="governance",
        matrix=matrix,
        rows=matrix.rows[start : start + _ROWS],
        start=start,
        step=_ROWS,
        totals=totals,
        domain=domain or "",
        domains=[each.name for each in domains_of(every)],
        waivers=waivers_of(visit.mesh, cards, visit.now),
        trend=trend_of(cards, visit.now),
    )


@router.get("/-/lineage/{domain}/{product}", response_class=HTMLResponse)
@router.head("/-/lineage/{domain}/{product}")
def lineage(
    visit: Visiting,
    address: AnyProduct,
    port: OfPort = None,
    column: OfColumn = None,
    depth: Depth = 2,
) -> Response:
    """Where a product, or one of its columns, comes from, and what is made of it."""
    wanted = address.with_port(port) if port else address
    try:
        found, drawn = drawing.around(visit.mesh, visit.who, wanted, column or None, depth)
    except UnknownAddress:
        if visit.who.anonymous:
            raise visit.mesh.reads.unseen(visit.who, address) from None
        raise
    facts = found.graph.products[address.identity]
    seen = {
        name: columns
        for name, columns in facts.ports.items()
        if visit.mesh.overview.knows(visit.who, address.with_port(name))
    }
    return page(
        visit,
        "lineage_part.html" if visit.fragment == "lineage" else "lineage.html",
        identity=address.identity,
        drawing=drawn,
        found=found,
        column=column or "",
        port=found.start.port or "",
        depth=depth,
        depths=drawing.DEPTHS,
        columns=seen,
        link=drawing.lineage_link,
    )
