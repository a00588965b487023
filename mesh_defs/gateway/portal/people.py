"""Errors as pages, for who asks for pages; who is nobody is shown where to sign in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from mesh_defs.errors import MeshError
from mesh_defs.faults import one_line
from mesh_defs.gateway.errors import BadRequest, NotAcceptable
from mesh_defs.gateway.http.accept import choose
from mesh_defs.gateway.http.problems import of_error
from mesh_defs.gateway.portal.render import page
from mesh_defs.gateway.portal.visit import visit_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request, Response

_HTML, _JSON = "text/html", "application/json"
_UNKNOWN = 401


def takes_pages(request: Request) -> bool:
    """Whether who asks rather has a page than JSON."""
    try:
        offered = {_HTML: _HTML, _JSON: _JSON}
        return choose(request.headers.get("Accept"), offered, _JSON) == _HTML
    except NotAcceptable:
        return False


class ForPeople(APIRoute):
    """A route whose errors are pages where a page was asked for."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which shows what went wrong."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except (MeshError, RequestValidationError) as error:
                if not takes_pages(request):
                    raise
                return await run_in_threadpool(error_page, request, error)

        return handled


def error_page(request: Request, error: MeshError | RequestValidationError) -> Response:
    """What went wrong, and what to do. Raises as `visit_of`."""
    if isinstance(error, RequestValidationError):
        told = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        error = BadRequest(one_line("; ".join(told)))
    visit = visit_of(request)
    root = visit.mesh.settings.root
    answer = of_error(error, (f"{root}/", str(root)))
    told_of = json.loads(bytes(answer.body))
    if answer.status_code == _UNKNOWN and visit.who.anonymous:
        return page(visit, "sign_in.html", _UNKNOWN, next=inside(visit.here), problem=None)
    return page(visit, "error.html", answer.status_code, problem=told_of)


def inside(here: str) -> str:
    """``here``, when it is a path of ours; else the first page."""
    return here if here.startswith("/") and not here.startswith(("//", "/\\")) else "/"
