"""Where one begins: what there is, what is new, what is broken."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from mesh_defs.gateway.http.calls import PLAIN
from mesh_defs.gateway.portal.mapping import HEALTH
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.render import page
from mesh_defs.gateway.portal.visit import Visit, Visiting
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mesh_defs.gateway.portal.overview import Card

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
_SHOWN = 8
_MOST_DOMAINS = 400


@dataclass(frozen=True, slots=True)
class DomainCard:
    """A domain: how many products it has, and how they stand."""

    name: str
    products: int
    health: dict[str, int]


@router.get("/", response_class=HTMLResponse)
@router.head("/")
def home(visit: Visiting) -> Response:
    """Search, domains, what is new, what is broken."""
    cards = visit.mesh.overview.cards(visit.who)
    published = [card for card in cards if card.main.published]
    newest = sorted(published, key=lambda card: -card.main.published)
    broken = [card for card in cards if card.health in ("broken", "warned")]
    broken.sort(key=lambda card: (HEALTH.index(card.health), -card.main.published))
    return page(
        visit,
        "home.html",
        here="home",
        products=len(cards),
        domains=domains_of(cards)[:_MOST_DOMAINS],
        newest=_still(visit, newest),
        broken=_still(visit, broken),
        troubled=len(broken),
    )


def domains_of(cards: Iterable[Card]) -> list[DomainCard]:
    """The domains of ``cards``, by name."""
    found: dict[str, list[Card]] = defaultdict(list)
    for card in cards:
        found[card.main.domain].append(card)
    return [
        DomainCard(name, len(each), dict(Counter(card.health for card in each)))
        for name, each in sorted(found.items())
    ]


def _still(visit: Visit, cards: Sequence[Card]) -> list[Card]:
    """The first few, of which is decided again: what is kept may be seconds old."""
    found: list[Card] = []
    for card in cards:
        if len(found) == _SHOWN:
            break
        addresses = (MeshUrl(e.domain, e.product, e.port) for e in card.ports)
        if any(visit.mesh.overview.knows(visit.who, address) for address in addresses):
            found.append(card)
    return found
