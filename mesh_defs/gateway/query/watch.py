"""What ends a query that takes too long, or more memory than the process has for all."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Protocol

from mesh_defs.gateway.memory import resident_mb, tidy
from mesh_defs.gateway.query.faults import TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.gateway.errors import GatewayError

_EVERY = 0.02
OWN_MB = 32.0


class Stoppable(Protocol):
    """A query that runs; while its ``deadline`` is infinite it waits for its reader."""

    deadline: float

    @property
    def stopped(self) -> bool:
        """Whether it was told to end."""

    def stop(self, reason: GatewayError) -> None:
        """End it; whoever reads it gets ``reason``, or the first that was given. Any thread may
        call this, at any time, again and again."""


class Watch:
    """One thread that looks at all running queries 50 times a second while there are any.

    ``most_mb`` is what the process may hold in memory. Above it the query that began last is ended,
    if the process grew since the eldest one began by more than all that run may take together, each
    ``own_mb`` (what the engine gives it) and `OWN_MB`. What it held before is none of theirs: the
    rows of others, and what allocators keep. It is the third wall: the texts that functions make
    count to no limit of the engine's.
    """

    def __init__(
        self,
        most_mb: int | None,
        own_mb: int = 0,
        resident: Callable[[], float] = resident_mb,
    ) -> None:
        self._most_mb = most_mb
        self._each_mb = own_mb + OWN_MB
        self._resident = resident
        self._running: dict[Stoppable, float] = {}  # with what was held when it began
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def add(self, query: Stoppable) -> None:
        """Look at ``query`` from now on."""
        with self._changed:
            self._running[query] = self._resident()
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="query-watch", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, query: Stoppable) -> None:
        """Look at ``query`` no more."""
        with self._changed:
            self._running.pop(query, None)

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
        if self._most_mb is None:
            return
        working = self._working()
        if not self._too_much(working):
            return
        tidy()
        if self._too_much(working):
            said = "the query takes more memory than there is. Fix: filter more, or select less"
            working[-1].stop(TooLarge(said))

    def _working(self) -> list[Stoppable]:
        """Those that do not wait for their reader, eldest first; what others take while one waits
        is none of its growth."""
        held = self._resident()
        working = []
        for query in self._running:
            if query.deadline == math.inf:
                self._running[query] = held
            else:
                working.append(query)
        return working

    def _too_much(self, working: list[Stoppable]) -> bool:
        if not working or self._most_mb is None:
            return False
        allowed = self._running[working[0]] + self._each_mb * len(working)
        return self._resident() > max(self._most_mb, allowed)
