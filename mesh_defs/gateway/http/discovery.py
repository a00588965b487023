"""Where a product describes itself: its discovery port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from mesh_defs.gateway.discovery import discovery as discovered
from mesh_defs.gateway.http.calls import CALLED, Mesh, OfProduct, Who
from mesh_defs.gateway.http.conditions import not_modified, unchanged, weak_tag
from mesh_defs.gateway.http.problems import READ_PROBLEMS
from mesh_defs.product.described.keys import DOCUMENT
from mesh_defs.product.described.shapes import schema

if TYPE_CHECKING:
    from fastapi import Response

router = APIRouter(tags=["products"], dependencies=CALLED, responses=READ_PROBLEMS)

_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The discovery document",
        "content": {"application/json": {"schema": schema(DOCUMENT)}},
    },
    304: {"description": "You have it already"},
}


@router.get(
    "/{domain}/{product}/discovery",
    summary="How a product describes itself",
    response_model=None,
    responses=_ANSWERS,
)
@router.head("/{domain}/{product}/discovery", include_in_schema=False, response_model=None)
def discovery(request: Request, mesh: Mesh, who: Who, address: OfProduct) -> Response:
    """The discovery document of a version (default: the newest), as far as the caller may see: what
    it is for, what is in it with a profile of the data, whether it keeps its promises, where it
    comes from, how to get it, who uses it, what changed."""
    body = discovered(mesh, who, address)
    headers = dict(_PRIVATE)
    headers["ETag"] = weak_tag(_without_ages(body))
    if unchanged(request, headers["ETag"]):
        return not_modified(headers)
    return JSONResponse(body, headers=headers)


def _without_ages(body: dict[str, Any]) -> dict[str, Any]:
    """Ages grow all the time: they make nothing new."""
    ports = [
        {**port, "state": {k: v for k, v in (port["state"] or {}).items() if k != "age_seconds"}}
        for port in body["ports"]
    ]
    return {**body, "ports": ports}
