"""``mesh.connect``: a mesh that is reached through its gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.client.flight import FlightRows
from mesh_defs.client.port import RemotePort
from mesh_defs.client.rows import HttpRows
from mesh_defs.client.wire import Wire, token_of
from mesh_defs.errors import UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.urls import MeshUrl, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType
    from typing import Any, Self

    import pyarrow as pa

    from mesh_defs.client.rows import RemoteRows


def connect(
    url: str,
    *,
    token: str | None = None,
    purpose: str | None = None,
    as_of: datetime | None = None,
    certificate: str | None = None,
    flight: bool = True,
) -> Connection:
    """The mesh whose gateway answers at ``url`` (``https://host[:port]``).

    ``token`` (default: the variable ``MESH_TOKEN``) says who reads, ``purpose`` for what; with
    ``as_of`` all that is opened without a version is read as it was at that time. ``certificate``
    is a PEM file that the server is trusted by. Rows come by Flight where it answers, else by HTTP
    (``flight`` False: always). Raises `MeshError`, `SourceUnavailable`, `Unauthenticated`.
    """
    return Connection(Wire(url, token_of(token), certificate=certificate), purpose, as_of, flight)


class Connection:
    """A mesh behind a gateway. Close it, best as a context manager."""

    def __init__(
        self, wire: Wire, purpose: str | None, as_of: datetime | None, flight: bool
    ) -> None:
        self._wire = wire
        self._purpose = purpose
        self._as_of = as_of
        about = wire.json("/-/about")
        self.name = str(about["mesh"])
        self._http = HttpRows(wire)
        self._flight = FlightRows.connected(wire, str(about["flight"])) if flight else None

    def __repr__(self) -> str:
        return f"<Connection to {self.name} at {self._wire.base} by {self.protocol}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def protocol(self) -> str:
        """How rows come: ``flight`` or ``http``."""
        return "flight" if self._flight is not None else "http"

    def open(self, url: str | MeshUrl, *, purpose: str | None = None) -> RemotePort:
        """Open the version that ``url`` names; what is read later is this version and no other.
        What is seen of it is what the token's principal may read for ``purpose`` (default: the
        connection's). Raises as `mesh_defs.open`."""
        address = parse(url) if isinstance(url, str) else url
        port = RemotePort(
            self._wire,
            self._rows(),
            address,
            purpose or self._purpose,
            self._as_of,
        )
        if address.column is not None and address.column not in port.columns:
            raise UnknownAddress(
                f"{port.url} has no column '{address.column}'; it has {', '.join(port.columns)}. "
                f"Fix: {did_you_mean(address.column, port.columns)}"
            )
        return port

    def sql(
        self,
        query: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        purpose: str | None = None,
    ) -> pa.Table:
        """The answer to one SELECT over ports (``domain.product.port``), joins across domains
        included. The gateway limits its rows."""
        import pyarrow as pa

        batches = self.sql_batches(query, parameters, purpose=purpose)
        first = next(batches)
        return pa.Table.from_batches([first, *batches])

    def sql_batches(
        self,
        query: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        purpose: str | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """As `sql`, batch by batch; the first may be empty, to tell the columns."""
        return self._http.query(query, parameters, purpose or self._purpose, self._as_of)

    def products(self) -> list[dict[str, Any]]:
        """Every product that may be known of, described."""
        return self._http.products()

    def close(self) -> None:
        """End the connection."""
        if self._flight is not None:
            self._flight.close()

    def _rows(self) -> RemoteRows:
        return self._flight if self._flight is not None else self._http
