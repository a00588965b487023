"""Authentication by the thread that serves the request: handing a request over to a thread costs
more than most of what is done with it before its rows are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from mesh_defs.errors import MeshError
from mesh_defs.gateway.http.calls import caller_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Response

    from mesh_defs.gateway.identity.caller import Caller


class Calling:
    """Who makes ``request``: found out, and counted, when it is asked first."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._found: Caller | MeshError | None = None

    @property
    def asked(self) -> bool:
        """Whether it was asked."""
        return self._found is not None

    def caller(self) -> Caller:
        """Who calls. It may block. Raises as `caller_of`, each time the same."""
        if self._found is None:
            try:
                self._found = caller_of(self._request)
            except MeshError as error:
                self._found = error
        if isinstance(self._found, MeshError):
            raise self._found
        return self._found


async def calling(request: Request) -> Calling:
    """Who calls, who is not asked for yet."""
    found: Calling = request.state.calling
    return found


WhoCalls = Annotated[Calling, Depends(calling)]


class CallerFirst(APIRoute):
    """A route with `WhoCalls`: what is wrong with a request is told, and counted, as if its caller
    had been asked for before its parameters were read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, which lets no refusal go by the caller."""
        handler = super().get_route_handler()

        async def handled(request: Request) -> Response:
            who = request.state.calling = Calling(request)
            try:
                return await handler(request)
            except (MeshError, RequestValidationError):
                if not who.asked:
                    await run_in_threadpool(who.caller)
                raise

        return handled
