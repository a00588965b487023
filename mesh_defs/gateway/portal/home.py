"""Where one begins: what there is, what is new, what is broken; and what is found."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from mesh_defs.discovery.index.question import LONGEST, Filters, Question
from mesh_defs.gateway.http.calls import NAME, PLAIN
from mesh_defs.gateway.portal.mapping import HEALTH
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.render import page
from mesh_defs.gateway.portal.visit import Visit, Visiting
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mesh_defs.discovery.index.find import Result
    from mesh_defs.gateway.portal.overview import Card

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
_SHOWN, _RESULTS = 8, 20
_MOST_DOMAINS = 400

Words = Annotated[str, Query(max_length=LONGEST)]
OfDomain = Annotated[str | None, Query(pattern=f"^({NAME})?$")]
Word = Annotated[str | None, Query(max_length=100)]
Start = Annotated[int, Query(ge=0, le=900)]


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
        if any(visit.mesh.reads.knows(visit.who, address) for address in addresses):
            found.append(card)
    return found


@router.get("/-/find", response_class=HTMLResponse)
@router.head("/-/find")
def find(
    visit: Visiting,
    q: Words = "",
    domain: OfDomain = None,
    archetype: Word = None,
    classification: Word = None,
    trust: Word = None,
    start: Start = 0,
) -> Response:
    """What is found, as a page, or as the list in it while somebody types."""
    filters = Filters(
        domain=_one(domain),
        archetype=_one(archetype),
        classification=_one(classification),
        trust=_one(trust),
    )
    question = Question(q, filters, most=_RESULTS, start=start)
    typing = visit.fragment == "results"
    found = visit.mesh.search.find(visit.who, question)
    values: dict[str, object] = {
        "q": q,
        "chosen": {
            "domain": domain or "",
            "archetype": archetype or "",
            "classification": classification or "",
            "trust": trust or "",
        },
        "found": found,
        "start": start,
        "step": _RESULTS,
        "why": {result.entry.url: why(result) for result in found.results},
    }
    if typing:
        return page(visit, "results.html", 200, here="find", **values)
    cards = visit.mesh.overview.cards(visit.who)
    names = [each.name for each in domains_of(cards)]
    archetypes = sorted({card.main.archetype for card in cards if card.main.archetype})
    more = {**values, "domains": names, "archetypes": archetypes}
    return page(visit, "find.html", 200, here="find", **more)


def why(result: Result) -> str:
    """Why something was found, in words."""
    told = [
        f"{match.found} in {', '.join(match.places)}"
        if match.word == match.found
        else f"{match.found} (for {match.word}) in {', '.join(match.places)}"
        for match in result.matches
    ]
    if result.likeness is not None:
        told.append("by its meaning")
    return "; ".join(told)


def _one(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()
