"""The rows of a port over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from mesh_defs.gateway.answers import Selection, choose_rows, read_rows
from mesh_defs.gateway.http.accept import choose
from mesh_defs.gateway.http.calling import CallerFirst, WhoCalls
from mesh_defs.gateway.http.calls import PLAIN, ForPurpose, Mesh, OfPort, OfProduct
from mesh_defs.gateway.http.conditions import bare, not_modified, unchanged
from mesh_defs.gateway.http.forms import ACCEPTED, ARROW, MEDIA, NDJSON, PARQUET, Form
from mesh_defs.gateway.http.headers import opened_headers
from mesh_defs.gateway.http.packed import Packing
from mesh_defs.gateway.http.parquet import parquet
from mesh_defs.gateway.http.problems import READ_PROBLEMS
from mesh_defs.gateway.http.sending import (
    COMMON,
    answered,
    batch_rows,
    check_packing,
    coding_of,
)

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.urls import MeshUrl

router = APIRouter(
    tags=["data"], dependencies=PLAIN, responses=READ_PROBLEMS, route_class=CallerFirst
)
PROTOCOL = "http"
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_ROW: dict[str, Any] = {"schema": {"type": "array", "items": {"type": "object"}}}
_FORMS: dict[str, Any] = {
    ARROW: _BINARY,
    PARQUET: _BINARY,
    "text/csv": {"schema": {"type": "string"}},
    NDJSON: {"schema": {"type": "string"}},
    "application/json": _ROW,
}
ANSWER: dict[int | str, dict[str, Any]] = {200: {"description": "The rows", "content": _FORMS}}
ROWS: dict[int | str, dict[str, Any]] = {
    **ANSWER,
    206: {"description": "A part of the Parquet file", "content": {PARQUET: _BINARY}},
    304: {"description": "You have it already"},
    416: {"description": "No part of the Parquet file"},
}

Format = Annotated[
    Form | None,
    Query(alias="format", description="arrow, parquet, csv, json or ndjson; default: by Accept"),
]
Compression = Annotated[
    Packing | None,
    Query(description="of the buffers in an Arrow stream: lz4 or zstd; default: none"),
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of a port, and in which form."""

    selection: Selection
    form: Form
    packing: Packing | None
    purpose: str | None


async def _wanted(
    request: Request,
    purpose: ForPurpose,
    form: Format = None,
    columns: Columns = None,
    where: Where = None,
    order: Order = None,
    limit: Limit = None,
    offset: Offset = None,
    compression: Compression = None,
) -> Wanted:
    """What the query asks for. Raises `NotAcceptable`, `BadRequest`."""
    chosen = form or form_of(request)
    check_packing(chosen, compression)
    selection = Selection(columns, where, order, limit, offset)
    return Wanted(selection, chosen, compression, purpose)


Asked = Annotated[Wanted, Depends(_wanted)]


@router.get(
    "/{domain}/{product}/data",
    summary="The rows of a product's main port",
    response_class=Response,
    responses=ROWS,
)
@router.head("/{domain}/{product}/data", include_in_schema=False)
def product_data(
    request: Request, mesh: Mesh, who: WhoCalls, address: OfProduct, wanted: Asked
) -> Response:
    """All that you may see of it, or what you choose of that."""
    return _rows(request, mesh, who.caller(), address, wanted)


@router.get(
    "/{domain}/{product}/{port}/data",
    summary="The rows of a port",
    response_class=Response,
    responses=ROWS,
)
@router.head("/{domain}/{product}/{port}/data", include_in_schema=False)
def port_data(
    request: Request, mesh: Mesh, who: WhoCalls, address: OfPort, wanted: Asked
) -> Response:
    """All that you may see of it, or what you choose of that."""
    return _rows(request, mesh, who.caller(), address, wanted)


def _rows(
    request: Request, mesh: Gateway, who: Caller, address: MeshUrl, wanted: Wanted
) -> Response:
    """What is wanted of a port, in its form; its reading is closed, whatever happens."""
    form, packing = wanted.form, wanted.packing
    chosen = choose_rows(
        mesh, who, address, wanted.selection, purpose=wanted.purpose, protocol=PROTOCOL
    )
    if form == "parquet":
        return parquet(request, mesh, chosen)
    reading = chosen.reading
    coding = coding_of(request, form)
    # Of the files and of what is decided, a tag must tell nothing.
    made = (reading.content, chosen.query.sql, form, str(packing or coding))
    tag = f'W/"{mesh.signer.key.file_id(*made)}"'
    if unchanged(request, tag) or request.method == "HEAD":
        with reading:
            headers = {**COMMON, **opened_headers(reading), "ETag": tag}
        return not_modified(headers) if unchanged(request, tag) else bare(headers, MEDIA[form])
    found = read_rows(mesh, who, chosen, batch_rows(form))
    return answered(request, mesh, found, form, packing=packing, more={"ETag": tag})


def form_of(request: Request) -> Form:
    """The form that the client accepts best. Raises `NotAcceptable`."""
    name = choose(request.headers.get("Accept"), ACCEPTED, "json")
    return next(form for form in ACCEPTED.values() if form == name)
