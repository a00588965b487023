"""Rows from a gateway by Arrow Flight SQL; the endpoints of a table are read at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from mesh_defs.errors import (
    AccessDenied,
    MeshError,
    SourceUnavailable,
    Unauthenticated,
    UnknownAddress,
)
from mesh_defs.gateway.flight.messages import pack
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    import pyarrow as pa
    import pyarrow.flight as fl

    from mesh_defs.client.wire import Wire
    from mesh_defs.urls import MeshUrl

_Result = TypeVar("_Result")
_SECONDS_TO_CONNECT = 5.0
_AT_ONCE = 4


class FlightRows:
    """Rows by Flight SQL."""

    def __init__(self, client: fl.FlightClient, address: str, token: str | None) -> None:
        self._client = client
        self._address = address
        self._token = token

    @classmethod
    def connected(cls, wire: Wire, address: str) -> Self | None:
        """A connection to the Flight server at ``address`` (``grpc://host:port``, ``grpc+tls://``);
        None when it does not answer, or would send what HTTP encrypts in clear."""
        import pyarrow.flight as fl

        parts = urlsplit(address)
        if not parts.port or (wire.secure and parts.scheme != "grpc+tls"):
            return None
        trusted = {}
        if wire.certificate is not None and parts.scheme == "grpc+tls":
            with open(wire.certificate, "rb") as file:  # noqa: PTH123  a path as it was given
                trusted["tls_root_certs"] = file.read()
        rows = cls(fl.FlightClient(address, **trusted), address, wire.token)
        try:
            options = rows._options(None, _SECONDS_TO_CONNECT)
            rows._client.get_flight_info(_descriptor("CommandGetTableTypes", {}), options)
        except fl.FlightUnauthenticatedError as error:
            rows.close()
            raise Unauthenticated(_text(error)) from None
        except (fl.FlightUnavailableError, fl.FlightTimedOutError, fl.FlightInternalError):
            rows.close()
            return None
        return rows

    def table(
        self, url: MeshUrl, columns: Sequence[str] | None, where: str | None, purpose: str | None
    ) -> pa.Table:
        """The rows of ``url`` as a table, in their order."""
        import pyarrow as pa

        info, options = self._ask(url, columns, where, purpose)

        def part(end: fl.FlightEndpoint) -> pa.Table:
            return self._told(lambda: self._client.do_get(end.ticket, options).read_all())

        if len(info.endpoints) == 1:
            return part(info.endpoints[0])
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return pa.concat_tables(threads.map(part, info.endpoints))

    def batches(
        self, url: MeshUrl, columns: Sequence[str] | None, where: str | None, purpose: str | None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of ``url``, in their order, with constant memory; the first batch may be empty,
        to tell the columns."""
        import pyarrow as pa

        info, options = self._ask(url, columns, where, purpose)
        yield pa.RecordBatch.from_pylist([], schema=info.schema)
        for end in info.endpoints:
            yield from self._chunks(end.ticket, options)

    def _chunks(self, ticket: fl.Ticket, options: fl.FlightCallOptions) -> Iterator[pa.RecordBatch]:
        chunks = iter(self._told(lambda: self._client.do_get(ticket, options)))
        while (chunk := self._told(lambda: next(chunks, None))) is not None:
            yield chunk.data

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _ask(
        self, url: MeshUrl, columns: Sequence[str] | None, where: str | None, purpose: str | None
    ) -> tuple[fl.FlightInfo, fl.FlightCallOptions]:
        query = select(url, columns, where)
        options = self._options(purpose, None)
        descriptor = _descriptor("CommandStatementQuery", {"query": query})
        return self._told(lambda: self._client.get_flight_info(descriptor, options)), options

    def _options(self, purpose: str | None, timeout: float | None) -> fl.FlightCallOptions:
        import pyarrow.flight as fl

        headers = []
        if self._token is not None:
            headers.append((b"authorization", f"Bearer {self._token}".encode()))
        if purpose is not None:
            headers.append((b"mesh-purpose", purpose.encode()))
        return fl.FlightCallOptions(timeout=timeout, headers=headers)

    def _told(self, call: Callable[[], _Result]) -> _Result:
        """``call``, with Flight's errors as ours."""
        import pyarrow as pa
        import pyarrow.flight as fl

        kinds: tuple[tuple[type[Exception], type[MeshError]], ...] = (
            (fl.FlightUnauthenticatedError, Unauthenticated),
            (fl.FlightUnauthorizedError, AccessDenied),
            (KeyError, UnknownAddress),
            (fl.FlightUnavailableError, SourceUnavailable),
            (fl.FlightTimedOutError, SourceUnavailable),
            (pa.ArrowException, MeshError),
        )
        try:
            return call()
        except (pa.ArrowException, KeyError) as error:
            kind = next(ours for theirs, ours in kinds if isinstance(error, theirs))
            raise kind(_text(error)) from None


def select(url: MeshUrl, columns: Sequence[str] | None, where: str | None) -> str:
    """The SELECT that reads ``columns`` of ``url`` where a condition holds."""
    listed = ", ".join(map(quote, columns)) if columns is not None else "*"
    condition = f" WHERE ({where}\n)" if where is not None else ""
    return f"SELECT {listed} FROM {quote(str(url))}{condition}"


def _descriptor(name: str, values: dict[str, object]) -> fl.FlightDescriptor:
    import pyarrow.flight as fl

    return fl.FlightDescriptor.for_command(pack(name, values))


def _text(error: Exception) -> str:
    """What the gateway said, without what Flight puts around it."""
    said = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    return said.partition(". gRPC client debug context")[0].partition(" Detail: ")[0].strip()
