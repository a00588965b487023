"""The rows of a port over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request, Response

from mesh_defs.gateway.answers import Selection, select_rows
from mesh_defs.gateway.http.accept import choose
from mesh_defs.gateway.http.calls import (
    AsOf,
    DomainName,
    Mesh,
    PortName,
    ProductName,
    Purpose,
    Version,
    Who,
    address_of,
    purpose_of,
)
from mesh_defs.gateway.http.forms import ACCEPTED, Form
from mesh_defs.gateway.http.sending import answered

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.urls import MeshUrl

router = APIRouter(tags=["data"])
PROTOCOL = "http"

Format = Annotated[
    Form | None,
    Query(alias="format", description="arrow, parquet, csv, json or ndjson; default: by Accept"),
]
Columns = Annotated[
    str | None, Query(max_length=10_000, description="names with commas between; default: all")
]
Where = Annotated[
    str | None,
    Query(max_length=10_000, description="a condition such as: origin = 'JFK' AND distance > 500"),
]
Order = Annotated[
    str | None, Query(max_length=10_000, description="columns, each with asc or desc behind it")
]
Limit = Annotated[int | None, Query(ge=0, le=2**53, description="rows at most")]
Offset = Annotated[int | None, Query(ge=0, le=2**53, description="rows that are left out first")]


@router.get("/{domain}/{product}/data", summary="The rows of a product's main port")
def product_data(
    request: Request,
    mesh: Mesh,
    who: Who,
    domain: DomainName,
    product: ProductName,
    form: Format = None,
    columns: Columns = None,
    where: Where = None,
    order: Order = None,
    limit: Limit = None,
    offset: Offset = None,
    version: Version = None,
    as_of: AsOf = None,
    purpose: Purpose = None,
) -> Response:
    """All that you may see of it, or what you choose of that."""
    address = address_of(domain, product, None, version, as_of)
    selection = Selection(columns, where, order, limit, offset)
    return _rows(request, mesh, who, address, selection, form, purpose)


@router.get("/{domain}/{product}/{port}/data", summary="The rows of a port")
def port_data(
    request: Request,
    mesh: Mesh,
    who: Who,
    domain: DomainName,
    product: ProductName,
    port: PortName,
    form: Format = None,
    columns: Columns = None,
    where: Where = None,
    order: Order = None,
    limit: Limit = None,
    offset: Offset = None,
    version: Version = None,
    as_of: AsOf = None,
    purpose: Purpose = None,
) -> Response:
    """All that you may see of it, or what you choose of that."""
    address = address_of(domain, product, port, version, as_of)
    selection = Selection(columns, where, order, limit, offset)
    return _rows(request, mesh, who, address, selection, form, purpose)


def _rows(
    request: Request,
    mesh: Gateway,
    who: Caller,
    address: MeshUrl,
    selection: Selection,
    form: Form | None,
    purpose: str | None,
) -> Response:
    chosen = form or form_of(request)
    found = select_rows(
        mesh,
        who,
        address,
        selection,
        purpose=purpose_of(request, purpose),
        protocol=PROTOCOL,
    )
    return answered(request, found, chosen)


def form_of(request: Request) -> Form:
    """The form that the client accepts best. Raises `NotAcceptable`."""
    name = choose(request.headers.get("Accept"), ACCEPTED, "json")
    return next(form for form in ACCEPTED.values() if form == name)
