"""How much callers may take at once: rather one is told to come again than all are slow."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mesh_defs.gateway.errors import Overloaded
from mesh_defs.gateway.query.faults import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from mesh_defs.gateway_limits import Limits

_MINUTE = 60.0
_KEPT = 65_536  # callers whose pace is remembered
_WAIT_SECONDS = 20.0
_RETRY_SECONDS = 2
_LOOK_SECONDS = 0.1
_LONGEST_WAIT = 3600.0
_WHILE_ALONE = 10.0  # times as long may a reader take nothing while nobody else waits


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
    """At most ``most`` at once, ``each`` of one key (None: all), and ``waiting`` that wait, each
    key's turn after the others'.

    Who waits is served in turn by key, so that one caller with many requests keeps nobody else
    waiting for all of them. It is told to come again after ``seconds`` (None: 20). Used by all
    threads.
    """

    def __init__(
        self, most: int, waiting: int, *, each: int | None = None, seconds: float | None = None
    ) -> None:
        self._free = most
        self._waiting = waiting
        self._each = each
        self._seconds = seconds
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[threading.Event]] = OrderedDict()

    @contextmanager
    def slot(self, key: str) -> Iterator[None]:
        """Hold one. Raises `Overloaded` when too many wait, or it takes too long."""
        self.take(key)
        try:
            yield
        finally:
            self.give_back(key)

    def take(
        self, key: str, *, again: bool = False, meanwhile: Callable[[], object] | None = None
    ) -> None:
        """Take one, which `give_back` ends. ``again``: for what had one before, which waits however
        many wait and however long it takes. ``meanwhile`` is called now and then while it waits;
        what that raises ends the wait. Raises as `slot`."""
        turn = self._queued(key, again)
        if turn is None:
            return
        seconds = math.inf if again else self._seconds
        try:
            came = _wait(turn, _WAIT_SECONDS if seconds is None else seconds, meanwhile)
        except BaseException:
            if not self._leave(key, turn):
                self.give_back(key)
            raise
        if not came and self._leave(key, turn):
            raise Overloaded(
                "all that may read at once were busy for too long. Fix: wait, and try again",
                retry_after=_RETRY_SECONDS,
            )

    def give_back(self, key: str = "") -> None:
        """Free one: whose turn it is has it at once. ``key`` took it, which has to be told where
        each has so many at most."""
        with self._lock:
            self._free += 1
            if self._each is not None:
                self._held[key] -= 1
                self._held += Counter()  # without those that hold none
            self._serve()

    @property
    def crowded(self) -> bool:
        """Whether anybody waits."""
        with self._lock:
            return bool(self._queues)

    def _queued(self, key: str, again: bool) -> threading.Event | None:
        """Take one; what tells when its turn has come where none is free."""
        with self._lock:
            turn = threading.Event()
            queue = self._queues.setdefault(key, deque())
            queue.append(turn)
            self._serve()
            if turn.is_set():
                return None
            if not again and sum(map(len, self._queues.values())) > self._waiting:
                self._drop(key, turn)
                raise Overloaded(
                    "as many read as may at once. Fix: wait a moment, and try again",
                    retry_after=_RETRY_SECONDS,
                )
            return turn

    def _serve(self) -> None:
        """Give what is free to those whose turn it is."""
        while self._free:
            most = math.inf if self._each is None else self._each
            key = next((k for k in self._queues if self._held[k] < most), None)
            if key is None:
                return
            queue = self._queues[key]
            turn = queue.popleft()
            if queue:
                self._queues.move_to_end(key)  # the others come first
            else:
                del self._queues[key]
            self._free -= 1
            if self._each is not None:
                self._held[key] += 1
            turn.set()

    def _leave(self, key: str, turn: threading.Event) -> bool:
        """Wait no more; False when its turn came in this moment."""
        with self._lock:
            if turn.is_set():
                return False
            self._drop(key, turn)
            return True

    def _drop(self, key: str, turn: threading.Event) -> None:
        queue = self._queues[key]
        queue.remove(turn)
        if not queue:
            del self._queues[key]


def _wait(turn: threading.Event, seconds: float, meanwhile: Callable[[], object] | None) -> bool:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if meanwhile is not None:
            meanwhile()
        if turn.wait(min(left, _LOOK_SECONDS if meanwhile is not None else _LONGEST_WAIT)):
            return True
    return turn.is_set()


class Place:
    """One of the reads that are open, of ``who``: it is one of those at once only while rows are
    made for it, and not while its reader takes its time. One thread at a time reads; any may
    `cancel` and `close` it. Raises `Overloaded` when there is none."""

    def __init__(self, opened: Slots, slots: Slots, who: str) -> None:
        self.who = who
        self._opened, self._slots = opened, slots
        self._lock = threading.Lock()
        self._cancelled = False
        self._closed = False
        self._working = False
        opened.take(who)
        try:
            slots.take(who)
            self._working = True
        except BaseException:
            opened.give_back(who)
            raise

    def pause(self) -> None:
        """The reader takes its time. Once more does nothing."""
        with self._lock:
            working, self._working = self._working, False
        if working:
            self._slots.give_back(self.who)

    def resume(self) -> None:
        """The reader wants more: wait for one's turn. Once more does nothing. Raises `Cancelled`
        when it was cancelled or closed."""
        if self._working:
            return
        self._slots.take(self.who, again=True, meanwhile=self._check)
        with self._lock:
            self._working = not self._closed
        if not self._working:
            self._slots.give_back(self.who)
            self._check()

    def cancel(self) -> None:
        """Have a `resume` that waits fail."""
        self._cancelled = True

    def close(self) -> None:
        """Give everything back. Once more does nothing."""
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            self.pause()
            self._opened.give_back(self.who)

    def _check(self) -> None:
        if self._cancelled or self._closed:
            raise Cancelled("whoever asked is gone")


class Limiter:
    """The limits of one gateway."""

    def __init__(self, limits: Limits) -> None:
        self._slots = Slots(limits.concurrent, limits.queue)
        self._opened = Slots(limits.open, limits.queue, each=max(1, limits.open // 2))
        self.stalled_seconds = float(limits.stalled_seconds)
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

    def place(self, who: str) -> Place:
        """One of the reads that are open, for an answer that leaves at its reader's pace; `close`
        it. Raises `Overloaded`."""
        return Place(self._opened, self._slots, who)

    def stalled(self, seconds: float) -> bool:
        """Whether who took nothing of its answer for ``seconds`` has to leave its place."""
        if seconds < self.stalled_seconds:
            return False
        return seconds >= self.stalled_seconds * _WHILE_ALONE or self.crowded

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
        return self._queued > 0 or self._slots.crowded or self._opened.crowded
