"""All rows of a port straight from its Parquet files, in parts that are read side by side.

No engine decodes and encodes them on the way, and row groups that nobody asks for are never read.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from mesh_defs.gateway.decoding import Decoding
from mesh_defs.gateway.memory import give_back, tidy
from mesh_defs.gateway.query.faults import Cancelled
from mesh_defs.gateway.query.prune import Bounds
from mesh_defs.gateway.reads.catalog import Kept

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator, Sequence

    import pyarrow as pa

    from mesh_defs.gateway.errors import GatewayError
    from mesh_defs.gateway.query.prune import Comparison

BATCH_ROWS = 32_768
# Of fewer rows a second stream costs more than it brings.
SMALLEST_PART = 1_000_000
_FILES_KEPT = 4096
# Of each column's chunk; else all of it waits in memory for its reader.
_BUFFER = 1 << 17


@dataclass(frozen=True, slots=True)
class Groups:
    """Row groups of one file, by number, and how many rows they have together."""

    file: str
    numbers: tuple[int, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class _Footer:
    schema: pa.Schema
    rows: tuple[int, ...]


class Footers:
    """What Parquet files say of themselves, kept: a file of a version never changes."""

    def __init__(self) -> None:
        self._kept: Kept[_Footer] = Kept(_FILES_KEPT)
        self.bounds = Bounds()
        self.decoding = Decoding()

    def parts(
        self, files: Sequence[str], schema: pa.Schema, most: int
    ) -> tuple[tuple[Groups, ...], ...] | None:
        """At most ``most`` parts of about the same size, which are all rows of ``files`` together;
        None when the columns of some file are not exactly those of ``schema``, by name and type."""
        footers = {file: self._footer(file) for file in files}
        if not all(_same(footer.schema, schema) for footer in footers.values()):
            return None
        groups = [
            (file, number, rows)
            for file, footer in footers.items()
            for number, rows in enumerate(footer.rows)
            if rows
        ]
        total = sum(rows for _, _, rows in groups)
        count = max(1, min(most, total // SMALLEST_PART, len(groups)))
        return tuple(_split(groups, total, count))

    def fitting(
        self, files: Sequence[str], schema: pa.Schema, wanted: Sequence[Comparison]
    ) -> tuple[Groups, ...] | None:
        """The row groups of ``files`` that may have rows for which all of ``wanted`` hold; None
        when the columns of some file are not exactly those of ``schema``, by name and type."""
        found = []
        for file in files:
            footer = self._footer(file)
            if not _same(footer.schema, schema):
                return None
            numbers = self.bounds.fitting(file, wanted)
            if numbers:
                rows = sum(footer.rows[number] for number in numbers)
                found.append(Groups(file, tuple(numbers), rows))
        return tuple(found)

    def _footer(self, file: str) -> _Footer:
        return self._kept.get(file, lambda: _footer(file))


def _footer(file: str) -> _Footer:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        metadata = opened.metadata
        rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
        return _Footer(opened.schema_arrow, tuple(rows))


def _same(stored: pa.Schema, wanted: pa.Schema) -> bool:
    # A dot would name what is inside a column.
    return all(
        "." not in field.name
        and len(stored.get_all_field_indices(field.name)) == 1
        and stored.field(field.name).type == field.type
        for field in wanted
    ) and len(set(wanted.names)) == len(wanted)


def _split(
    groups: Sequence[tuple[str, int, int]], total: int, count: int
) -> Iterator[tuple[Groups, ...]]:
    """``groups`` (file, number, rows) in ``count`` parts that follow each other."""
    before = 0
    parts: list[list[tuple[str, int, int]]] = [[] for _ in range(count)]
    for group in groups:
        parts[min(count - 1, before * count // max(total, 1))].append(group)
        before += group[2]
    for part in parts:
        by_file: dict[str, list[tuple[int, int]]] = {}
        for file, number, rows in part:
            by_file.setdefault(file, []).append((number, rows))
        yield tuple(
            Groups(file, tuple(number for number, _ in each), sum(rows for _, rows in each))
            for file, each in by_file.items()
        )


class GroupBatches:
    """The rows of one part as record batches of ``schema``, read once, one row group at a time.
    `stop` may be called from any thread; reading then raises what it was given. Each has
    ``batch_rows`` at most. ``footers`` are what files say of themselves, and the memory that all
    who read them have together. Columns in ``encoded`` may come as dictionaries of their values,
    where they are stored so."""

    def __init__(
        self,
        part: Sequence[Groups],
        schema: pa.Schema,
        footers: Footers,
        batch_rows: int = BATCH_ROWS,
        encoded: Collection[str] = (),
    ) -> None:
        self.schema = schema
        self.paused_at: float | None = None
        self._decoding = footers.decoding
        self._bytes = cache(partial(_decoded_bytes, part, footers.bounds))
        self._reading = threading.Lock()
        self._reason: GatewayError | None = None
        self._rows = sum(groups.rows for groups in part)
        self._taken = 0
        self._again = partial(_batches, part, schema, batch_rows, footers.bounds, encoded)
        self._batches = self._again(0)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        with self._reading:
            self.check()
            self._decoding.take(self, self._bytes(), self.check)
            batch = next(self._batches)
            self._taken += batch.num_rows
            return batch

    def pause(self) -> None:
        """Its reader takes its time from now on."""
        self.paused_at = time.monotonic()

    def resume(self) -> None:
        """Its reader wants more."""
        self.paused_at = None

    def rest(self) -> None:
        """Hold nothing in memory, since its reader takes long; the file is opened again later."""
        with self._reading:
            self._drop()
        tidy()

    def set_aside(self) -> None:
        """As `rest`, for others who need the room, if its reader still takes its time."""
        if self._reading.acquire(blocking=False):
            try:
                if self.paused_at is not None:
                    self._drop()
            finally:
                self._reading.release()

    def _drop(self) -> None:
        self._batches.close()
        self._batches = self._again(self._taken)
        self._decoding.give_back(self)

    def check(self) -> None:
        """Raise what it was stopped for, if it was."""
        if self._reason is not None:
            raise self._reason

    def stop(self, reason: GatewayError) -> None:
        """End it: whoever reads gets ``reason``."""
        self._reason = self._reason or reason

    def cancel(self) -> None:
        """End it, since nobody waits for it any more."""
        self.stop(Cancelled("whoever asked is gone"))

    def close(self) -> None:
        """Close the file that is open; what a large answer took goes back to the system."""
        with self._reading:
            self._batches.close()
            self._decoding.give_back(self)
        if self._rows >= SMALLEST_PART:
            give_back()
        else:
            tidy()


def _batches(
    part: Sequence[Groups],
    schema: pa.Schema,
    batch_rows: int,
    bounds: Bounds,
    encoded: Collection[str],
    skipped: int,
) -> Generator[pa.RecordBatch]:
    """The rows of ``part`` without the first that are ``skipped``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(schema.names)
    # A few rows are waited for; of many, one reader must not take all of the machine.
    few = sum(groups.rows for groups in part) <= batch_rows * 2
    for groups in part:
        if skipped >= groups.rows:
            skipped -= groups.rows
            continue
        # Who reads the same file shares its footer, which may take more than the rows.
        footer = bounds.footer(groups.file)
        stored = [name for name in encoded if bounds.coded(groups.file, name)]
        with pq.ParquetFile(
            groups.file,
            metadata=footer,
            read_dictionary=stored,
            pre_buffer=False,
            buffer_size=_BUFFER,
        ) as opened:
            numbers = list(groups.numbers)
            while skipped and (rows := opened.metadata.row_group(numbers[0]).num_rows) <= skipped:
                skipped -= rows
                del numbers[0]
            for batch in opened.iter_batches(
                batch_rows, row_groups=numbers, columns=names, use_threads=few
            ):
                left, skipped = batch.slice(skipped), max(0, skipped - batch.num_rows)
                if left.num_rows:
                    columns = [left.column(name) for name in names]
                    if stored:
                        yield pa.RecordBatch.from_arrays(columns, names=names)
                    else:
                        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _decoded_bytes(part: Sequence[Groups], bounds: Bounds) -> int:
    """About how many bytes a row group of ``part`` takes while it is decoded."""
    return max(
        (bounds.footer(each.file).row_group(each.numbers[0]).total_byte_size for each in part),
        default=0,
    )
