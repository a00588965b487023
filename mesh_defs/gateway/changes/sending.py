"""Pages of a change feed as bytes, with their receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.gateway.errors import Ended

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import pyarrow as pa

    from mesh_defs.gateway.changes.feed import Page, Segment

    # A batch of a segment as bytes; the number is of the segment's rows that are told with it.
    Encode = Callable[[Segment, pa.RecordBatch, int], bytes]


def told(segment: Segment, encode: Encode) -> Generator[bytes, None, None]:
    """The rows of ``segment``, batch by batch. Its read is noted as completed before the last one,
    and as aborted when it is given up before. Raises `Ended`, `MeshError`."""
    reading = segment.reading
    reading.begin()
    rows = size = sent = 0
    waiting: bytes | None = None
    try:
        for batch in segment.batches():
            if waiting is not None:
                yield waiting
                sent = rows
            rows += batch.num_rows
            waiting = encode(segment, batch, rows)
            size += len(waiting)
        reading.complete(rows, size, segment.note)
        if waiting is not None:
            yield waiting
    except Ended:
        reading.abort("access ended while it was read", sent, size)
        raise
    except GeneratorExit:
        reading.abort("the reader went away", sent, size)
        raise


def page_bytes(
    page: Page, start: bytes, encode: Encode, end: Callable[[], bytes]
) -> Generator[bytes, None, None]:
    """The whole of ``page``, which is closed at the end."""
    with page:
        yield start
        for segment in page.segments:
            yield from told(segment, encode)
        yield end()
