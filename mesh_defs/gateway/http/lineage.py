"""Where a product comes from, and what is made of it, as far as the caller may know."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from mesh_defs.discovery.lineage.model import Place
from mesh_defs.discovery.lineage.walk import walk
from mesh_defs.errors import UnknownAddress
from mesh_defs.gateway.http.calls import CALLED, NAME, AnyProduct, Mesh, Who
from mesh_defs.gateway.http.problems import READ_PROBLEMS

router = APIRouter(tags=["products"], dependencies=CALLED, responses=READ_PROBLEMS)

Direction = Annotated[
    Literal["up", "down", "both"],
    Query(description="up: what it is made of; down: what is made of it"),
]
Depth = Annotated[
    int | None, Query(ge=1, le=10_000, description="so many products away (default: all)")
]
OfPort = Annotated[
    str | None, Query(pattern=f"^{NAME}$", description="of this port (default: the product)")
]
OfColumn = Annotated[
    str | None, Query(max_length=1000, description="of this column of the port, or the main port")
]
Most = Annotated[int, Query(ge=1, le=5000, description="places at most, the nearest first")]
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


class Lineage(BaseModel):
    """Places by `id` (a product, port, column, entity of an operational `source`, or something of
    another mesh, `foreign`), and the edges between them, from what is read to what is made of it.
    Of `reads` edges there is the `version` that was read, of `flows` the `way` of the values. The
    `parent` of a column or port need not be among the nodes."""

    start: str
    direction: str
    depth: int | None
    truncated: bool
    nodes: list[dict[str, Any]]
    edges: list[dict[str, Any]]


@router.get(
    "/{domain}/{product}/lineage",
    summary="What a product is made of, and what is made of it",
    responses={200: {"model": Lineage}},
)
def lineage(
    mesh: Mesh,
    who: Who,
    address: AnyProduct,
    direction: Direction = "both",
    depth: Depth = None,
    port: OfPort = None,
    column: OfColumn = None,
    limit: Most = 300,
) -> JSONResponse:
    """Products, ports and columns as the newest versions were made, back into the operational
    systems. What the caller may not discover is left out as if it was not there, and with it what
    lies behind."""
    mesh.reads.check_named(who, address, "discover")
    try:
        found = walk(
            mesh.lineage.graph(),
            Place(address.identity, port, column),
            up=direction != "down",
            down=direction != "up",
            depth=depth,
            knows=lru_cache(maxsize=None)(lambda each: mesh.reads.knows(who, each)),
            most=limit,
        )
    except UnknownAddress:
        if who.anonymous:
            raise mesh.reads.unseen(who, address) from None
        raise
    return JSONResponse(found.as_dict(), headers=_PRIVATE)
