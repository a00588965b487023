"""One address per product: a page, its description, or a document of an open standard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from mesh_defs.errors import UnknownAddress
from mesh_defs.gateway.describe import ProductView, as_dict, listing, port_dict, view
from mesh_defs.gateway.http.accept import choose
from mesh_defs.gateway.http.calls import (
    AsOf,
    DomainName,
    Mesh,
    PortName,
    ProductName,
    Version,
    Who,
    address_of,
)
from mesh_defs.gateway.http.headers import state_headers
from mesh_defs.gateway.http.pages import product_page
from mesh_defs.product.manifest import Input
from mesh_defs.standards import dprod, odps
from mesh_defs.standards.facts import ProductFacts

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway

router = APIRouter(tags=["products"])

HTML, JSON = "text/html", "application/json"
ODCS = "application/odcs+yaml;version=3.1.0"
FORMS = {
    "json": JSON,
    "html": HTML,
    "odps": odps.MEDIA_TYPE,
    "odcs": ODCS,
    "jsonld": dprod.MEDIA_TYPE,
}
Form = Annotated[
    str | None,
    Query(
        alias="as",
        pattern="^(json|html|odps|odcs|jsonld)$",
        description="the form: json, html, odps, odcs (the port's contract) or jsonld (DPROD); "
        "default: by Accept",
    ),
]


@router.get("/-/products", summary="Every product that you may know of")
def products(mesh: Mesh, who: Who) -> JSONResponse:
    """Names, purposes and ports; only what the caller may discover."""
    found = [as_dict(each, mesh.base) for each in listing(mesh, who)]
    return JSONResponse({"mesh": mesh.settings.name, "products": found}, headers=_PRIVATE)


@router.get("/{domain}/{product}", summary="A product")
def product(
    request: Request,
    mesh: Mesh,
    who: Who,
    domain: DomainName,
    product: ProductName,
    form: Form = None,
    version: Version = None,
    as_of: AsOf = None,
) -> Response:
    """What it is for, what is in it, who may read it, how to get it."""
    address = address_of(domain, product, None, version, as_of)
    return _answer(request, mesh, view(mesh, who, address), None, form)


@router.get("/{domain}/{product}/{port}", summary="A port of a product")
def port(
    request: Request,
    mesh: Mesh,
    who: Who,
    domain: DomainName,
    product: ProductName,
    port: PortName,
    form: Form = None,
    version: Version = None,
    as_of: AsOf = None,
) -> Response:
    """As the product, of one port."""
    address = address_of(domain, product, port, version, as_of)
    return _answer(request, mesh, view(mesh, who, address), address.port, form)


def _answer(
    request: Request, mesh: Gateway, product: ProductView, port: str | None, form: str | None
) -> Response:
    chosen = form or choose(request.headers.get("Accept"), {m: n for n, m in FORMS.items()}, "json")
    told = product.port(port) if port is not None or len(product.ports) == 1 else None
    state = told.state if told is not None else None
    headers = {**_PRIVATE, **(state_headers(state) if state is not None else {})}
    if chosen == "html":
        page = product_page(mesh, product, port)
        return HTMLResponse(page, headers={**headers, "Content-Security-Policy": _POLICY})
    if chosen == "odcs":
        output = (told or product.port(None)).output
        return Response(output.contract.path.read_bytes(), headers=headers, media_type=ODCS)
    if chosen == "json":
        body = as_dict(product, mesh.base)
        if port is not None and told is not None:
            body |= port_dict(product, told, mesh.base)
        return JSONResponse(body, headers=headers)
    facts = _facts(mesh, product)
    if chosen == "odps":
        text = yaml.safe_dump(odps.odps_document(facts), sort_keys=False, allow_unicode=True)
        return Response(text, headers=headers, media_type=odps.MEDIA_TYPE)
    node: dict[str, Any] = dprod.dprod_document(facts)
    return Response(json.dumps(node), headers=headers, media_type=dprod.MEDIA_TYPE)


def _facts(mesh: Gateway, product: ProductView) -> ProductFacts:
    manifest = product.manifest
    declared = manifest.inputs if manifest is not None else {}
    inputs = {name: each.from_ for name, each in declared.items() if isinstance(each, Input)}
    outputs = tuple(port.output for port in product.ports)
    domain, _, name = product.identity.partition("/")
    if not outputs:
        raise UnknownAddress(f"no product mesh://{product.identity}")
    return ProductFacts(
        mesh.settings.name, mesh.base, domain, name, manifest, product.record, outputs, inputs
    )


_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'"
