"""Following a port: what changed so far, then every new version as it is published."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from mesh_defs.errors import MeshError
from mesh_defs.gateway.changes.events import (
    HEARTBEAT,
    RETRY,
    end_event,
    quiet_event,
    rows_event,
)
from mesh_defs.gateway.changes.position import Position
from mesh_defs.gateway.changes.sending import told
from mesh_defs.gateway.errors import Changed
from mesh_defs.gateway.threads import threaded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from mesh_defs.gateway.changes.feed import Feed, Page
    from mesh_defs.gateway.changes.steps import Link
    from mesh_defs.gateway.reads.reading import Reading

POLL_SECONDS = 1.0
HEARTBEAT_SECONDS = 15.0
_PAGE_ROWS = 1_000_000


@dataclass(slots=True)
class Follower:
    """One reader that follows a feed from ``position`` on, up to the version ``until`` (None: for
    ever). ``slot`` runs what takes an engine when there is room for it.

    Nothing is made before the reader has taken what was made before: a slow one holds one batch.
    """

    feed: Feed
    position: Position
    until: int | None
    slot: Callable[[Callable[[], Page]], Page]

    async def events(self) -> AsyncGenerator[bytes, None]:
        """The events. The last one says why no more come: access has ended, or ``until`` came."""
        yield RETRY
        try:
            async with aclosing(self._events()) as events:
                async for event in events:
                    yield event
        except MeshError as error:
            yield end_event(str(error))
        else:
            yield end_event(f"version {self.until} was the last that was asked for")

    async def _events(self) -> AsyncGenerator[bytes, None]:
        standing = await run_in_threadpool(self.feed.asked.current)
        spoken = time.monotonic()
        try:
            while self.until is None or not self._done(self.until):
                try:
                    links = await run_in_threadpool(self._pending, standing)
                except Changed:
                    # Each version is decided on its own: whether it goes on is what matters.
                    standing.close()
                    standing = await run_in_threadpool(self.feed.asked.current)
                    continue
                if links:
                    async with aclosing(threaded(self._told(links))) as events:
                        async for event in events:
                            yield event
                    spoken = time.monotonic()
                    continue
                await asyncio.sleep(POLL_SECONDS)
                now = time.monotonic()
                if now - spoken >= HEARTBEAT_SECONDS:
                    yield HEARTBEAT
                    spoken = now
        finally:
            standing.close()

    def _told(self, links: list[Link]) -> Generator[bytes, None, None]:
        """What changed with the first of ``links``."""
        with self.slot(lambda: self.feed.page(self.position, links[:1], _PAGE_ROWS)) as page:
            if not page.segments:
                yield _quiet(page)
            for segment in page.segments:
                yield from told(segment, rows_event)
        self.position = page.position

    def _pending(self, standing: Reading) -> list[Link]:
        """What is not told yet. Raises `Ended`, `Changed`."""
        standing.check()
        links = self.feed.asked.links()
        if self.until is not None:
            links = [link for link in links if link.version <= self.until]
        return [link for link in links if self.position.before(link.version)]

    def _done(self, until: int) -> bool:
        return self.position.offset is None and self.position.version >= until


def _quiet(page: Page) -> bytes:
    reading = page.readings[-1]
    reading.begin()
    reading.complete(0, 0)
    return quiet_event(reading)
