"""Rows as bytes: Arrow, CSV, JSON and NDJSON, batch by batch.

Values are told without loss where the form can: bytes are base64 in CSV and JSON, decimals are
texts in JSON, what is no number is null in JSON, and nested values are JSON in CSV.
"""

from __future__ import annotations

import base64
import io
import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

Form = Literal["arrow", "csv", "json", "ndjson", "parquet"]
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
NDJSON = "application/x-ndjson"
MEDIA: Mapping[Form, str] = {
    "arrow": ARROW,
    "csv": "text/csv; charset=utf-8; header=present",
    "json": "application/json",
    "ndjson": NDJSON,
    "parquet": PARQUET,
}
# What a client may also call them.
ACCEPTED: Mapping[str, Form] = {
    ARROW: "arrow",
    PARQUET: "parquet",
    "text/csv": "csv",
    "application/json": "json",
    NDJSON: "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-parquet": "parquet",
}
# The end of an Arrow stream (Arrow columnar format, "IPC streaming format").
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class Encoder(Protocol):
    """Turns batches of one schema into bytes."""

    def start(self, schema: pa.Schema) -> bytes:
        """What stands before the first batch."""
        ...

    def batch(self, batch: pa.RecordBatch) -> bytes | memoryview:
        """One batch."""
        ...

    def end(self) -> bytes:
        """What stands behind the last batch."""
        ...


def encoder(form: Form) -> Encoder:
    """The encoder of ``form``, which is not ``parquet``: that is no stream."""
    made: Mapping[str, Callable[[], Encoder]] = {
        "arrow": _Arrow,
        "csv": _Csv,
        "json": _Json,
        "ndjson": _Ndjson,
    }
    return made[form]()


class _Arrow:
    def start(self, schema: pa.Schema) -> bytes:
        return bytes(schema.serialize())

    def batch(self, batch: pa.RecordBatch) -> bytes | memoryview:
        return memoryview(batch.serialize())

    def end(self) -> bytes:
        return _END_OF_STREAM


class _Csv:
    def start(self, schema: pa.Schema) -> bytes:
        """The header."""
        return self._written(schema.empty_table(), header=True)

    def batch(self, batch: pa.RecordBatch) -> bytes:
        import pyarrow as pa

        return self._written(pa.Table.from_batches([batch]), header=False)

    def end(self) -> bytes:
        return b""

    def _written(self, table: pa.Table, *, header: bool) -> bytes:
        import polars as pl

        sink = io.BytesIO()
        frame = pl.from_arrow(_flat(table))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101  of a table
        frame.write_csv(sink, include_header=header)
        return sink.getvalue()


class _Ndjson:
    def start(self, schema: pa.Schema) -> bytes:  # noqa: ARG002  as `Encoder`
        return b""

    def batch(self, batch: pa.RecordBatch) -> bytes:
        return _lines(batch)

    def end(self) -> bytes:
        return b""


class _Json:
    """One array of objects."""

    def __init__(self) -> None:
        self._first = True

    def start(self, schema: pa.Schema) -> bytes:  # noqa: ARG002  as `Encoder`
        return b"["

    def batch(self, batch: pa.RecordBatch) -> bytes:
        # No line end stands inside a JSON text.
        text = _lines(batch).rstrip(b"\n").replace(b"\n", b",\n")
        if not text:
            return b""
        before, self._first = (b"" if self._first else b",\n"), False
        return before + text

    def end(self) -> bytes:
        return b"]"


def _lines(batch: pa.RecordBatch) -> bytes:
    """One JSON object a line."""
    if all(_is_plain(field.type) for field in batch.schema):
        import polars as pl
        import pyarrow as pa

        sink = io.BytesIO()
        frame = pl.from_arrow(pa.Table.from_batches([batch]))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101  of a table
        frame.write_ndjson(sink)
        return sink.getvalue()
    rows = (json.dumps(_plain(row), ensure_ascii=False) + "\n" for row in batch.to_pylist())
    return "".join(rows).encode()


def _is_plain(kind: pa.DataType) -> bool:
    """Whether polars writes values of ``kind`` as JSON."""
    import pyarrow.types as types

    if types.is_nested(kind):
        if types.is_map(kind) or types.is_union(kind):
            return False
        return all(_is_plain(kind.field(at).type) for at in range(kind.num_fields))
    others = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_time)
    return not any(is_other(kind) for is_other in (*others, types.is_duration, types.is_interval))


def _flat(table: pa.Table) -> pa.Table:
    """``table`` with texts in place of what has no form of its own in CSV."""
    import pyarrow as pa
    import pyarrow.types as types

    for at, field in enumerate(table.schema):
        if types.is_nested(field.type) or not _is_plain(field.type):
            texts = [_text(value) for value in table.column(at).to_pylist()]
            table = table.set_column(at, field.name, pa.array(texts, pa.string()))
    return table


def _text(value: object) -> str | None:
    plain = _plain(value)
    return plain if plain is None or isinstance(plain, str) else json.dumps(plain)


def _plain(value: object) -> Any:  # noqa: ANN401  JSON
    """A Python value of Arrow's as a JSON value."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal | UUID):
        return str(value)
    return str(value)
