"""The files that pages refer to: each under a digest of its content, and so kept for ever."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated

from fastapi import APIRouter, Path, Response

from mesh_defs.errors import UnknownAddress
from mesh_defs.gateway.portal.render import files

router = APIRouter(include_in_schema=False)
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.get("/-/static/{digest}/{name}", response_class=Response)
@router.head("/-/static/{digest}/{name}")
def static(
    digest: Annotated[str, Path(max_length=64)], name: Annotated[str, Path(max_length=64)]
) -> Response:
    """A file of our own. Raises `UnknownAddress`."""
    found = files().get(name)
    if found is None or found[0] != digest:
        raise UnknownAddress("no such file. Fix: load the page again")
    return Response(found[1], media_type=_TYPES[PurePath(name).suffix], headers=_HEADERS)
