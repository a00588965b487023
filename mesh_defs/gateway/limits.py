"""How much callers may take at once: rather one is told to come again than all are slow."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mesh_defs.gateway.errors import Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from mesh_defs.gateway_limits import Limits

_MINUTE = 60.0
_KEPT = 65_536  # callers whose pace is remembered
_WAIT_SECONDS = 20.0
_RETRY_SECONDS = 2


class Pace:
    """A token bucket for each key: ``per_minute`` at once, refilled evenly. Used by all threads."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, told: str = "in a minute. Fix: wait, and ask less often") -> None:
        """Take one of ``key``. Raises `Overloaded` when none is left."""
        wait = self._wait(key)
        if wait > 0:
            raise Overloaded(f"more than {self._most:.0f} {told}", retry_after=int(wait) + 1)

    def _wait(self, key: str) -> float:
        """Take one; seconds until there is one, 0 when one was taken."""
        now = self._clock()
        with self._lock:
            left, at = self._left.get(key, (self._most, now))
            left = min(self._most, left + (now - at) * self._most / _MINUTE)
            if left < 1:
                return (1 - left) * _MINUTE / self._most
            self._left[key] = (left - 1, now)
            self._left.move_to_end(key)
            if len(self._left) > _KEPT:
                self._left.popitem(last=False)
            return 0.0


class Slots:
    """At most ``most`` at once, and ``waiting`` that wait, each key's turn after the others'.

    Who waits is served in turn by key, so that one caller with many requests keeps nobody else
    waiting for all of them. Used by all threads.
    """

    def __init__(self, most: int, waiting: int) -> None:
        self._free = most
        self._waiting = waiting
        self._lock = threading.Lock()
        self._queues: OrderedDict[str, deque[threading.Event]] = OrderedDict()

    @contextmanager
    def slot(self, key: str) -> Iterator[None]:
        """Hold one. Raises `Overloaded` when too many wait, or it takes too long."""
        self.take(key)
        try:
            yield
        finally:
            self.give_back()

    def take(self, key: str) -> None:
        """Take one, which `give_back` ends. Raises as `slot`."""
        with self._lock:
            if self._free and not self._queues:
                self._free -= 1
                return
            if sum(map(len, self._queues.values())) >= self._waiting:
                raise Overloaded(
                    "as many read as may at once. Fix: wait a moment, and try again",
                    retry_after=_RETRY_SECONDS,
                )
            turn = threading.Event()
            self._queues.setdefault(key, deque()).append(turn)
        if turn.wait(_WAIT_SECONDS):
            return
        with self._lock:
            if turn.is_set():  # it came between the wait's end and this lock
                return
            self._leave(key, turn)
        raise Overloaded(
            "all that may read at once were busy for too long. Fix: wait, and try again",
            retry_after=_RETRY_SECONDS,
        )

    def give_back(self) -> None:
        """Free one: whose turn it is has it at once."""
        with self._lock:
            if not self._queues:
                self._free += 1
                return
            key, queue = self._queues.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._queues[key] = queue  # at the end: the others come first
            turn.set()

    @property
    def crowded(self) -> bool:
        """Whether anybody waits."""
        with self._lock:
            return bool(self._queues)

    def _leave(self, key: str, turn: threading.Event) -> None:
        queue = self._queues[key]
        queue.remove(turn)
        if not queue:
            del self._queues[key]


class Limiter:
    """The limits of one gateway."""

    def __init__(self, limits: Limits) -> None:
        self._slots = Slots(limits.concurrent, limits.queue)
        self._requests = Pace(limits.per_principal_per_minute)
        self._failures = Pace(limits.failures_per_minute)
        self._lock = threading.Lock()
        self._queued = 0

    def request(self, who: str) -> None:
        """Count a request of ``who`` (a principal, or an address). Raises `Overloaded`."""
        self._requests.take(who)

    def failure(self, peer: str) -> None:
        """Count a wrong credential of ``peer`` (an address). Raises `Overloaded` after too many. A
        good one is asked nothing: many callers may share the address of their proxy."""
        self._failures.take(peer, "failures in a minute. Fix: wait, and check the credential")

    def slot(self, who: str) -> AbstractContextManager[None]:
        """Hold one of the reads at once. Raises `Overloaded`."""
        return self._slots.slot(who)

    def take(self, who: str) -> None:
        """As `slot`, for reads whose end is elsewhere: `give_back` ends it. Raises `Overloaded`."""
        self._slots.take(who)

    def give_back(self) -> None:
        """The end of `take`."""
        self._slots.give_back()

    @contextmanager
    def queued(self) -> Iterator[None]:
        """Count as one who waits for the engine while the block lasts."""
        with self._lock:
            self._queued += 1
        try:
            yield
        finally:
            with self._lock:
                self._queued -= 1

    @property
    def crowded(self) -> bool:
        """Whether anybody waits for a read, or for the engine."""
        return self._queued > 0 or self._slots.crowded
