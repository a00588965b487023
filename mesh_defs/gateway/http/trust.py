"""Whether a product can be trusted: what was measured of it, as far as the caller may know."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from mesh_defs.gateway.http.calls import CALLED, AnyProduct, Mesh, Who
from mesh_defs.gateway.http.problems import READ_PROBLEMS
from mesh_defs.gateway.trust import trust as measured

router = APIRouter(tags=["products"], dependencies=CALLED, responses=READ_PROBLEMS)
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


class Trust(BaseModel):
    """The facts of each port: each with its `value` in `unit`, the `window` of time that it is
    about, `how` it was measured, `series` over time and `details`."""

    url: str
    at: str
    ports: list[dict[str, Any]]
    notes: list[str]


@router.get(
    "/{domain}/{product}/trust",
    summary="What was measured of a product",
    responses={200: {"model": Trust}},
)
def trust(mesh: Mesh, who: Who, address: AnyProduct) -> JSONResponse:
    """Promises and freshness kept, stability, completeness, incidents, consumers and ratings of
    each port: facts, no score. What tells of values or rows that the caller may not see has no
    value."""
    return JSONResponse(measured(mesh, who, address), headers=_PRIVATE)
