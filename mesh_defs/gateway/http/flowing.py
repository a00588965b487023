"""Answers that leave piece by piece as they are made, at the pace of who reads them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from mesh_defs.errors import MeshError
from mesh_defs.gateway.http.streams import LOOK_SECONDS, left

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from starlette.types import Receive, Scope, Send

    from mesh_defs.gateway.delivery import Delivery, Piece

_log = logging.getLogger(__name__)


class Flow(Response):
    """``first``, then the ``rest`` of the pieces of ``delivery``; none waits in memory.

    It ends within a second when access ends, even while the client takes nothing; at once when the
    client goes away; and when it has taken nothing for so many seconds that it is ``stalled``.
    Then the connection is cut, so that nobody takes what came for the whole.
    """

    def __init__(
        self,
        delivery: Delivery,
        first: Sequence[Piece],
        rest: Generator[Piece],
        headers: Mapping[str, str],
        media_type: str,
        stalled: Callable[[float], bool],
    ) -> None:
        self.background = None
        self.status_code = 200
        self.media_type = media_type
        self.init_headers(headers)
        self._delivery, self._first, self._rest = delivery, deque(first), rest
        self._stalled = stalled
        self._making: asyncio.Future[Piece | None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope
        gone = asyncio.ensure_future(left(receive))
        try:
            start = {"status": self.status_code, "headers": self.raw_headers}
            await send({"type": "http.response.start", **start})
            if await self._send(send, gone):
                await send({"type": "http.response.body", "body": b""})
        except MeshError as error:
            _log.warning("an answer was cut: %s", error)
        finally:
            gone.cancel()
            await asyncio.shield(asyncio.ensure_future(self._end()))

    async def _send(self, send: Send, gone: asyncio.Future[None]) -> bool:
        """Whether all of it was sent."""
        while self._first:
            if not await self._taken(send, self._first.popleft(), gone):
                return False
        while (made := await self._next(gone)) is not None:
            if not await self._taken(send, made, gone):
                return False
        return not gone.done()

    async def _next(self, gone: asyncio.Future[None]) -> Piece | None:
        """The next piece; None at the end, or when the client went away."""
        making = self._making = asyncio.ensure_future(run_in_threadpool(next, self._rest, None))
        either: set[asyncio.Future[Any]] = {making, gone}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return making.result() if making.done() else None

    async def _taken(self, send: Send, piece: Piece, gone: asyncio.Future[None]) -> bool:
        """Send ``piece``. False when the client went away, or takes nothing for too long."""
        if not piece:
            return not gone.done()
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        sending: asyncio.Future[None] = asyncio.ensure_future(send(message))
        clock = asyncio.get_running_loop().time
        began, resting = clock(), False
        try:
            while True:
                waiting: set[asyncio.Future[None]] = {sending, gone}
                await asyncio.wait(
                    waiting, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if gone.done():
                    return False
                if sending.done():
                    sending.result()
                    return True
                if self._stalled(clock() - began):
                    reason = "the client stopped reading"
                    await run_in_threadpool(self._delivery.give_up, reason)
                    _log.warning("an answer was cut: %s", reason)
                    return False
                await run_in_threadpool(self._delivery.check)
                if not resting and not self._first:
                    resting = True
                    await run_in_threadpool(self._delivery.rest)
        finally:
            sending.cancel()

    async def _end(self) -> None:
        """Note how it ended, and free everything."""
        if self._making is not None and not self._making.done():
            await run_in_threadpool(self._delivery.give_up, "the client went away")
            self._delivery.cancel()
            await asyncio.wait({self._making})
        if self._making is not None and self._making.done() and not self._making.cancelled():
            self._making.exception()  # it was told, or nobody is there to be told
        await run_in_threadpool(self._rest.close)
        # A generator that never ran frees nothing when it is closed.
        await run_in_threadpool(self._delivery.close)
