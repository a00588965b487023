"""The search page: words, filters, and why something was found."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Annotated, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.discovery.index.entry import TRUST
from mesh_defs.discovery.index.question import FURTHEST, LONGEST, Filters, Question, age
from mesh_defs.gateway.http.calls import NAME, PLAIN
from mesh_defs.gateway.portal.home import domains_of
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.render import page
from mesh_defs.gateway.portal.visit import Visiting
from mesh_defs.product.manifest import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_defs.discovery.index.find import Result
    from mesh_defs.gateway.portal.overview import Card

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
_RESULTS = 20
_MOST_OFFERED = 100
_LONGEST_OFFERED = 80
_AGES = (("24h", "a day"), ("7d", "a week"), ("30d", "30 days"), ("365d", "a year"))

Words = Annotated[str, Query(max_length=LONGEST)]
OfDomain = Annotated[str, Query(pattern=f"^({NAME})?$")]
Word = Annotated[str, Query(max_length=128)]
OfColumn = Annotated[str, Query(max_length=LONGEST)]
Fresh = Annotated[str, Query(max_length=10)]
Start = Annotated[int, Query(ge=0, le=FURTHEST)]


@router.get("/-/find", response_class=HTMLResponse)
@router.head("/-/find")
def find(
    visit: Visiting,
    q: Words = "",
    domain: OfDomain = "",
    archetype: Word = "",
    classification: Word = "",
    trust: Word = "",
    tag: Word = "",
    owner: Word = "",
    fresh: Fresh = "",
    mode: Word = "",
    column: OfColumn = "",
    status: Word = "",
    start: Start = 0,
) -> Response:
    """What is found, as a page, or as the list in it while somebody types."""
    chosen = {"domain": domain, "archetype": archetype, "classification": classification}
    chosen |= {"trust": trust, "tag": tag, "owner": owner, "fresh": fresh, "mode": mode}
    chosen |= {"column": column, "status": status}
    question = Question(q, _filters(chosen), most=_RESULTS, start=start)
    found = visit.mesh.search.find(visit.who, question, waiting=False)
    values: dict[str, object] = {
        "q": q,
        "found": found,
        "told": [(result, why(result)) for result in found.results],
        "before": _path(q, chosen, max(0, start - _RESULTS)) if start else None,
        "after": _path(q, chosen, start + _RESULTS) if found.more else None,
    }
    if visit.fragment == "results":
        return page(visit, "results.html", 200, here="find", **values)
    cards = visit.mesh.overview.cards(visit.who)
    more = {"chosen": chosen, "offered": _offered(cards), **values}
    return page(visit, "find.html", 200, here="find", **more)


def _filters(chosen: Mapping[str, str]) -> Filters:
    """What was chosen, by the filters' names. Raises `InvalidRequest`."""

    def one(name: str) -> tuple[str, ...]:
        return (chosen[name],) if chosen[name] else ()

    return Filters(
        domain=one("domain"),
        archetype=one("archetype"),
        status=one("status"),
        tag=one("tag"),
        owner=one("owner"),
        classification=one("classification"),
        trust=one("trust"),
        mode=one("mode"),
        column=one("column"),
        fresh=age(chosen["fresh"]) if chosen["fresh"] else None,
    )


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


def _path(q: str, chosen: Mapping[str, str], start: int) -> str:
    """The address of the results from ``start`` on."""
    asked = {"q": q, **chosen, "start": str(start) if start else ""}
    return "/-/find?" + urlencode({name: each for name, each in asked.items() if each})


def _offered(cards: Iterable[Card]) -> dict[str, list[tuple[str, str]]]:
    """For each filter the values to choose from, with how each is called: of the products that
    the visitor may know of, what they have."""
    listed = list(cards)
    ports = [port for card in listed for port in card.ports]
    return {
        "domain": _same(each.name for each in domains_of(listed)),
        "archetype": _same(sorted({port.archetype for port in ports if port.archetype})),
        "classification": _same(CLASSIFICATIONS),
        "trust": _same(TRUST),
        "tag": _same(_commonest(chain.from_iterable(port.tags for port in ports))),
        "owner": _same(_commonest(port.owner for port in ports if port.owner)),
        "fresh": list(_AGES),
        "mode": _same(get_args(Mode)),
        "status": _same(sorted({port.status for port in ports if port.status})),
    }


def _same(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]


def _commonest(values: Iterable[str]) -> list[str]:
    """The values that are most frequent, by name."""
    counted = Counter(value for value in values if len(value) <= _LONGEST_OFFERED)
    return sorted(value for value, _ in counted.most_common(_MOST_OFFERED))
