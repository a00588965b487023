"""Batches that wait on disk for a reader that takes its time, in a file without a name."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


class Space:
    """``most_bytes`` of disk below ``folder`` for all spools together, a sixteenth for one.
    Used by all threads."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self._most = most_bytes
        self._each = most_bytes // 16
        self._lock = threading.Lock()
        self._used = 0

    def take(self, held: int, size: int) -> bool:
        """Whether a spool of ``held`` bytes may hold ``size`` bytes more, which are then taken."""
        with self._lock:
            if held + size > self._each or self._used + size > self._most:
                return False
            self._used += size
            return True

    def give_back(self, size: int) -> None:
        """The end of `take`."""
        with self._lock:
            self._used -= size


class Spool:
    """Batches of ``schema`` in the order in which they came, each given once. For one thread at a
    time. The file is gone with the process, however that ends."""

    def __init__(self, space: Space, schema: pa.Schema) -> None:
        import pyarrow as pa

        self._space = space
        self._schema = schema
        self._held = 0
        self._waiting = 0
        descriptor, path = tempfile.mkstemp(prefix="answer-", dir=space.folder)
        try:
            self._in = os.fdopen(descriptor, "wb", buffering=0)
            self._out = Path(path).open("rb", buffering=0)  # noqa: SIM115  until it is closed
        finally:
            Path(path).unlink()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._writer = pa.ipc.new_stream(self._in, schema, options=options)
        self._reader: pa.RecordBatchStreamReader | None = None

    def put(self, batch: pa.RecordBatch) -> bool:
        """Add ``batch``, which is kept also where False tells that there was no room for it."""
        before = self._in.tell()
        self._writer.write_batch(batch)
        self._waiting += 1
        size = self._in.tell() - before
        taken = self._space.take(self._held, size)
        self._held += size if taken else 0
        return taken

    def get(self) -> pa.RecordBatch | None:
        """The next batch; None when none waits."""
        import pyarrow as pa

        if not self._waiting:
            return None
        if self._reader is None:
            self._reader = pa.ipc.open_stream(self._out)
        self._waiting -= 1
        return self._reader.read_next_batch()

    def close(self) -> None:
        """Free its disk. Once more does nothing."""
        self._waiting = 0
        self._out.close()
        self._in.close()
        held, self._held = self._held, 0
        self._space.give_back(held)
