"""Slots of the engine, which go from those whose reader takes its time to those who wait."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from mesh_defs.gateway.limits import Slots

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_SECONDS = 0.25  # a reader that encodes and sends what it has takes less


class Holder(Protocol):
    """An answer that has a slot."""

    @property
    def paused_at(self) -> float | None:
        """Since when its reader takes its time (`time.monotonic`); None while it does not."""

    def set_aside(self, *, park: bool) -> None:
        """Give back the slot if the reader still takes its time: with what it holds in memory
        (``park``), or once the rest of it is on disk. Any thread may call this."""


class Hold:
    """One of ``slots``, or none, for an answer to ``who``. One thread at a time takes it."""

    def __init__(self, slots: Slots, who: str, room: Room) -> None:
        self._slots, self._who, self._room = slots, who, room
        self._lock = threading.Lock()
        self._had = False
        self.held = False

    def take(self, check: Callable[[], object]) -> None:
        """Take one, if there is none yet; others are set aside for it. ``check`` is called while
        it waits. Raises `Overloaded` the first time, and what ``check`` raises."""

        def meanwhile() -> None:
            check()
            self._room.make()

        if not self.held:
            self._slots.take(self._who, again=self._had, meanwhile=meanwhile)
            self._had = self.held = True

    def give_back(self) -> None:
        """Give it back, if there is one."""
        with self._lock:
            held, self.held = self.held, False
        if held:
            self._slots.give_back(self._who)


class Room:
    """Makes room for those who wait for a slot. ``roomy`` tells whether what an answer holds in
    memory may stay there."""

    def __init__(self, roomy: Callable[[], bool]) -> None:
        self._roomy = roomy
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self._holders: dict[Holder, Hold] = {}

    def add(self, holder: Holder, hold: Hold) -> None:
        """``holder`` may be set aside from now on."""
        with self._lock:
            self._holders[holder] = hold

    def remove(self, holder: Holder) -> None:
        """It has ended."""
        with self._lock:
            self._holders.pop(holder, None)

    def make(self) -> None:
        """Set aside whose reader has taken its time for the longest, if any has for a while and
        nobody makes room already. To be called while one waits."""
        if not self._making.acquire(blocking=False):
            return
        try:
            slowest = self._slowest()
            if slowest is not None:
                slowest.set_aside(park=self._roomy())
        finally:
            self._making.release()

    def _slowest(self) -> Holder | None:
        latest = time.monotonic() - GRACE_SECONDS
        with self._lock:
            paused = [
                (since, each)
                for each, hold in self._holders.items()
                if hold.held and (since := each.paused_at) is not None and since <= latest
            ]
        return min(paused, key=lambda one: one[0])[1] if paused else None
