"""Extracts: what was selected of ports as Parquet files, written once and kept for a while."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.errors import StorageFailed
from mesh_defs.gateway.errors import NotAcceptable, Overloaded, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

    from mesh_defs.gateway.delivery import Batches

KEPT_SECONDS = 900.0
_RETRY_SECONDS = 30
_GROUP_ROWS = 122_880  # of a row group, as DuckDB writes them
_GROUP_BYTES = 32_000_000


@dataclass(slots=True)
class _Extract:
    """One file: ``path`` None until it is written."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    path: Path | None = None
    bytes: int = 0
    users: int = 0
    used: float = 0.0


class Extracts:
    """Files below ``home``, at most ``most_bytes`` of them; those that nobody uses make room, and
    go when they were not used for `KEPT_SECONDS`. May be used from several threads."""

    def __init__(self, home: Path, *, most_bytes: int) -> None:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._home = home
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Extract] = OrderedDict()
        self._numbers = itertools.count()

    @contextlib.contextmanager
    def held(self, name: str, batches: Callable[[], Batches]) -> Iterator[Path]:
        """The file of that ``name``, which holds what ``batches`` gave when it was made; it stays
        as long as the block lasts.

        Raises what ``batches`` does, `TooLarge`, `Overloaded` when there is no room,
        `StorageFailed`, `NotAcceptable` for types that Parquet does not have.
        """
        with self._lock:
            extract = self._kept.setdefault(name, _Extract())
            self._kept.move_to_end(name)
            extract.users += 1
        try:
            with extract.lock:
                if extract.path is None:
                    extract.path = self._write(extract, batches)
            yield extract.path
        finally:
            with self._lock:
                extract.users -= 1
                extract.used = time.monotonic()
                if extract.path is None and not extract.users:
                    self._kept.pop(name, None)
                self._remove(time.monotonic() - KEPT_SECONDS)

    def _write(self, extract: _Extract, batches: Callable[[], Batches]) -> Path:
        target = self._home / f"{next(self._numbers)}.parquet"
        try:
            with contextlib.closing(batches()) as found:
                _write_parquet(found, target, lambda: self._room(extract, target))
            self._room(extract, target)
        except BaseException as error:
            target.unlink(missing_ok=True)
            extract.bytes = 0
            if isinstance(error, OSError):
                reason = error.strerror or type(error).__name__
                raise StorageFailed(f"the extract '{target}' cannot be written: {reason}") from None
            raise
        return target

    def _room(self, extract: _Extract, target: Path) -> None:
        """Make room for ``extract`` as large as it is by now."""
        with self._lock:
            extract.bytes = target.stat().st_size
            if extract.bytes > self._most_bytes:
                raise TooLarge(
                    f"more than {self._most_bytes} bytes of Parquet. Fix: choose columns and rows, "
                    "or read it as a stream with format=arrow"
                )
            self._remove(None)
            if self._total() > self._most_bytes:
                raise Overloaded(
                    "others read Parquet files that take all the room there is for them. Fix: "
                    "wait, or read it as a stream with format=arrow",
                    retry_after=_RETRY_SECONDS,
                )

    def _total(self) -> int:
        return sum(each.bytes for each in self._kept.values())

    def _remove(self, before: float | None) -> None:
        """Remove what nobody uses: the longest unused first while there is too much, and what was
        used last ``before`` then."""
        for name, extract in list(self._kept.items()):
            old = before is not None and extract.used < before
            if extract.users or extract.path is None:
                continue
            if old or self._total() > self._most_bytes:
                del self._kept[name]
                extract.path.unlink(missing_ok=True)


def _write_parquet(batches: Batches, target: Path, check: Callable[[], None]) -> None:
    """Write ``batches`` row group by row group; ``check`` is called after each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = batches.schema
    try:
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for group in _groups(batches):
                writer.write_table(pa.Table.from_batches(group, schema))
                check()
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        # Its words may quote values.
        kinds = ", ".join(sorted({str(field.type) for field in schema}))
        raise NotAcceptable(
            f"found columns of the types {kinds}; one of them has no form in Parquet. Fix: choose "
            "other columns, or read it with format=arrow"
        ) from None


def _groups(batches: Batches) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        group.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group
