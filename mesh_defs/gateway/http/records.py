"""What the ledger says of a port's versions, as far as the caller may know it."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from mesh_defs.gateway.http.calls import PLAIN, AnyPort, ForPurpose, Mesh, OfPort, Who
from mesh_defs.gateway.http.headers import state_headers
from mesh_defs.product.shown import shown_record

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.shown_lineage import Knows

router = APIRouter(tags=["products"], dependencies=PLAIN)
PROTOCOL = "http"
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


@router.get("/-/about", tags=["gateway"], summary="Where this mesh is reached")
def about(mesh: Mesh) -> JSONResponse:
    """The mesh's name, and the address of each protocol."""
    return JSONResponse(
        {
            "mesh": mesh.settings.name,
            "url": mesh.base,
            "flight": mesh.flight,
            "sharing": f"{mesh.base}/-/sharing",
        }
    )


@router.get("/{domain}/{product}/{port}/record", summary="A version's record")
def record(mesh: Mesh, who: Who, address: OfPort, purpose: ForPurpose) -> JSONResponse:
    """Inputs, times and verdicts of a version, without what tells of masked values, or of ports
    and inputs that the caller may not know of; what is decided on the caller's read of it; and how
    many rows there are, where no filter applies (else -1)."""
    with mesh.reads.open(who, address, purpose=purpose, protocol=PROTOCOL) as reading:
        opened, decision, state = reading.opened, reading.decision, reading.state
    found, number = opened.version.record, opened.version.record.version
    body: dict[str, Any] = {
        "record": asdict(
            shown_record(found, opened.version.port, decision, number, _knows(mesh, who))
        ),
        "port": opened.version.port,
        "state": state.as_dict(),
        "decision": decision.as_dict(),
        "types": {name: opened.types[name] for name in opened.types if decision.column(name)},
    }
    return JSONResponse(_plain(body), headers={**_PRIVATE, **state_headers(state)})


@router.get("/{domain}/{product}/{port}/versions", summary="Every version of a port")
def versions(
    mesh: Mesh,
    who: Who,
    address: AnyPort,
    purpose: ForPurpose,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> JSONResponse:
    """The records of the newest versions, newest first, as far as the caller may know them."""
    with mesh.reads.open(who, address, purpose=purpose, protocol=PROTOCOL) as reading:
        decision, number = reading.decision, reading.opened.version.record.version
    shown: list[Record] = []
    knows = _knows(mesh, who)
    for each in mesh.catalog.ledger(address.identity).newest_first():
        if len(shown) == limit:
            break
        shown.append(shown_record(each, decision.subject.port, decision, number, knows))
    return JSONResponse({"versions": [_plain(asdict(one)) for one in shown]}, headers=_PRIVATE)


def _knows(mesh: Gateway, who: Caller) -> Knows:
    """Whether ``who`` may know of a port; each is asked about once."""
    return lru_cache(maxsize=None)(lambda address: mesh.reads.knows(who, address))


def _plain(value: Any) -> Any:  # noqa: ANN401  JSON
    """JSON has no number that is none."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value
