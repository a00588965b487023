"""A change feed as Server-Sent Events (HTML standard, section 9.2) that carry CloudEvents 1.0."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.changes.position import Position

if TYPE_CHECKING:
    import pyarrow as pa

    from mesh_defs.gateway.changes.feed import Segment
    from mesh_defs.gateway.reads.reading import Reading

CHANGED = "mesh.port.changed"
HEARTBEAT = b": still here\n\n"
RETRY = b"retry: 1000\n\n"


def position_in(segment: Segment, rows: int) -> Position:
    """Where a reader is after the first ``rows`` of ``segment``."""
    version = segment.reading.opened.version.record.version
    end = segment.offset + rows
    if end == segment.change.count:
        return Position(version)
    return Position(version, end, segment.change.digest)


def rows_event(segment: Segment, batch: pa.RecordBatch, rows: int) -> bytes:
    """The event of ``batch``, with which the first ``rows`` of ``segment`` were told."""
    from mesh_defs.gateway.http.forms import encoder

    lines = bytes(encoder("ndjson").batch(batch)).splitlines()
    return _event(segment.reading, position_in(segment, rows), b",".join(lines))


def quiet_event(reading: Reading) -> bytes:
    """The event of a version with which nothing changed that its reader may see."""
    return _event(reading, Position(reading.opened.version.record.version), b"")


def end_event(reason: str) -> bytes:
    """The last event: nothing more will come, and why."""
    return f"event: end\ndata: {json.dumps({'reason': reason})}\n\n".encode()


def _event(reading: Reading, position: Position, rows: bytes) -> bytes:
    record = reading.opened.version.record
    url = reading.url
    head: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(position),
        "source": str(replace(url, version=None)),
        "type": CHANGED,
        "subject": str(url),
        "time": record.published_at,
        "datacontenttype": "application/json",
    }
    data = {"version": record.version, "receipt": reading.id, "state": reading.state.as_dict()}
    # The rows are JSON texts already; none has a line end inside.
    text = f'{json.dumps(head)[:-1]}, "data": {json.dumps(data)[:-1]}, "changes": ['.encode()
    return b"".join((f"id: {position}\nevent: {CHANGED}\ndata: ".encode(), text, rows, b"]}}\n\n"))
