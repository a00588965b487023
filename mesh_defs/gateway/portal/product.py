"""The page of a product: what it is for, whether to trust it, what is in it, how to get it, where
it comes from, what changed, and who answers for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from mesh_defs.errors import MeshError, UnknownAddress
from mesh_defs.gateway.describe import view
from mesh_defs.gateway.discovery import discovery, discovery_of
from mesh_defs.gateway.http.calls import PLAIN, AnyProduct
from mesh_defs.gateway.offered import offered
from mesh_defs.gateway.portal.dagster import dagster_of
from mesh_defs.gateway.portal.feedback import feedback_of
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.render import cut, page
from mesh_defs.gateway.portal.trust import measured
from mesh_defs.gateway.portal.visit import Visit, Visiting, visit_of
from mesh_defs.gateway.snippets import snippets
from mesh_defs.gateway.trust import trust_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import Request

    from mesh_defs.gateway.describe import PortView, ProductView
    from mesh_defs.urls import MeshUrl

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
# What all of a product tells of itself may weigh: a page stays below 300 kB, whatever it says.
MOST_COLUMNS = 80
_MOST_VERDICTS = 40
_MOST_SAID, _MOST_ANSWERS = 5, 2
_LONGEST, _LONGEST_SAID, _LONGEST_ANSWER = 280, 500, 400
_MOST_CHANGES, _LEAST_CHANGES = 200, 10
Version = Annotated[int | None, Query(ge=0, le=2**53)]


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody may ask a port for; ``refused`` says why not."""

    purposes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    longest: int = 0
    refused: str | None = None


def product_page(request: Request, address: MeshUrl) -> Response:
    """The page of the product of ``address``, or of one of its ports. Raises as `view`."""
    visit = visit_of(request)
    mesh, who = visit.mesh, visit.who
    whole = replace(address, port=None)
    product = view(mesh, who, whole, visit.now)
    shown = product.port(address.port) if address.port is not None else _main(product)
    told = trust_of(mesh, who, product, visit.now)
    document = discovery_of(mesh, who, product, told, visit.now)
    port = next(each for each in document["ports"] if each["port"] == shown.name)
    ways = snippets(mesh.base, mesh.flight, product.identity, shown.name)
    columns = port["columns"]
    said = feedback_of(visit, product.identity)
    return page(
        visit,
        "product.html",
        product=document,
        identity=product.identity,
        port=port,
        ports=[each["port"] for each in document["ports"]],
        columns=columns[:MOST_COLUMNS],
        more_columns=max(0, len(columns) - MOST_COLUMNS),
        longest=_LONGEST,
        columns_cut=any(_longer(each["description"], _LONGEST) for each in columns),
        verdicts=_verdicts(port["verdicts"], policy=False),
        most_verdicts=_MOST_VERDICTS,
        policies=_verdicts(port["verdicts"], policy=True),
        facts=measured(visit, product, shown, told),
        ways=ways,
        grants=shown.grants,
        asking=_asking(visit, shown, product),
        whole=address.port is None,
        dagster=dagster_of(mesh),
        pinned=address.version is not None or address.as_of is not None,
        consumers=document["consumers"],
        feedback=said,
        most_said=_MOST_SAID,
        most_answers=_MOST_ANSWERS,
        longest_said=_LONGEST_SAID,
        longest_answer=_LONGEST_ANSWER,
        feedback_cut=_more_said(said),
    )


def _longer(text: str | None, most: int) -> bool:
    return cut(text, most) != (text or "")


def _more_said(said: Mapping[str, Any]) -> bool:
    """Whether the page leaves out something of what people said."""
    kinds = (said["problems"], said["questions"], said["ratings"]["newest"])
    shown = [item for items in kinds for item in items[:_MOST_SAID]]
    return (
        any(len(items) > _MOST_SAID for items in kinds)
        or any(len(item["answers"]) > _MOST_ANSWERS for item in shown)
        or any(_longer(item["text"], _LONGEST_SAID) for item in shown)
        or any(_longer(one["text"], _LONGEST_ANSWER) for i in shown for one in i["answers"])
    )


def _main(product: ProductView) -> PortView:
    """The port that the product's address alone means, else the first that is seen."""
    return next((port for port in product.ports if port.name == product.main), product.ports[0])


def _verdicts(found: Sequence[Mapping[str, Any]], *, policy: bool) -> list[Mapping[str, Any]]:
    """Those of policies, or the others: what did not pass first."""
    chosen = [each for each in found if (each["stage"] == "policy") == policy]
    return sorted(chosen, key=lambda each: each["outcome"] == "passed")


def _asking(visit: Visit, port: PortView, product: ProductView) -> Asking | None:
    """What may be asked for; None for who has not said who they are."""
    if visit.who.anonymous:
        return None
    if visit.who.scope is not None:
        return Asking(refused="a token for reading alone cannot ask for more")
    url = product.address
    address = replace(url, port=port.name, version=None, as_of=None)
    try:
        found = offered(visit.mesh.catalog.access, address)
    except MeshError:
        return Asking(refused="what it offers cannot be read now")
    return Asking(found.purposes, found.subject.roles, found.offer.longest_days)


@router.get("/-/changes/{domain}/{product}", response_class=HTMLResponse)
@router.head("/-/changes/{domain}/{product}")
def changes(
    visit: Visiting, address: AnyProduct, since: Version = None, until: Version = None
) -> Response:
    """What changed between two versions. A version that there is not is none: 404."""
    document = discovery(visit.mesh, visit.who, address, visit.now)
    history = document["history"]
    numbers = [each["version"] for each in history]
    last = until if until is not None else max(numbers, default=0)
    first = since if since is not None else max(0, last - 1)
    first, last = min(first, last), max(first, last)
    if last > max(numbers, default=0):
        raise UnknownAddress(f"mesh://{address.identity} has no version {last}")
    between = [each for each in history if first < each["version"] <= last]
    template = "changes_part.html" if visit.fragment == "changes" else "changes.html"
    return page(
        visit,
        template,
        product=document,
        identity=address.identity,
        history=history,
        first=first,
        last=last,
        between=between,
        # What the oldest one changed is known; what those before it did is not kept here.
        kept_from=min(numbers) if numbers and first < min(numbers) - 1 else None,
        most=max(_LEAST_CHANGES, _MOST_CHANGES // max(1, len(between))),
    )
