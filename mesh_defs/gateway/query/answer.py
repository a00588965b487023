"""The answer to a query, as record batches with constant memory."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import safe_text
from mesh_defs.gateway.fixes import query_fix
from mesh_defs.gateway.query.faults import Cancelled, QueryFailed, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb
    import pyarrow as pa

    from mesh_defs.gateway.errors import GatewayError

BATCH_ROWS = 16_384


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

    ``rows`` and ``bytes`` count what was read so far. Close it, or read it to its end; `cancel` may
    be called from any thread. Reading raises `QueryFailed`, `TooLarge`, `Cancelled`.
    """

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        limits: Limits,
        written: str,
        done: Callable[[Answer, bool], None],
    ) -> None:
        self.deadline = time.monotonic() + limits.seconds
        self.rows = 0
        self.bytes = 0
        self._cursor = cursor
        self._limits = limits
        self._written = written
        self._done = done
        self._reading = threading.RLock()
        self._reason: GatewayError | None = None
        self._reader: pa.RecordBatchReader | None = None
        self._ended = False

    def begin(self, run: Callable[[], duckdb.DuckDBPyConnection]) -> None:
        """Run it as far as its first rows. The engine calls this, once."""
        with self._reading:
            self._reader = self._told(lambda: run().to_arrow_reader(self._limits.batch_rows))

    @property
    def schema(self) -> pa.Schema:
        """Names and Arrow types of the columns."""
        assert self._reader is not None  # noqa: S101  `begin` has run
        return self._reader.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        with self._reading:
            if self._ended:
                if self._reason is not None:
                    raise self._reason
                raise StopIteration
            reader = self._reader
            batch = self._told(lambda: next(reader, None)) if reader is not None else None
            if batch is None:
                self._end(clean=True)
                raise StopIteration
            self._count(batch)
            return batch

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reader(self) -> pa.RecordBatchReader:
        """The same as a reader of Arrow's."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.schema, self)

    @property
    def stopped(self) -> bool:
        """Whether it was told to end."""
        return self._reason is not None

    def stop(self, reason: GatewayError) -> None:
        """End it: whoever reads gets ``reason``. Any thread may call this, at any time."""
        import duckdb

        if self._ended:
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
            self._reader = None
            self._cursor.close()
            self._done(self, clean and self._reason is None)


def _failure(error: Exception, written: str) -> GatewayError:
    text = str(error)
    if "Out of Memory Error" in text:
        said = "the query takes more memory than it is given"
        return TooLarge(f"{said}. Fix: filter more, or select, sort and group less")
    return QueryFailed(query_fix(safe_text(text, known=written, place="the query")))
