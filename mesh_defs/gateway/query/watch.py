"""What ends a query that takes too long, or more memory than the process has for all."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mesh_defs.gateway.query.faults import TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.gateway.errors import GatewayError

_EVERY = 0.02
OWN_MB = 32.0
_STATM = Path("/proc/self/statm")


class Stoppable(Protocol):
    """A query that runs."""

    deadline: float

    @property
    def stopped(self) -> bool:
        """Whether it was told to end."""

    def stop(self, reason: GatewayError) -> None:
        """End it; whoever reads it gets ``reason``, or the first that was given. Any thread may
        call this, at any time, again and again."""


class Watch:
    """One thread that looks at all running queries 50 times a second while there are any.

    ``most_mb`` is what the process may hold in memory; above it the query that began last is ended,
    unless it is others who hold it: then it may take `OWN_MB` all the same. It is the third wall:
    the texts that functions make count to no limit of the engine's.
    """

    def __init__(self, most_mb: int | None, resident: Callable[[], float] | None = None) -> None:
        self._most_mb = most_mb
        self._resident = resident if resident is not None else resident_mb
        self._running: list[Stoppable] = []
        self._changed = threading.Condition()
        self._closed = False
        self._before = 0.0
        self._thread: threading.Thread | None = None

    def add(self, query: Stoppable) -> None:
        """Look at ``query`` from now on."""
        with self._changed:
            if not self._running:
                self._before = self._resident()
            self._running.append(query)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="query-watch", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, query: Stoppable) -> None:
        """Look at ``query`` no more."""
        with self._changed:
            if query in self._running:
                self._running.remove(query)

    def close(self, reason: GatewayError) -> None:
        """End all queries, and the thread."""
        with self._changed:
            self._closed = True
            for query in self._running:
                query.stop(reason)
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while True:
            with self._changed:
                while not self._running and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                self._end_late()
                self._end_large()
                self._changed.wait(_EVERY)

    def _end_late(self) -> None:
        now = time.monotonic()
        for query in self._running:
            # An interrupt that comes before the engine has begun is lost: it is told again.
            if query.deadline <= now or query.stopped:
                query.stop(TooLarge("the query takes too long. Fix: filter more, or join less"))

    def _end_large(self) -> None:
        if not self._too_much():
            return
        give_back()
        if self._too_much():
            said = "the query takes more memory than there is. Fix: filter more, or select less"
            self._running[-1].stop(TooLarge(said))

    def _too_much(self) -> bool:
        if self._most_mb is None:
            return False
        return self._resident() > max(self._most_mb, self._before + OWN_MB)


def resident_mb() -> float:
    """How much memory this process holds, in millions of bytes; 0 where that cannot be known."""
    if not _STATM.exists():
        return 0.0
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def give_back() -> None:
    """Let the allocators return what is free to the system."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
