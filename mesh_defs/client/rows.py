"""Rows from a gateway, batch by batch, by HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mesh_defs.errors import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import IO

    import pyarrow as pa

    from mesh_defs.client.wire import Wire
    from mesh_defs.urls import MeshUrl

ARROW = "application/vnd.apache.arrow.stream"


class RemoteRows(Protocol):
    """How rows of a port come."""

    def table(
        self,
        url: MeshUrl,
        columns: Sequence[str] | None,
        where: str | None,
        purpose: str | None,
    ) -> pa.Table:
        """The rows of ``url``, which names its port and version, as a table."""
        ...

    def batches(
        self,
        url: MeshUrl,
        columns: Sequence[str] | None,
        where: str | None,
        purpose: str | None,
    ) -> Iterator[pa.RecordBatch]:
        """The rows of ``url``, which names its port and version; the first batch may be empty, to
        tell the columns."""
        ...


class HttpRows:
    """Rows by HTTP, as an Arrow stream."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def batches(
        self,
        url: MeshUrl,
        columns: Sequence[str] | None,
        where: str | None,
        purpose: str | None,
    ) -> Iterator[pa.RecordBatch]:
        """As `RemoteRows.batches`."""
        query = {
            "version": url.version,
            "columns": ",".join(columns) if columns is not None else None,
            "where": where,
            "purpose": purpose,
        }
        path = f"/{url.identity}/{url.port}/data"
        with self._wire.get(path, query, accept=ARROW) as body:
            yield from _read(body)

    def table(
        self,
        url: MeshUrl,
        columns: Sequence[str] | None,
        where: str | None,
        purpose: str | None,
    ) -> pa.Table:
        """As `RemoteRows.table`."""
        import pyarrow as pa

        return pa.Table.from_batches(list(self.batches(url, columns, where, purpose)))

    def query(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object],
        purpose: str | None,
        as_of: datetime | None,
    ) -> Iterator[pa.RecordBatch]:
        """The answer to one SELECT; the first batch may be empty, to tell the columns."""
        values = parameters if hasattr(parameters, "keys") else list(parameters)
        body = {"sql": sql, "parameters": values}
        query = {"purpose": purpose, "as_of": as_of.isoformat() if as_of is not None else None}
        with self._wire.post("/query", body, query, accept=ARROW) as answer:
            yield from _read(answer)

    def products(self) -> list[dict[str, Any]]:
        """Every product that may be known of."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self._wire.json("/-/products", {"cursor": cursor})
            found += page["products"]
            cursor = page.get("next")
            if not cursor:
                return found


def _read(body: IO[bytes]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    try:
        with pa.ipc.open_stream(body) as reader:
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
            yield from reader
    except pa.ArrowInvalid as error:
        raise SourceUnavailable(f"the answer ended in the middle: {error}") from None
