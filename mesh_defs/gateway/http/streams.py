"""Answers of unknown length, piece by piece: none waits in memory, all is given back at the end."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from mesh_defs.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from starlette.types import Receive, Scope, Send

_log = logging.getLogger(__name__)
SLOWEST_SECONDS = 60.0  # until the client takes one piece


class Stream(Response):
    """The pieces of an asynchronous generator, which is closed whatever happens; then ``done`` is
    called, also where it never began.

    It stops when the client goes away or takes nothing for a minute. When making a piece fails the
    connection is cut: the client must not take what it got for the whole.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        headers: Mapping[str, str],
        media_type: str,
        done: Callable[[], object],
    ) -> None:
        self.background = None
        self.done = done
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
                await asyncio.wait_for(send(message), SLOWEST_SECONDS)
            await send({"type": "http.response.body", "body": b""})
        except MeshError as error:
            _log.warning("an answer was cut: %s", error)
        except TimeoutError:
            _log.warning("an answer was cut: nobody took it for %.0f seconds", SLOWEST_SECONDS)
        finally:
            await self.pieces.aclose()


async def left(receive: Receive) -> None:
    """Return when the client goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass
