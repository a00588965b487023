"""Errors as Delta Sharing tells them: a code and a message, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from mesh_defs.errors import MeshError
from mesh_defs.faults import one_line
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.fixes import with_fix
from mesh_defs.gateway.http.problems import of_error

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request

_CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    410: "RESOURCE_DOES_NOT_EXIST",
    413: "REQUEST_LIMIT_EXCEEDED",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


class SharingRoute(APIRoute):
    """A route whose errors have the protocol's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its errors told."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handler(request)
            except MeshError as error:
                return told(error)
            except RequestValidationError as error:
                words = [f"{each['loc'][-1]}: {each['msg']}" for each in error.errors()]
                return told(BadRequest(one_line("; ".join(words))))

        return handled


def told(error: MeshError) -> JSONResponse:
    """``error`` with the status and the headers that it has everywhere."""
    problem = of_error(error)
    code = _CODES.get(problem.status_code, "INTERNAL_ERROR")
    kept = ("www-authenticate", "retry-after", "cache-control")
    headers = {name: problem.headers[name] for name in kept if name in problem.headers}
    return JSONResponse(
        {"errorCode": code, "message": with_fix(str(error), problem.status_code)},
        problem.status_code,
        headers,
    )
