"""Generators that block, for those who must not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator


async def threaded(pieces: Generator[bytes, None, None]) -> AsyncGenerator[bytes, None]:
    """``pieces``, made in threads; the generator is closed with this one."""
    making: asyncio.Future[bytes | None] | None = None
    try:
        while True:
            making = asyncio.ensure_future(run_in_threadpool(next, pieces, None))
            piece = await asyncio.shield(making)
            if piece is None:
                return
            yield piece
    finally:
        # Who cancels this does not stop the thread: it must have left the generator.
        if making is not None and not making.done():
            await asyncio.wait({making})
            if not making.cancelled():
                making.exception()  # nobody is there to be told
        await run_in_threadpool(pieces.close)
