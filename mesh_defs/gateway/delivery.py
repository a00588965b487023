"""Delivering an answer piece by piece, so that its receipts say what was delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mesh_defs.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import pyarrow as pa

    from mesh_defs.gateway.reads.reading import Reading


class Batches(Protocol):
    """Record batches that are read once (`mesh_defs.gateway.query.answer.Answer`)."""

    @property
    def schema(self) -> pa.Schema: ...  # noqa: D102

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...

    def close(self) -> None: ...  # noqa: D102


class Encodes(Protocol):
    """What makes bytes of batches (`mesh_defs.gateway.http.forms.Encoder`)."""

    def start(self, schema: pa.Schema) -> bytes: ...  # noqa: D102

    def batch(self, batch: pa.RecordBatch) -> bytes | memoryview: ...  # noqa: D102

    def end(self) -> bytes: ...  # noqa: D102


class Delivery:
    """The pieces of one answer that was made of ``readings``.

    That it was read is noted durably before its last piece leaves; before the first, where there
    is more than one, that it began. Whether every caller's access still holds is asked before each
    piece. ``done`` is called once, however it ends.
    """

    def __init__(
        self,
        readings: Sequence[Reading],
        batches: Batches,
        encoder: Encodes,
        done: Callable[[], None],
    ) -> None:
        self.rows = 0
        self.bytes = 0
        self._readings = readings
        self._batches = batches
        self._encoder = encoder
        self._done = done
        self._ended = False

    def pieces(self) -> Generator[bytes | memoryview]:
        """The pieces. Closing the iterator on the way notes that the read was given up."""
        try:
            yield from self._pieces()
        except GeneratorExit:
            self._abort("the client went away")
            raise
        except MeshError as error:
            self._abort(f"it was ended: {type(error).__name__}")
            raise
        except BaseException as error:
            self._abort(f"it failed: {type(error).__name__}")
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Free everything. Once more does nothing."""
        if self._ended:
            return
        self._ended = True
        try:
            self._batches.close()
        finally:
            for reading in self._readings:
                reading.close()
            self._done()

    def _pieces(self) -> Iterator[bytes | memoryview]:
        waiting: bytes | memoryview = self._encoder.start(self._batches.schema)
        rows = 0
        for batch in self._batches:
            piece = self._encoder.batch(batch)
            if rows:
                # There is more than one piece: what waits goes first.
                yield self._leaving(waiting, rows)
                waiting, rows = piece, batch.num_rows
            else:
                waiting, rows = b"".join((waiting, piece)), batch.num_rows
        waiting = b"".join((waiting, self._encoder.end()))
        for reading in self._readings:
            reading.check()
            reading.complete(self.rows + rows, self.bytes + len(waiting))
        self.rows += rows
        self.bytes += len(waiting)
        yield waiting

    def _leaving(self, piece: bytes | memoryview, rows: int) -> bytes | memoryview:
        for reading in self._readings:
            reading.begin()
            reading.check()
        self.rows += rows
        self.bytes += len(piece)
        return piece

    def _abort(self, reason: str) -> None:
        for reading in self._readings:
            reading.abort(reason, self.rows, self.bytes)
