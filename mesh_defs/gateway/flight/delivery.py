"""One part of a result on its way to the client."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.gateway.errors import Ended, GatewayError
from mesh_defs.gateway.flight.faults import flight_error
from mesh_defs.gateway.query.faults import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from mesh_defs.gateway.flight.running import Batches, Running
    from mesh_defs.gateway.limits import Limiter

WATCH_SECONDS = 0.25
REST_SECONDS = 0.5  # a client that takes longer finds its batches put away


class Delivery:
    """The batches of one part, each with what has to be noted before it leaves.

    ``cancelled`` tells whether the client went away; it is asked no more once this is closed.
    """

    def __init__(
        self,
        running: Running,
        batches: Callable[[], Batches],
        slot: tuple[Limiter, str],
        cancelled: Callable[[], bool],
    ) -> None:
        """Take a slot and read as far as the first batch. Raises `MeshError`."""
        self._running = running
        self._cancelled = cancelled
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._moved = time.monotonic()
        self._closed = False
        self._resting = False
        self._complete = False
        self._held = ExitStack()
        running.enter()
        self._held.callback(running.leave)
        try:
            running.check()
            self._limiter, who = slot
            self._place = self._limiter.place(who)
            self._held.callback(self._place.close)
            self.batches = batches()
            self._held.callback(self.batches.close)
            self._next = next(self.batches, None)
            self._pause()
        except BaseException as error:
            self.close(f"it failed: {type(error).__name__}")
            raise

    def batch(self) -> pa.RecordBatch | None:
        """The next batch, None after the last one. Raises what Flight tells the client."""
        try:
            with self._reading:
                self._resume()
                self._resting = False
                batch = self._batch()
                self._pause()
                self._moved = time.monotonic()
                return batch
        except BaseException as error:  # noqa: BLE001  told to the client, whatever it is
            ended = isinstance(error, MeshError)
            self.close(f"it {'was ended' if ended else 'failed'}: {type(error).__name__}")
            raise flight_error(error) from None

    def look(self) -> None:
        """End it when the client went away or access ended, also while the engine is at work; and
        when the client took nothing for too long."""
        idle = time.monotonic() - self._moved
        if idle > REST_SECONDS and self._reading.acquire(blocking=False):
            try:
                if self._limiter.stalled(idle):
                    self.close("the client took nothing for too long")
                elif not self._resting and not self._closed:
                    self._resting = True
                    self.batches.rest()
            finally:
                self._reading.release()
        with self._lock:
            if self._closed:
                return
            reason: GatewayError | None = None
            if self._cancelled():
                reason = Cancelled("whoever asked is gone")
            else:
                try:
                    self._running.check()
                except Ended as error:
                    reason = error
            stop = getattr(self.batches, "stop", None)
            if reason is not None:
                self._place.cancel()
                if stop is not None:
                    stop(reason)

    def close(self, reason: str) -> None:
        """Free everything; what was not delivered to its end counts as given up for ``reason``."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            if not self._complete:
                self._running.end(reason)
        finally:
            self._held.close()

    def _pause(self) -> None:
        """The client takes its time from now on: others may have the place."""
        if not self._closed:
            self.batches.pause()
            self._place.pause()

    def _resume(self) -> None:
        if not self._closed:
            self._place.resume()
            self.batches.resume()

    def _batch(self) -> pa.RecordBatch | None:
        if self._closed and not self._complete:
            raise Cancelled("no row was taken for too long. Fix: run the query again")
        if self._complete:
            self.close("")
            return None
        leaves = self._next
        rows, size = (leaves.num_rows, leaves.nbytes) if leaves is not None else (0, 0)
        self._next = next(self.batches, None) if leaves is not None else None
        if self._next is not None:
            self._running.leaving(rows, size)
            return leaves
        self._running.last(rows, size)
        self._complete = True
        if leaves is None:
            self.close("")
        return leaves


class Stream:
    """What pyarrow takes batches from. It lets go of it when the call is over, however it ends:
    then, and not a moment later, the delivery is closed, as the call's context is gone."""

    def __init__(self, delivery: Delivery, watch: DeliveryWatch) -> None:
        self._delivery = delivery
        self._watch = watch
        watch.add(delivery)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        batch = self._delivery.batch()
        if batch is None:
            raise StopIteration
        return batch

    def __del__(self) -> None:
        self._watch.remove(self._delivery)
        self._delivery.close("the client went away")


class DeliveryWatch:
    """One thread that looks at all deliveries four times a second, and does ``chores``."""

    def __init__(self, chores: Callable[[], None]) -> None:
        self._chores = chores
        self._lock = threading.Lock()
        self._deliveries: set[Delivery] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look, name="flight-watch", daemon=True)
        self._thread.start()

    def add(self, delivery: Delivery) -> None:
        """Look at it from now on."""
        with self._lock:
            self._deliveries.add(delivery)

    def remove(self, delivery: Delivery) -> None:
        """Look at it no more."""
        with self._lock:
            self._deliveries.discard(delivery)

    def close(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(WATCH_SECONDS):
            with self._lock:
                now = list(self._deliveries)
            for delivery in now:
                delivery.look()
            self._chores()
