"""How much callers may take at once: rather one is told to come again than all are slow."""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter, OrderedDict, deque
from contextlib import contextmanager, suppress
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
MOST_FILES = 64  # that are sent at once: each holds one piece, and the transport another
_FILES_WAITING = 1024
_DOWNLOADS_WAITING = 16  # each keeps a thread
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
    """At most ``most`` at once, ``each`` of one key (None: all), and ``waiting`` that wait, half
    of them of one key where that has so many at most; each key's turn is after the others'.

    Who waits is served in turn by key, so that one caller with many requests keeps nobody else
    waiting for all of them. It is told to come again after ``seconds`` (None: 20). Used by all
    threads.
    """

    def __init__(
        self, most: int, waiting: int, *, each: int | None = None, seconds: float | None = None
    ) -> None:
        self._free = most
        self._waiting = waiting
        self._own_waiting = waiting if each is None else (waiting + 1) // 2
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
        turn = threading.Event()
        if self._taken(key, turn, again=again):
            return
        with self._turn(key, turn):
            _wait(turn, math.inf if again else self._patience, meanwhile)

    async def wait(self, key: str) -> None:
        """As `take`, for who must not block."""
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        turn = _Told(lambda: loop.call_soon_threadsafe(came.set))
        if self._taken(key, turn):
            return
        with self._turn(key, turn), suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                await came.wait()

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

    @property
    def _patience(self) -> float:
        return _WAIT_SECONDS if self._seconds is None else self._seconds

    @contextmanager
    def _turn(self, key: str, turn: threading.Event) -> Iterator[None]:
        """Wait for ``turn`` in the block. Raises `Overloaded` when it has not come at its end."""
        try:
            yield
        except BaseException:
            if not self._leave(key, turn):
                self.give_back(key)
            raise
        if self._leave(key, turn):
            raise Overloaded(
                "all that may read at once were busy for too long. Fix: wait, and try again",
                retry_after=_RETRY_SECONDS,
            )

    def _taken(self, key: str, turn: threading.Event, *, again: bool = False) -> bool:
        """Whether one was free, and is taken; else ``turn`` tells when it is."""
        with self._lock:
            queue = self._queues.setdefault(key, deque())
            queue.append(turn)
            self._serve()
            if turn.is_set():
                return True
            waiting = sum(map(len, self._queues.values()))
            if not again and (waiting > self._waiting or len(queue) > self._own_waiting):
                self._drop(key, turn)
                raise Overloaded(
                    "as many read as may at once. Fix: wait a moment, and try again",
                    retry_after=_RETRY_SECONDS,
                )
            return False

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


class _Told(threading.Event):
    """An event that calls ``tell`` when it is set."""

    def __init__(self, tell: Callable[[], object]) -> None:
        super().__init__()
        self._tell = tell

    def set(self) -> None:
        """Set it."""
        super().set()
        self._tell()


def _wait(turn: threading.Event, seconds: float, meanwhile: Callable[[], object] | None) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if meanwhile is not None:
            meanwhile()
        if turn.wait(min(left, _LOOK_SECONDS if meanwhile is not None else _LONGEST_WAIT)):
            return


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
        # Of files that go on in ranges, by signed URLs and by callers themselves.
        self.files = Slots(MOST_FILES, _FILES_WAITING, each=MOST_FILES // 2)
        self.downloads = Slots(MOST_FILES, _DOWNLOADS_WAITING, each=MOST_FILES // 2)
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
        """Whether anybody waits for a read, a file, or the engine."""
        every = (self._slots, self._opened, self.files, self.downloads)
        return self._queued > 0 or any(slots.crowded for slots in every)
