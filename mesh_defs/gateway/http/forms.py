"""Rows as bytes: Arrow, CSV, JSON and NDJSON, batch by batch.

How values are told in texts: `mesh_defs.gateway.http.texts`; nested values are JSON in CSV.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from typing import TYPE_CHECKING, Literal, Protocol

from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.http.texts import fragments, is_temporal, temporal_texts

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


def check_names(schema: pa.Schema) -> None:
    """Raise `BadRequest` when two columns have the same name: a text could not tell them apart."""
    twice = sorted(name for name, times in Counter(schema.names).items() if times > 1)
    if twice:
        raise BadRequest(
            f"found more than one column with the name {', '.join(map(repr, twice))[:200]}; "
            "allowed: each name once. Fix: name them with AS, or read it with format=arrow"
        )


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
        check_names(schema)
        import pyarrow as pa

        names = pa.schema([(name, pa.string()) for name in schema.names])
        return self._written(names.empty_table(), header=True)

    def batch(self, batch: pa.RecordBatch) -> bytes:
        import pyarrow as pa

        return self._written(pa.Table.from_batches([batch]), header=False)

    def end(self) -> bytes:
        return b""

    def _written(self, table: pa.Table, *, header: bool) -> bytes:
        import polars as pl

        sink = io.BytesIO()
        frame = pl.from_arrow(_told(table, flat=True))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101  of a table
        frame.write_csv(sink, include_header=header)
        return sink.getvalue()


class _Ndjson:
    def start(self, schema: pa.Schema) -> bytes:
        check_names(schema)
        return b""

    def batch(self, batch: pa.RecordBatch) -> bytes:
        return _lines(batch)

    def end(self) -> bytes:
        return b""


class _Json:
    """One array of objects."""

    def __init__(self) -> None:
        self._first = True

    def start(self, schema: pa.Schema) -> bytes:
        check_names(schema)
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
    import pyarrow as pa

    table = _told(pa.Table.from_batches([batch]))
    if all(_is_plain(field.type) for field in table.schema):
        return _ndjson(table)
    keys = [json.dumps(name, ensure_ascii=False) for name in table.column_names]
    parts = [_parts(table.column(at).combine_chunks()) for at in range(table.num_columns)]
    rows = (
        "{" + ",".join(f"{key}:{each}" for key, each in zip(keys, row, strict=True)) + "}\n"
        for row in zip(*parts, strict=True)
    )
    return "".join(rows).encode()


def _parts(column: pa.Array) -> list[str]:
    """Each value as JSON, the same as in a table of its own."""
    import pyarrow as pa

    if not _is_plain(column.type):
        return fragments(column)
    lines = _ndjson(pa.table({_ALONE: column})).decode().split("\n")[:-1]
    return [line[len(_BEFORE) : -1] for line in lines]


_ALONE = "x"
_BEFORE = '{"x":'


def _ndjson(table: pa.Table) -> bytes:
    import polars as pl

    sink = io.BytesIO()
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101  of a table
    frame.write_ndjson(sink)
    return sink.getvalue()


def _is_plain(kind: pa.DataType) -> bool:
    """Whether polars writes values of ``kind`` as JSON in the way that we do."""
    import pyarrow.types as types

    if types.is_struct(kind) or types.is_list(kind):
        return all(_is_plain(kind.field(at).type) for at in range(kind.num_fields))
    kinds = (
        types.is_boolean,
        types.is_integer,
        types.is_float32,
        types.is_float64,
        types.is_string,
    )
    more = (types.is_large_string, types.is_string_view, types.is_decimal, types.is_null)
    return any(is_one(kind) for is_one in (*kinds, *more))


def _told(table: pa.Table, *, flat: bool = False) -> pa.Table:
    """``table`` with texts in place of dates and times; if ``flat``, of all that has no form of its
    own in CSV."""
    import pyarrow as pa
    import pyarrow.types as types

    for at, field in enumerate(table.schema):
        kind, column = field.type, table.column(at).combine_chunks()
        if types.is_dictionary(kind):
            column = column.dictionary_decode()
        elif is_temporal(kind):
            column = temporal_texts(column)
        elif types.is_time(kind):
            column = column.cast(pa.string())
        elif flat and (types.is_nested(kind) or not _is_plain(kind)):
            column = pa.array(map(_text, fragments(column)), pa.string())
        else:
            continue
        table = table.set_column(at, field.name, column)
    return table


def _text(fragment: str) -> str | None:
    """A JSON text as a text in CSV: without the quotes of a text, and null as nothing."""
    if fragment == "null":
        return None
    return str(json.loads(fragment)) if fragment.startswith('"') else fragment
