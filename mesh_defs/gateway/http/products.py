"""One address per product: a page, its description, or a document of an open standard."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from mesh_defs.errors import UnknownAddress
from mesh_defs.gateway.describe import ProductView, as_dict, page, port_dict, view
from mesh_defs.gateway.discovery import discovery
from mesh_defs.gateway.http.accept import choose
from mesh_defs.gateway.http.calls import NAME, PLAIN, AsOf, Mesh, OfPort, OfProduct, Who, moment_of
from mesh_defs.gateway.http.conditions import not_modified, unchanged, weak_tag
from mesh_defs.gateway.http.headers import state_headers
from mesh_defs.gateway.http.problems import READ_PROBLEMS
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.product import product_page
from mesh_defs.gateway.portal.visit import Looking
from mesh_defs.product.shown_lineage import known_source, shown_lineage
from mesh_defs.standards import dprod, odcs, odps
from mesh_defs.standards import turtle as rdf
from mesh_defs.standards.facts import ProductFacts
from mesh_defs.standards.openlineage import events
from mesh_defs.unseen import yaml_text

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.product.described.said import Said
    from mesh_defs.urls import MeshUrl

router = APIRouter(
    tags=["products"], dependencies=PLAIN, responses=READ_PROBLEMS, route_class=ForPeople
)

HTML, JSON = "text/html", "application/json"
FORMS = {
    "json": JSON,
    "html": HTML,
    "odps": odps.MEDIA_TYPE,
    "odcs": odcs.MEDIA_TYPE,
    "jsonld": dprod.MEDIA_TYPE,
    "turtle": rdf.MEDIA_TYPE,
    "openlineage": events.MEDIA_TYPE,
}
_OBJECT = {"schema": {"type": "object"}}
_TEXTS = (HTML, rdf.MEDIA_TYPE)
_CONTENT = {
    media: {"schema": {"type": "string"}} if media in _TEXTS else _OBJECT
    for media in FORMS.values()
}
DOCUMENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What is told of it", "content": _CONTENT},
    304: {"description": "You have it already"},
}
OfDomain = Annotated[
    str | None, Query(pattern=f"^{NAME}$", description="only the products of this domain")
]
Most = Annotated[int, Query(ge=1, le=1000, description="products at most")]
Cursor = Annotated[
    str | None,
    Query(pattern=f"^{NAME}/{NAME}$", description="`next` of the page before; default: the first"),
]


class Products(BaseModel):
    """A page of products, and the cursor of the next one."""

    mesh: str
    products: list[dict[str, Any]]
    next: str | None


Form = Annotated[
    str | None,
    Query(
        alias="as",
        pattern="^(json|html|odps|odcs|jsonld|turtle|openlineage)$",
        description="the form: json, html, odps, odcs (the port's contract), jsonld or turtle "
        "(DPROD), or openlineage (the event of the version's run); default: by Accept",
    ),
]


@router.get(
    "/-/products", summary="Products that you may know of", responses={200: {"model": Products}}
)
@router.head("/-/products", include_in_schema=False)
def products(
    request: Request,
    mesh: Mesh,
    who: Who,
    domain: OfDomain = None,
    limit: Most = 100,
    cursor: Cursor = None,
    as_of: AsOf = None,
) -> Response:
    """Names, purposes and ports; only what the caller may discover, page by page: `next` is the
    `cursor` of the page behind, null behind the last."""
    found = page(mesh, who, limit, domain=domain, after=cursor, as_of=moment_of(as_of))
    listed = [as_dict(each, _said(mesh, each), mesh.base) for each in found.products]
    body = {"mesh": mesh.settings.name, "products": listed, "next": found.after}
    return _json(request, body, dict(_PRIVATE))


@router.get(
    "/{domain}/{product}", summary="A product", response_class=Response, responses=DOCUMENTS
)
@router.head("/{domain}/{product}", include_in_schema=False)
def product(
    request: Request, mesh: Mesh, who: Looking, address: OfProduct, form: Form = None
) -> Response:
    """What it is for, what is in it, who may read it, how to get it."""
    return _answer(request, mesh, who, address, form)


@router.get(
    "/{domain}/{product}/{port}",
    summary="A port of a product",
    response_class=Response,
    responses=DOCUMENTS,
)
@router.head("/{domain}/{product}/{port}", include_in_schema=False)
def port(
    request: Request, mesh: Mesh, who: Looking, address: OfPort, form: Form = None
) -> Response:
    """As the product, of one port."""
    return _answer(request, mesh, who, address, form)


def _answer(
    request: Request, mesh: Gateway, who: Caller, address: MeshUrl, form: str | None
) -> Response:
    chosen = form or choose(request.headers.get("Accept"), {m: n for n, m in FORMS.items()}, "json")
    if chosen == "html":
        return product_page(request, address)
    port, product = address.port, view(mesh, who, address)
    one = product.ports[0] if len(product.ports) == 1 else None
    told = product.port(port) if port is not None else one
    state = told.state if told is not None else None
    headers = {**_PRIVATE, **(state_headers(state) if state is not None else {})}
    if chosen == "odcs":
        seen = {each.output.promise.name for each in product.ports}
        contract = odcs.odcs_document((told or product.ports[0]).output, seen)
        return Response(contract, headers=headers, media_type=odcs.MEDIA_TYPE)
    if chosen == "json":
        body = as_dict(product, _said(mesh, product), mesh.base)
        if port is not None and told is not None:
            body |= port_dict(product, told, mesh.base)
        return _json(request, body, headers)
    return Response(_text(mesh, who, product, chosen), headers=headers, media_type=FORMS[chosen])


def _text(mesh: Gateway, who: Caller, product: ProductView, form: str) -> str:
    """The product as a document of a standard."""
    if form == "openlineage":
        return json.dumps(_event(mesh, who, product))
    facts = _facts(mesh, who, product)
    if form == "odps":
        return yaml_text(odps.odps_document(facts))
    node: dict[str, Any] = dprod.dprod_document(facts)
    return rdf.turtle(node) if form == "turtle" else json.dumps(node)


def _event(mesh: Gateway, who: Caller, product: ProductView) -> dict[str, Any]:
    """The event of the run that made the version, as far as the caller may see it."""
    document = discovery(mesh, who, product.address)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    if product.record is None:
        return events.version_event(document, now)
    ports = {port.name for port in product.ports}
    lineage = shown_lineage(
        product.record.lineage, ports, lambda url: mesh.reads.knows(who, url), whole=False
    )
    return events.version_event(document, now, lineage.get("ways", {}))


def _json(request: Request, body: dict[str, Any], headers: dict[str, str]) -> Response:
    """``body``, unless the client has it already. Ages grow all the time: they make nothing new."""
    tag = weak_tag(_without_ages(body))
    headers["ETag"] = tag
    if unchanged(request, tag):
        return not_modified(headers)
    return JSONResponse(body, headers=headers)


def _without_ages(value: Any) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        return {k: _without_ages(each) for k, each in value.items() if k != "age_seconds"}
    return [_without_ages(each) for each in value] if isinstance(value, list) else value


def _said(mesh: Gateway, product: ProductView) -> Said | None:
    return mesh.catalog.said(product.identity, product.record)


def _facts(mesh: Gateway, who: Caller, product: ProductView) -> ProductFacts:
    said = _said(mesh, product)
    inputs = {
        name: source
        for name, source in (said.inputs if said is not None else {}).items()
        if known_source(source, lambda address: mesh.reads.knows(who, address))
    }
    outputs = tuple(port.output for port in product.ports)
    domain, _, name = product.identity.partition("/")
    if not outputs:
        raise UnknownAddress(f"no product mesh://{product.identity}")
    classified = {port.name: port.read.subject.classification for port in product.ports}
    return ProductFacts(
        mesh.settings.name,
        mesh.base,
        domain,
        name,
        said,
        product.record,
        outputs,
        inputs,
        classified,
    )


_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization, Cookie"}
