"""Receipts and usage over HTTP, for those who control a product."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from mesh_defs.gateway.errors import Refused
from mesh_defs.gateway.http.calls import CALLED, AnyProduct, Known, Mesh
from mesh_defs.gateway.http.problems import PROBLEMS

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.urls import MeshUrl

router = APIRouter(tags=["audit"], dependencies=CALLED, responses=PROBLEMS)
_PRIVATE = {"Cache-Control": "no-store"}
By = Literal["consumer", "day", "consumer and day"]


@router.get("/{domain}/{product}/receipts", summary="Who read a product")
def receipts(
    mesh: Mesh,
    who: Known,
    address: AnyProduct,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> JSONResponse:
    """The newest receipts, newest first. Whoever does not control the product sees their own."""
    identity, controls = _controls(mesh, who, address)
    own = None if controls else str(who.principal)
    found = mesh.state.receipts.listed(identity=identity, principal=own, most=limit)
    return JSONResponse({"receipts": [each.as_dict() for each in found]}, headers=_PRIVATE)


@router.get("/{domain}/{product}/usage", summary="How much a product is used")
def usage(
    mesh: Mesh,
    who: Known,
    address: AnyProduct,
    by: By = "consumer",
    days: Annotated[int, Query(ge=1, le=3660)] = 30,
) -> JSONResponse:
    """Reads, rows, bytes and seconds, per consumer or day, for who controls the product."""
    identity, controls = _controls(mesh, who, address)
    if not controls:
        raise Refused(
            f"{who.principal} may not control mesh://{identity}, so who else reads it is not told. "
            "Fix: ask its owner"
        )
    since = datetime.now(UTC) - timedelta(days=days)
    found = mesh.state.usage.of(identity, since=since, by=by)
    return JSONResponse({"usage": [each.as_dict() for each in found]}, headers=_PRIVATE)


def _controls(mesh: Gateway, who: Caller, address: MeshUrl) -> tuple[str, bool]:
    """``<domain>/<product>``, and whether the caller controls it. Raises `UnknownAddress`."""
    hidden = mesh.reads.hidden(who, address)
    if hidden is not None:
        raise hidden
    allowed = who.may(address, "control") is None and (
        who.admin or mesh.reads.decide(who, address, "control").allowed
    )
    return address.identity, allowed
