"""The server's side of pyarrow: its classes, made when they are needed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.flight.calls import authorization, call_of
from mesh_defs.gateway.flight.faults import Unimplemented, Untold, flight_error
from mesh_defs.gateway.flight.service import ACTIONS
from mesh_defs.gateway.identity.authenticate import read_authorization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow.flight as fl

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.flight.calls import Call
    from mesh_defs.gateway.flight.service import Service

_HEADERS = "headers"
_NO_PEER = "flight"
_Result = TypeVar("_Result")


def make_server(
    gateway: Gateway,
    service: Service,
    location: str,
    certificates: list[tuple[bytes, bytes]] | None,
) -> fl.FlightServerBase:
    """A server that listens at ``location`` (``grpc://host:port``, or ``grpc+tls://``)."""
    server, middleware, handler = _classes()
    return server(
        gateway,
        service,
        location,
        auth_handler=handler(),
        tls_certificates=certificates,
        middleware={_HEADERS: middleware(gateway)},
    )


@lru_cache(maxsize=1)
def _classes() -> tuple[Any, Any, Any]:
    """The subclasses of pyarrow's classes: server, middleware, handshake."""
    import pyarrow.flight as fl

    class Headers(fl.ServerMiddleware):  # type: ignore[misc]
        """The headers of one call; of a handshake also the answer to it."""

        def __init__(self, headers: dict[str, list[Any]], answer: dict[str, str]) -> None:
            self.headers = headers
            self.answer = answer

        def sending_headers(self) -> dict[str, str]:
            return self.answer

    class HeadersFactory(fl.ServerMiddlewareFactory):  # type: ignore[misc]
        def __init__(self, gateway: Gateway) -> None:
            self._gateway = gateway

        def start_call(self, info: fl.CallInfo, headers: dict[str, list[Any]]) -> Headers:
            answer = {}
            if info.method == fl.FlightMethod.HANDSHAKE:
                answer = _told(lambda: _handshake(self._gateway, headers))
            elif info.method == fl.FlightMethod.GET_SCHEMA:
                # From the method itself pyarrow passes no status on.
                _told(lambda: _checked(self._gateway, headers))
            return Headers(headers, answer)

    class Handshake(fl.ServerAuthHandler):  # type: ignore[misc]
        """Who calls is told by headers, which the middleware reads."""

        def authenticate(self, outgoing: object, incoming: object) -> None:
            """The headers were enough."""

        def is_valid(self, token: object) -> bytes:  # noqa: ARG002
            return b""

    class Server(fl.FlightServerBase):  # type: ignore[misc]
        def __init__(
            self,
            gateway: Gateway,
            service: Service,
            location: str,
            **more: Any,  # noqa: ANN401  those of pyarrow
        ) -> None:
            super().__init__(location, **more)
            self._gateway = gateway
            self._service = service

        def get_flight_info(
            self, context: fl.ServerCallContext, descriptor: fl.FlightDescriptor
        ) -> fl.FlightInfo:
            return self._for(context, lambda call: self._service.info(call, descriptor))

        def get_schema(
            self, context: fl.ServerCallContext, descriptor: fl.FlightDescriptor
        ) -> fl.SchemaResult:
            try:
                found = self._for(context, lambda call: self._service.schema(call, descriptor))
            except fl.FlightError as error:
                told = str(error)
            else:
                return fl.SchemaResult(found)
            raise Untold(told)

        def do_get(self, context: fl.ServerCallContext, ticket: fl.Ticket) -> fl.FlightDataStream:
            schema, rows = self._for(context, lambda call: self._service.get(call, ticket.ticket))
            if hasattr(rows, "to_batches"):
                return fl.RecordBatchStream(rows)
            return fl.GeneratorStream(schema, rows)

        def do_put(
            self,
            context: fl.ServerCallContext,
            descriptor: fl.FlightDescriptor,
            reader: fl.MetadataRecordBatchReader,
            writer: fl.FlightMetadataWriter,
        ) -> None:
            batches = (chunk.data for chunk in reader if chunk.data is not None)
            answer = self._for(context, lambda call: self._service.put(call, descriptor, batches))
            writer.write(answer)

        def do_action(self, context: fl.ServerCallContext, action: fl.Action) -> Iterator[bytes]:
            body = action.body.to_pybytes() if action.body is not None else b""
            answers: list[bytes] = self._for(
                context, lambda call: self._service.act(call, action.type, body)
            )
            return iter(answers)

        def list_actions(self, context: fl.ServerCallContext) -> list[tuple[str, str]]:  # noqa: ARG002
            return list(ACTIONS.items())

        def list_flights(
            self,
            context: fl.ServerCallContext,
            criteria: bytes,  # noqa: ARG002
        ) -> Iterator[fl.FlightInfo]:
            return iter(self._for(context, lambda call: list(self._service.flights(call))))

        def do_exchange(self, *_: object) -> None:
            _told(lambda: _refuse("DoExchange"))

        def _for(self, context: fl.ServerCallContext, work: Callable[[Call], _Result]) -> _Result:
            return _told(lambda: work(self._call(context)))

        def _call(self, context: fl.ServerCallContext) -> Call:
            headers = context.get_middleware(_HEADERS).headers
            peer = context.peer()
            text = peer.decode() if isinstance(peer, bytes) else str(peer)
            return call_of(self._gateway, headers, text, context.is_cancelled)

    return Server, HeadersFactory, Handshake


def _told(work: Callable[[], _Result]) -> _Result:
    """``work``, whose errors are told as Flight does."""
    try:
        return work()
    except BaseException as error:  # noqa: BLE001  told to the client, whatever it is
        told = flight_error(error)
    raise told from None


def _handshake(gateway: Gateway, headers: dict[str, list[Any]]) -> dict[str, str]:
    """The token that was shown, as drivers are to send it from now on. Raises `Unauthenticated`."""
    shown = authorization(headers)
    if shown is None:
        return {}
    _checked(gateway, headers)
    return {"authorization": f"Bearer {read_authorization(shown)}"}


def _checked(gateway: Gateway, headers: dict[str, list[Any]]) -> None:
    """Raise `Unauthenticated` for a credential that is no good, `Overloaded` after too many: of
    whom, pyarrow does not tell here."""
    try:
        gateway.authenticate(authorization(headers))
    except Unauthenticated:
        gateway.limiter.failure(_NO_PEER)
        raise


def _refuse(what: str) -> None:
    raise Unimplemented(f"{what} is not on offer. Fix: read with Flight SQL")
