"""Texts made by few threads, however many requests there are: polars' allocator keeps memory for
each thread that it ever ran in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor

    import pyarrow as pa

    from mesh_defs.gateway.delivery import Piece
    from mesh_defs.gateway.http.forms import Encoder


class Pooled:
    """``encoder``, run by ``threads``."""

    def __init__(self, encoder: Encoder, threads: Executor) -> None:
        self._encoder = encoder
        self._threads = threads

    def start(self, schema: pa.Schema) -> bytes:
        """What stands before the first batch."""
        return self._threads.submit(self._encoder.start, schema).result()

    def batch(self, batch: pa.RecordBatch) -> Piece:
        """One batch."""
        return self._threads.submit(self._encoder.batch, batch).result()

    def end(self) -> bytes:
        """What stands behind the last batch."""
        return self._encoder.end()
