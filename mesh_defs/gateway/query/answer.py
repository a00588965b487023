"""The answer to a query, as record batches with constant memory."""

from __future__ import annotations

import math
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import safe_text
from mesh_defs.gateway.errors import GatewayError
from mesh_defs.gateway.fixes import query_fix
from mesh_defs.gateway.query.faults import Cancelled, QueryFailed, TooLarge
from mesh_defs.gateway.query.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb
    import pyarrow as pa

    from mesh_defs.gateway.query.hold import Hold
    from mesh_defs.gateway.query.spool import Space

BATCH_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class Limits:
    """What one answer may take: ``rows``, ``bytes`` (of Arrow's buffers), ``seconds`` until its
    last row is read; None: as much as it likes. It comes in batches of ``batch_rows``."""

    rows: int | None = None
    bytes: int | None = None
    seconds: float = 300.0
    batch_rows: int = BATCH_ROWS


class Answer:
    """Record batches of ``schema``, read once, in one thread at a time.

    ``rows`` and ``bytes`` count what the engine gave so far. Whoever reads it at another's pace
    says so by `pause` and `resume`: while others wait it then gives back the slot that it has
    (``hold``), and the rest of it may go to disk (``space``). Close it, or read it to its end;
    `cancel` may be called from any thread. Reading raises `QueryFailed`, `TooLarge`, `Cancelled`.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        limits: Limits,
        written: str,
        done: Callable[[Answer, bool], None],
        hold: Hold,
        space: Space,
    ) -> None:
        self.deadline = time.monotonic() + limits.seconds
        self.paused_at: float | None = None
        self.rows = 0
        self.bytes = 0
        self._cursor = cursor
        self._limits = limits
        self._written = written
        self._done = done
        self._hold = hold
        self._space = space
        self._spool: Spool | None = None
        self._left = limits.seconds
        self._reading = threading.RLock()
        self._reason: GatewayError | None = None
        self._reader: pa.RecordBatchReader | None = None
        self._columns: pa.Schema | None = None
        self._ended = False

    def begin(self, run: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        """Run it as far as its first rows. The engine calls this, once."""
        with self._reading:
            self._reader = self._told(lambda: run().to_arrow_reader(self._limits.batch_rows))
            self._columns = self._reader.schema

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        assert self._columns is not None  # noqa: S101  `begin` has run
        return self._columns

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        with self._reading:
            batch = self._spooled()
            if batch is None and not self._ended:
                self._take_slot()
                batch = self._fetched()
            if batch is None:
                raise StopIteration
            return batch

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reader(self) -> pa.RecordBatchReader:
        """The same as a reader of Arrow's."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self)

    def pause(self) -> None:
        """Its reader takes its time from now on, which is none of the query's."""
        with self._reading:
            self._stop_clock()
            self.paused_at = time.monotonic()

    def resume(self) -> None:
        """Its reader wants more."""
        self.paused_at = None  # whoever sets it aside in this moment stops with that
        with self._reading:
            self._start_clock()

    def rest(self) -> None:
        """Its reader takes long. What it holds is given back when others want it."""

    def set_aside(self, *, park: bool) -> None:
        """Give back the slot if its reader still takes its time: as it is (``park``), or once the
        rest of it is on disk. When that is too much it ends. Any thread may call this."""
        if not self._reading.acquire(blocking=False):
            return
        try:
            if self.paused_at is None or self._ended:
                return
            if park:
                self._hold.give_back()
                return
            self._start_clock()
            with suppress(GatewayError):  # which its reader gets
                self._put_aside()
            self._stop_clock()
        finally:
            self._reading.release()

    @property
    def stopped(self) -> bool:
        """Whether it was told to end."""
        return self._reason is not None

    def stop(self, reason: GatewayError) -> None:
        """End it: whoever reads gets ``reason``. Any thread may call this, at any time."""
        import duckdb

        if self._ended and self._spool is None:
            return
        self._reason = self._reason or reason
        with suppress(duckdb.ConnectionException):  # it came to its end in this moment
            self._cursor.interrupt()

    def cancel(self) -> None:
        """End it, since nobody waits for it any more."""
        self.stop(Cancelled("whoever asked is gone"))

    def close(self) -> None:
        """Free what it holds; what was not read yet is lost."""
        if not self._ended:
            self.cancel()
        with self._reading:
            self._end(clean=False)
            self._close_spool()

    def _take_slot(self) -> None:
        if self._hold.held:
            return
        self._stop_clock()
        try:
            self._hold.take(self._check)
        except BaseException:
            self._end(clean=False)
            raise
        finally:
            self._start_clock()

    def _check(self) -> None:
        if self._reason is not None:
            raise self._reason

    def _stop_clock(self) -> None:
        if self.deadline != math.inf:
            self._left = self.deadline - time.monotonic()
            self.deadline = math.inf

    def _start_clock(self) -> None:
        if self.deadline == math.inf:
            self.deadline = time.monotonic() + self._left

    def _spooled(self) -> pa.RecordBatch | None:
        """The next batch of those that wait on disk."""
        if self._reason is not None:
            self._end(clean=False)
            self._close_spool()
            raise self._reason
        if self._spool is None:
            return None
        try:
            batch = self._spool.get()
        except (OSError, ValueError) as error:
            self._reason = _failure(error, self._written)
            self._end(clean=False)
            raise self._reason from None
        if batch is None:
            self._close_spool()
        return batch

    def _fetched(self) -> pa.RecordBatch | None:
        """The next batch of the engine's; None at the end, which ends it."""
        reader = self._reader
        batch = self._told(lambda: next(reader, None)) if reader is not None else None
        if batch is None:
            self._end(clean=True)
        else:
            self._count(batch)
        return batch

    def _put_aside(self) -> None:
        """Fetch what there is onto disk, until the reader comes back."""
        try:
            self._spool = spool = self._spool or Spool(self._space, self.schema)
            while self.paused_at is not None and (batch := self._fetched()) is not None:
                if not spool.put(batch):
                    self._give_up("its reader is slow, and the rest too large to be kept")
        except OSError:
            self._give_up("its reader is slow, and the rest cannot be kept on disk")

    def _give_up(self, why: str) -> None:
        fix = "read faster, filter more, or read it when fewer do"
        self._reason = TooLarge(f"{why} while others wait. Fix: {fix}")
        self._end(clean=False)
        raise self._reason

    def _close_spool(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.close()

    def _count(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.bytes += batch.nbytes
        for most, taken, unit in (
            (self._limits.rows, self.rows, "rows"),
            (self._limits.bytes, self.bytes, "bytes"),
        ):
            if most is not None and taken > most:
                self._reason = TooLarge(f"more than {most} {unit}. Fix: filter more, or add LIMIT")
                self._end(clean=False)
                raise self._reason

    def _told(self, step: Callable[[], pa.RecordBatchReader]) -> pa.RecordBatchReader:
        """``step``, with errors that tell no value of a row."""
        import duckdb
        import pyarrow as pa

        try:
            if self._reason is not None:
                raise self._reason
            return step()
        except (duckdb.Error, pa.ArrowException, OSError, RuntimeError) as error:
            self._reason = self._reason or _failure(error, self._written)
        except BaseException:
            self._end(clean=False)
            raise
        self._end(clean=False)
        raise self._reason

    def _end(self, *, clean: bool) -> None:
        if not self._ended:
            self._ended = True
            if not clean:
                self._close_spool()
            self._reader = None
            self._cursor.close()
            self._done(self, clean and self._reason is None)


def _failure(error: Exception, written: str) -> GatewayError:
    text = str(error)
    if "Out of Memory Error" in text:
        said = "the query takes more memory than it is given"
        return TooLarge(f"{said}. Fix: filter more, or select, sort and group less")
    return QueryFailed(query_fix(safe_text(text, known=written, place="the query")))
