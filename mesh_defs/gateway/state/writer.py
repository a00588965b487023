"""One thread that commits whatever waits: many callers share one transaction and one fsync."""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mesh_defs.gateway.state.facts import Entry

MOST_AT_ONCE = 1000
QUIET = 0.02  # seconds without an entry, in which whoever reads next has begun
LONGEST = 0.5


class Writer:
    """Writes entries in the order in which they came. ``commit`` writes several at once and returns
    their numbers, or raises; then all of them failed. ``after`` is called when they were told: as
    soon as nothing waits for `QUIET` seconds, and at the latest after `LONGEST`, so that it holds
    up nobody's next read."""

    def __init__(
        self, commit: Callable[[Sequence[Entry]], Sequence[int]], after: Callable[[], None]
    ) -> None:
        self._commit = commit
        self._after = after
        self._waiting: deque[tuple[Entry, Future[int]]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._owed: float | None = None  # since when `after` is

    def put(self, entry: Entry) -> Future[int]:
        """Have ``entry`` written; the future's result is its number once it is on the disk. Raises
        `MeshError` after `close`."""
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()  # what was put is written, whoever waits for it
        with self._changed:
            if self._closed:
                raise MeshError("the gateway's state is closed; no more receipts are written")
            self._waiting.append((entry, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
                self._thread.start()
            self._changed.notify()
        return future

    def close(self) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    if not self._changed.wait(QUIET if self._owed is not None else None):
                        break
                count = min(len(self._waiting), MOST_AT_ONCE)
                batch = [self._waiting.popleft() for _ in range(count)]
                ended = self._closed and not batch
            if batch:
                self._write(batch)
            self._settle(now=not batch)
            if ended:
                return

    def _settle(self, *, now: bool) -> None:
        if self._owed is not None and (now or time.monotonic() - self._owed >= LONGEST):
            self._owed = None
            self._after()

    def _write(self, batch: list[tuple[Entry, Future[int]]]) -> None:
        try:
            numbers = self._commit([entry for entry, _ in batch])
        except BaseException as error:  # noqa: BLE001  who waits gets it, whatever it is
            for _, future in batch:
                future.set_exception(error)
            return
        if self._owed is None:
            self._owed = time.monotonic()
        for (_, future), number in zip(batch, numbers, strict=True):
            future.set_result(number)
