"""Answers of unknown length, piece by piece: none waits in memory, all is given back at the end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from mesh_defs.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from starlette.types import Receive, Scope, Send

_log = logging.getLogger(__name__)
SLOWEST_SECONDS = 60.0  # until the client takes one piece
LOOK_SECONDS = 0.5


class Stream(Response):
    """The pieces of an asynchronous generator, which is closed whatever happens; then ``done`` is
    called, also where it never began.

    It stops when the client goes away, which ``leave`` is told, or takes nothing for so many
    seconds that it is ``stalled`` (default: a minute). When making a piece fails the connection is
    cut: the client must not take what it got for the whole.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        media_type: str,
        done: Callable[[], object],
        *,
        stalled: Callable[[float], bool] = SLOWEST_SECONDS.__le__,
        leave: Callable[[], object] | None = None,
    ) -> None:
        self.background = None
        self.done = done
        self.stalled, self.leave = stalled, leave
        self.status_code = 200
        self.media_type = media_type
        self.pieces = pieces
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope
        body = asyncio.ensure_future(self._send(send))
        gone = asyncio.ensure_future(left(receive))
        try:
            await asyncio.wait({body, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not body.done():
                if self.leave is not None:
                    self.leave()
                body.cancel()
            await asyncio.wait({body})
            await run_in_threadpool(self.done)
        if not body.cancelled():
            body.result()

    async def _send(self, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        try:
            await send({"type": "http.response.start", **start})
            async for piece in self.pieces:
                message = {"type": "http.response.body", "body": piece, "more_body": True}
                await taken(send(message), self.stalled)
            await send({"type": "http.response.body", "body": b""})
        except MeshError as error:
            _log.warning("an answer was cut: %s", error)
        except TimeoutError:
            _log.warning("an answer was cut: the client stopped reading")
        finally:
            await self.pieces.aclose()


async def taken(sent: Awaitable[None], stalled: Callable[[float], bool]) -> None:
    """Wait until the client has taken what is ``sent``. Raises `TimeoutError` when it has taken
    nothing for so many seconds that it is ``stalled``."""
    sending = asyncio.ensure_future(sent)
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        while not (await asyncio.wait({sending}, timeout=LOOK_SECONDS))[0]:
            if stalled(clock() - began):
                raise TimeoutError
        sending.result()
    finally:
        sending.cancel()


async def left(receive: Receive) -> None:
    """Return when the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
