"""A statement that a caller opened: its readings, its parts, and what becomes of its receipts."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Protocol

from mesh_defs.errors import MeshError
from mesh_defs.gateway.flight.handles import NoSuchHandle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import ExitStack

    import pyarrow as pa

    from mesh_defs.gateway.reads.reading import Reading

_log = logging.getLogger(__name__)


class Batches(Protocol):
    """Record batches that are read once."""

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...

    def __next__(self) -> pa.RecordBatch: ...

    def pause(self) -> None: ...  # noqa: D102

    def resume(self) -> None: ...  # noqa: D102

    def rest(self) -> None: ...  # noqa: D102

    def close(self) -> None: ...  # noqa: D102


class Running:
    """A statement with its result in ``parts``, each of which is delivered once.

    It was read when all parts were; that is noted durably before the last batch of the last of them
    leaves, and before the first batch that it began, unless the first is the last. When one part
    fails the others end too: a receipt that says "aborted" is followed by no row. Used by all
    threads. ``held`` is closed with it.
    """

    def __init__(
        self,
        readings: Sequence[Reading],
        schema: pa.Schema,
        parts: Sequence[Callable[[], Batches]],
        held: ExitStack,
    ) -> None:
        self.readings = tuple(readings)
        self.schema = schema
        self.parts = tuple(parts)
        self.rows = 0
        self.bytes = 0
        self.active = 0
        self.touched = time.monotonic()
        self._left = len(self.parts)
        self._held = held
        self._begun = False
        self._ended = False
        self._lock = threading.RLock()

    @property
    def idle(self) -> float:
        """For how many seconds nobody has taken anything of it."""
        with self._lock:
            return 0.0 if self.active else time.monotonic() - self.touched

    @property
    def ended(self) -> bool:
        """Whether nothing of it can be delivered any more."""
        return self._ended

    def enter(self) -> None:
        """A part is about to be delivered. Raises `NoSuchHandle` when it has ended."""
        with self._lock:
            if self._ended:
                raise NoSuchHandle("this query has ended. Fix: run it again")
            self.active += 1

    def leave(self) -> None:
        """The end of `enter`."""
        with self._lock:
            self.active -= 1
            self.touched = time.monotonic()

    def check(self) -> None:
        """Raise `Ended` when the access of a reading is no longer good."""
        for reading in self.readings:
            reading.check()

    def leaving(self, rows: int, size: int) -> None:
        """A batch that is not the last of its part is about to leave. Raises `MeshError` when it
        may not."""
        self.check()
        with self._lock:
            self._begin()
            self.rows += rows
            self.bytes += size

    def last(self, rows: int, size: int) -> None:
        """As `leaving`, of the last batch of a part."""
        self.check()
        with self._lock:
            self._left -= 1
            if self._left:
                self._begin()
            self.rows += rows
            self.bytes += size
            if not self._left:
                self._goes_on()
                for reading in self.readings:
                    reading.complete(self.rows, self.bytes)
                self._end()

    def end(self, reason: str) -> None:
        """It comes to no good end: note that, if it began, and give everything back. Once more does
        nothing."""
        with self._lock:
            if self._ended:
                return
            try:
                if self._begun:
                    for reading in self.readings:
                        reading.abort(reason, self.rows, self.bytes)
            except MeshError as error:
                _log.error("an aborted read could not be noted: %s", error)
            finally:
                self._end()

    def _begin(self) -> None:
        self._goes_on()
        if not self._begun:
            self._begun = True
            for reading in self.readings:
                reading.begin()

    def _goes_on(self) -> None:
        if self._ended:
            raise NoSuchHandle("another part of this query's result failed. Fix: run it again")

    def _end(self) -> None:
        self._ended = True
        self._held.close()
