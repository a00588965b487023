"""Errors as HTTP: problem documents (RFC 9457) that say what was wrong and what to do."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from mesh_defs.errors import (
    AccessDenied,
    Busy,
    InvalidMesh,
    InvalidRequest,
    MeshError,
    NotPublished,
    SourceUnavailable,
    StorageFailed,
    Unauthenticated,
    UnknownAddress,
    UnknownRecord,
    WrongState,
)
from mesh_defs.faults import one_line
from mesh_defs.gateway.errors import BadRequest, GatewayError
from mesh_defs.gateway.fixes import FIX, fix_of, with_fix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fastapi import FastAPI, Request

_log = logging.getLogger(__name__)
TYPE = "application/problem+json"
REALM = 'Bearer realm="mesh", charset="UTF-8"'
# What each error of ours is to who reads over HTTP; the first that fits.
_STATUS: tuple[tuple[type[MeshError], int, str], ...] = (
    (Unauthenticated, 401, "Say who you are"),
    (AccessDenied, 403, "Access denied"),
    (NotPublished, 404, "Not published"),
    (UnknownAddress, 404, "Not found"),
    (UnknownRecord, 404, "Not found"),
    (InvalidRequest, 400, "Bad request"),
    (WrongState, 409, "Not any more"),
    (InvalidMesh, 500, "The mesh is declared wrongly"),
    (Busy, 503, "Busy"),
    (SourceUnavailable, 503, "Unavailable"),
    (StorageFailed, 503, "Unavailable"),
)
_RETRY_SECONDS = 5
_SHOWN = 60
_WORD = {"type": "string"}
_SCHEMA = {
    "type": "object",
    "properties": {
        "type": _WORD,
        "title": _WORD,
        "status": {"type": "integer"},
        "detail": _WORD,
        "fix": {"type": "string", "description": "what to do"},
    },
    "required": ["type", "title", "status", "detail", "fix"],
    "additionalProperties": False,
}
_RETRY = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}


def _told(description: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  OpenAPI
    return {"description": description, "content": {TYPE: {"schema": _SCHEMA}}, **more}


# What any request may be answered with, as OpenAPI tells it.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: _told("The request cannot be understood"),
    401: _told("Say who you are"),
    403: _told("You may not, and how to ask"),
    404: _told("There is no such thing that you may know of"),
    405: _told("Not with this method"),
    413: _told("Too large"),
    429: _told("Too much at once", headers=_RETRY),
    503: _told("Not now", headers=_RETRY),
    "default": _told("Something else went wrong"),
}
READ_PROBLEMS: dict[int | str, dict[str, Any]] = {
    **PROBLEMS,
    406: _told("None of the forms that you accept can be made"),
    410: _told("The product is retired"),
}


def install(app: FastAPI, root: Path) -> None:
    """Have every error of ``app`` told as a problem document, without the paths of this machine:
    those in ``root`` read as if they began there."""
    hidden = f"{root}/", str(root)

    @app.exception_handler(MeshError)
    async def ours(_request: Request, error: MeshError) -> JSONResponse:
        return of_error(error, hidden)

    @app.exception_handler(RequestValidationError)
    async def wrong(_request: Request, error: RequestValidationError) -> JSONResponse:
        told = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return of_error(BadRequest(one_line("; ".join(told))))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        if error.status_code != 405:
            status, title = error.status_code, str(error.detail)
            sent = dict(error.headers or {})
            return problem(status, title, title, fix=fix_of(status), headers=sent)
        methods = ", ".join(allowed_methods(request))
        headers = {"Allow": methods}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=headers)
        found = one_line(request.method)[:_SHOWN]
        return problem(
            405, "Method not allowed", f"found {found}", fix=f"use {methods}", headers=headers
        )


def unforeseen(method: str, path: str, error: Exception) -> JSONResponse:
    """What is told of an error that nobody foresaw. Its words may quote data: the log has its kind,
    and where it happened."""
    where = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error).__name__
    _log.error("%s %s: %s\n%s", method, one_line(path)[:200], kind, where)
    detail = f"an error of the gateway itself ({kind})"
    return problem(500, "The gateway failed", detail, fix=fix_of(500))


def allowed_methods(request: Request) -> list[str]:
    """The methods that the address of ``request`` takes."""
    found = {"OPTIONS"}
    for route in iter_route_contexts(request.app.routes):
        pattern = getattr(route, "path_regex", None)
        if pattern is not None and pattern.match(request.url.path):
            found |= route.methods or set()
    return sorted(found)


def of_error(error: MeshError, hidden: Sequence[str] = ()) -> JSONResponse:
    """``error`` as a problem document, without what is ``hidden``."""
    headers: dict[str, str] = {}
    if isinstance(error, GatewayError):
        status, title, retry = error.status, error.title, error.retry_after
    else:
        status, title = next(
            ((s, t) for kind, s, t in _STATUS if isinstance(error, kind)), (500, "Failed")
        )
        retry = _RETRY_SECONDS if status == 503 else None
    if status == 401:
        headers["WWW-Authenticate"] = REALM
    if retry is not None:
        headers["Retry-After"] = str(retry)
    text = str(error)
    if status >= 500 and not isinstance(error, GatewayError):
        # Its words are for those who run the mesh: they name files.
        _log.error("%s: %s", type(error).__name__, text)
        text = f"{title}. Fix: ask who runs this gateway; its log has the reason"
    for part in hidden:
        text = text.replace(part, "" if part.endswith("/") else "the mesh")
    detail, _, fix = with_fix(text, status).partition(FIX)
    return problem(status, title, detail, fix=fix, headers=headers)


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    fix: str,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """A problem document; ``fix`` says what to do."""
    body: dict[str, object] = {"type": "about:blank", "title": title, "status": status}
    body |= {"detail": detail, "fix": fix}
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})}, TYPE)
