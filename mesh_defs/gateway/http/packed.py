"""Encoders whose bytes are compressed: texts as a whole, Arrow buffer by buffer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

    from mesh_defs.gateway.http.forms import Encoder

Packing = Literal["lz4", "zstd"]


class PackedArrow:
    """An Arrow stream whose buffers are compressed (Arrow columnar format, "Compression"): every
    reader of Arrow unpacks them by itself."""

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        self._drain = Drain()
        self._writer: pa.RecordBatchStreamWriter | None = None

    def start(self, schema: pa.Schema) -> bytes:
        """The schema."""
        import pyarrow as pa

        options = pa.ipc.IpcWriteOptions(compression=self._packing)
        self._writer = pa.ipc.new_stream(pa.PythonFile(self._drain, "w"), schema, options=options)
        return self._drain.taken()

    def batch(self, batch: pa.RecordBatch) -> bytes:
        """One batch, and dictionaries that are new in it."""
        assert self._writer is not None  # noqa: S101  `start` has run
        self._writer.write_batch(batch)
        return self._drain.taken()

    def end(self) -> bytes:
        """The end of the stream."""
        assert self._writer is not None  # noqa: S101  `start` has run
        self._writer.close()
        return self._drain.taken()


class Compressed:
    """Another encoder's bytes, compressed as a whole by ``coding``, zstd or gzip."""

    def __init__(self, inner: Encoder, coding: str) -> None:
        import pyarrow as pa

        self._inner = inner
        self._drain = Drain()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._drain, "w"), coding)

    def start(self, schema: pa.Schema) -> bytes:
        """As the other's."""
        return self._through(self._inner.start(schema))

    def batch(self, batch: pa.RecordBatch) -> bytes:
        """As the other's."""
        return self._through(self._inner.batch(batch))

    def end(self) -> bytes:
        """As the other's, and the end of what is compressed."""
        self._stream.write(self._inner.end())
        self._stream.close()
        return self._drain.taken()

    def _through(self, piece: bytes | memoryview) -> bytes:
        self._stream.write(piece)
        return self._drain.taken()


class Drain:
    """A file that gives out what was written since the last time."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        """Keep ``part``."""
        self._parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        """What was written since this was asked last."""
        parts, self._parts = self._parts, []
        return b"".join(parts)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Write no more."""
        self.closed = True

    def writable(self) -> bool:
        """That it is there for."""
        return True

    def readable(self) -> bool:
        """It is read by `taken` alone."""
        return False

    def seekable(self) -> bool:
        """What was written may have left."""
        return False
