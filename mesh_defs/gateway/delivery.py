"""Delivering an answer piece by piece, so that its receipts say what was delivered."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from mesh_defs.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import pyarrow as pa

    from mesh_defs.gateway.reads.reading import Reading

Piece = bytes | memoryview


class Batches(Protocol):
    """Record batches that are read once (`mesh_defs.gateway.query.answer.Answer`); while their
    reader takes its time they are paused."""

    @property
    def schema(self) -> pa.Schema: ...  # noqa: D102

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...

    def __next__(self) -> pa.RecordBatch: ...

    def pause(self) -> None: ...  # noqa: D102

    def resume(self) -> None: ...  # noqa: D102

    def rest(self) -> None: ...  # noqa: D102

    def cancel(self) -> None: ...  # noqa: D102

    def close(self) -> None: ...  # noqa: D102


class Encodes(Protocol):
    """What makes bytes of batches (`mesh_defs.gateway.http.forms.Encoder`)."""

    def start(self, schema: pa.Schema) -> bytes: ...  # noqa: D102

    def batch(self, batch: pa.RecordBatch) -> Piece: ...  # noqa: D102

    def end(self) -> bytes: ...  # noqa: D102


class Delivery:
    """The pieces of one answer that was made of ``readings``.

    That it was read is noted durably before its last piece leaves; before the first, where there
    is more than one, that it began. Whether every caller's access still holds is asked before each
    piece, and by `check` in between. The time that a client takes for a piece is none of the
    engine's. ``done`` is called once, however it ends.
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

    def pieces(self) -> Generator[Piece]:
        """The pieces. Closing the iterator on the way notes that the read was given up."""
        try:
            for piece in self._pieces():
                with self._paused():
                    yield piece
        except GeneratorExit:
            self.give_up("the client went away")
            raise
        except MeshError as error:
            self.give_up(f"it was ended: {type(error).__name__}")
            raise
        except BaseException as error:
            self.give_up(f"it failed: {type(error).__name__}")
            raise
        finally:
            self.close()

    def check(self) -> None:
        """Raise `Ended` when the access that it began under is no longer good."""
        for reading in self._readings:
            reading.check()

    def rest(self) -> None:
        """The client takes long for a piece: hold little. Not while one is made."""
        self._batches.rest()

    def give_up(self, reason: str) -> None:
        """Note that not all of it was delivered, and why, unless its end is noted already."""
        for reading in self._readings:
            reading.abort(reason, self.rows, self.bytes)

    def cancel(self) -> None:
        """Have a piece that is being made fail: nobody waits for it. Any thread may call this."""
        self._batches.cancel()

    def close(self) -> None:
        """Free everything. Once more does nothing."""
        if self._ended:
            return
        self._ended = True
        try:
            self._batches.close()
        finally:
            self._done()

    @contextmanager
    def _paused(self) -> Iterator[None]:
        self._batches.pause()
        yield
        self._batches.resume()

    def _pieces(self) -> Iterator[Piece]:
        waiting: Piece = self._encoder.start(self._batches.schema)
        rows = 0
        for batch in self._batches:
            piece, more = self._encoder.batch(batch), batch.num_rows
            del batch  # it would stay in memory while the piece is taken
            if rows:
                # There is more than one piece: what waits goes first.
                yield self._leaving(waiting, rows)
                waiting, rows = piece, more
            else:
                waiting, rows = b"".join((waiting, piece)), more
        waiting = b"".join((waiting, self._encoder.end()))
        self.check()
        self.rows += rows
        self.bytes += len(waiting)
        for reading in self._readings:
            reading.complete(self.rows, self.bytes)
        yield waiting

    def _leaving(self, piece: Piece, rows: int) -> Piece:
        for reading in self._readings:
            reading.begin()
        self.check()
        self.rows += rows
        self.bytes += len(piece)
        return piece
