"""The memory that row groups take while they are decoded, of all answers together.

A reader that takes its time holds what is decoded for it. When another needs the room, who has
paused the longest gives it back, and reads its row group again when its reader wants more.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 48_000_000
# A reader that encodes and sends what it has takes less.
GRACE_SECONDS = 0.25
_LOOK_SECONDS = 0.02
# Who scans much without an answer yet never pauses. Nobody waits longer for it: how many decode at
# once is bounded by the slots of the gateway.
PATIENCE_SECONDS = 1.0


class Decoder(Protocol):
    """An answer that decodes row groups."""

    @property
    def paused_at(self) -> float | None:
        """Since when its reader takes its time (`time.monotonic`); None while it does not."""

    def set_aside(self) -> None:
        """Give the room back if its reader still takes its time. Any thread may call this."""


class Decoding:
    """At most ``most`` bytes for decoders, but always enough for one, and for who has waited for
    ``patience`` seconds; who waits for less than ``grace`` seconds takes it only from whose reader
    took that long. Threads may share it."""

    def __init__(
        self,
        most: int = MOST_BYTES,
        grace: float = GRACE_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._most = most
        self._grace = grace
        self._patience = patience
        self._changed = threading.Condition()
        self._taken: dict[Decoder, int] = {}  # who has had it for the longest comes first

    def take(self, decoder: Decoder, size: int, check: Callable[[], object]) -> None:
        """Have room for ``size`` bytes, unless it has some; others are set aside for it. Raises
        what ``check``, which is called while it waits, raises."""
        since = time.monotonic()
        waited = 0.0
        while not self._fits(decoder, size, waited):
            check()
            waited = time.monotonic() - since
            found = self._slowest(self._grace if waited < self._grace else 0)
            if found is not None:
                found.set_aside()
            with self._changed:
                self._changed.wait(_LOOK_SECONDS)

    def give_back(self, decoder: Decoder) -> None:
        """It holds nothing any more. Once more does nothing."""
        with self._changed:
            if self._taken.pop(decoder, None) is not None:
                self._changed.notify_all()

    def _fits(self, decoder: Decoder, size: int, waited: float) -> bool:
        with self._changed:
            if decoder not in self._taken:
                full = self._taken and sum(self._taken.values()) + size > self._most
                if full and waited < self._patience:
                    return False
                self._taken[decoder] = size
            return True

    def _slowest(self, grace: float) -> Decoder | None:
        """Whose reader has taken its time for the longest, and for ``grace`` seconds at least."""
        latest = time.monotonic() - grace
        with self._changed:
            paused = [
                (since, number, each)
                for number, each in enumerate(self._taken)
                if (since := each.paused_at) is not None and since <= latest
            ]
        return min(paused, key=lambda one: one[:2])[2] if paused else None
