"""Signed URLs: Parquet files by ranges, for readers that send no headers of their own."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from mesh_defs.gateway.errors import Refused
from mesh_defs.gateway.http.calls import CALLED, ForPurpose, Mesh, OfPort, OfProduct, Who
from mesh_defs.gateway.http.headers import reading_headers
from mesh_defs.gateway.http.pieces import FileResponse
from mesh_defs.gateway.ranges import Unsatisfiable, read_ranges
from mesh_defs.gateway.signed import PREFIX, SUFFIX

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.handed import HandedFile, Handout
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.urls import MeshUrl

# A file's own URL is asked with whatever a client adds to it.
router = APIRouter(tags=["files"])

PROTOCOL = "files"

_threads = ThreadPoolExecutor(8, "files")


_URL = f"{PREFIX}/{{reading}}/{{proof}}/{{name}}"


@router.get(
    "/{domain}/{product}/files", summary="URLs of a product's main port", dependencies=CALLED
)
def product_files(mesh: Mesh, who: Who, address: OfProduct, purpose: ForPurpose) -> JSONResponse:
    """As of a port."""
    return _handed(mesh, who, address, purpose)


@router.get(
    "/{domain}/{product}/{port}/files",
    summary="URLs of a port's Parquet files",
    dependencies=CALLED,
)
def port_files(mesh: Mesh, who: Who, address: OfPort, purpose: ForPurpose) -> JSONResponse:
    """All that you may see of it, as URLs that any reader of Parquet takes and that are good for a
    while: whoever has one may read that file. They end when your access does."""
    return _handed(mesh, who, address, purpose)


def _handed(mesh: Gateway, who: Caller, address: MeshUrl, purpose: str | None) -> JSONResponse:
    with ExitStack() as stack:
        reading = mesh.reads.open(who, address, purpose=purpose, protocol=PROTOCOL)
        stack.push(reading)
        with mesh.limiter.slot(str(who.principal)):
            files = reading.rows().files
        handout = mesh.signer.hand_out(reading, files, stack.pop_all())
    told = {
        "url": str(reading.url),
        "expires_at": datetime.fromtimestamp(handout.expires, UTC).isoformat(),
        "receipt": reading.id,
        "state": reading.state.as_dict(),
        "masked": list(reading.masked),
        "row_filter": reading.decision.row_filter is not None,
        "files": [
            {"url": mesh.base + handout.path(file), "bytes": file.size, "rows": file.rows}
            for file in handout.files.values()
        ],
    }
    headers = {**reading_headers(reading), "Cache-Control": "no-store"}
    return JSONResponse(told, headers=headers)


@router.get(_URL, summary="A file that was handed out")
@router.head(_URL, include_in_schema=False)
async def handed_file(
    request: Request, mesh: Mesh, reading: str, proof: str, name: str
) -> Response:
    """Its bytes, or ranges of them. No token is needed; one that is sent must be of who got the
    URL."""
    loop = asyncio.get_running_loop()
    handout, file = await loop.run_in_executor(
        _threads, _found, mesh, (reading, proof, name), request.headers.get("Authorization")
    )
    with ExitStack() as held:
        held.callback(mesh.signer.release, handout)
        owner = str(handout.reading.caller.principal)
        await mesh.limiter.files.wait(owner)
        held.callback(mesh.limiter.files.give_back, owner)
        return _answer(request, mesh, handout, file, held)


def _found(
    mesh: Gateway, names: tuple[str, str, str], authorization: str | None
) -> tuple[Handout, HandedFile]:
    """The file that the URL names. Raises `Ended`; `Unauthenticated` and `Refused`
    when a token came along that is no good, or somebody else's."""
    caller = mesh.authenticate(authorization) if authorization is not None else None
    reading, proof, name = names
    handout, file = mesh.signer.use(reading, proof, name.removesuffix(SUFFIX), datetime.now(UTC))
    owner = handout.reading.caller.principal
    if caller is not None and str(caller.principal) != str(owner):
        mesh.signer.release(handout)
        raise Refused(
            "the URL was handed out to somebody else. Fix: ask for one with your own token"
        )
    return handout, file


def _answer(
    request: Request, mesh: Gateway, handout: Handout, file: HandedFile, held: ExitStack
) -> Response:
    """Full, partial, or none of the bytes (RFC 9110, sections 13 and 14). Bytes take ``held``
    along, and close it when they are sent."""
    asked = request.headers
    headers = {
        **reading_headers(handout.reading),
        "Accept-Ranges": "bytes",
        "ETag": file.tag,
        "Cache-Control": "private, no-transform",
    }
    if _listed(asked.get("If-None-Match"), file.tag):
        return Response(status_code=304, headers=headers)
    same = asked.get("If-Range") in (None, file.tag)
    try:
        # A Range means something with GET alone (RFC 9110, section 14.2).
        wanted = asked.get("Range") if same and request.method == "GET" else None
        parts = read_ranges(wanted, file.size)
    except Unsatisfiable:
        headers["Content-Range"] = f"bytes */{file.size}"
        return Response(status_code=416, headers=headers)
    done = held.pop_all().close
    return FileResponse(handout, file, parts, headers, _threads, done, mesh.limiter.stalled)


def _listed(header: str | None, tag: str) -> bool:
    """Whether ``If-None-Match`` names ``tag``; its comparison is the weak one."""
    if header is None:
        return False
    tags = (each.strip().removeprefix("W/") for each in header.split(","))
    return header.strip() == "*" or tag in tags
