"""What the server does for each call of Flight, apart from pyarrow's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.flight.delivery import Delivery, DeliveryWatch, Stream
from mesh_defs.gateway.flight.faults import Unimplemented
from mesh_defs.gateway.flight.handles import Handles, owner_of
from mesh_defs.gateway.flight.listing import Listing, schema_of
from mesh_defs.gateway.flight.messages import (
    REFUSED,
    Command,
    decode,
    encode,
    pack,
    unpack,
    unpack_as,
)
from mesh_defs.gateway.flight.prepared import Prepared, parameter_schema
from mesh_defs.gateway.flight.sql_info import sql_info, sql_info_schema
from mesh_defs.gateway.flight.statements import Statements, app_metadata
from mesh_defs.gateway.flight.type_info import type_info, type_info_schema
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pyarrow as pa
    import pyarrow.flight as fl

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.flight.calls import Call
    from mesh_defs.gateway.flight.running import Running

TICKET_SECONDS = 120.0
PREPARED_SECONDS = 3600.0
_MOST_EACH, _MOST = 256, 4096

STATEMENT, PREPARED, TICKET = (
    "CommandStatementQuery",
    "CommandPreparedStatementQuery",
    "TicketStatementQuery",
)
LISTED = (
    "CommandGetCatalogs",
    "CommandGetDbSchemas",
    "CommandGetTables",
    "CommandGetTableTypes",
    "CommandGetPrimaryKeys",
    "CommandGetExportedKeys",
    "CommandGetImportedKeys",
    "CommandGetCrossReference",
)
ACTIONS = {
    "CreatePreparedStatement": "Prepares a SELECT; ActionCreatePreparedStatementRequest",
    "ClosePreparedStatement": "Forgets it; ActionClosePreparedStatementRequest",
    "CancelQuery": "Gives a query up; ActionCancelQueryRequest",
    "CancelFlightInfo": "Gives a query up; CancelFlightInfoRequest",
}
_CANCELLED = 1
_READ_ONLY = (
    "a mesh is read through its gateway, and written by its products alone. Fix: read with a SELECT"
)


class Service:
    """Answers calls. What it raises is a `MeshError`, which the server tells as Flight does."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._statements = Statements(gateway)
        self._tickets: Handles[tuple[Running, int]] = Handles(
            "ticket", _MOST_EACH, _MOST, lambda part: part[0].end("its ticket was dropped")
        )
        self._prepared: Handles[Prepared] = Handles(
            "prepared statement", _MOST_EACH, _MOST, lambda _: None
        )
        self._running: set[Running] = set()
        self._watch = DeliveryWatch(self._sweep)

    def info(self, call: Call, descriptor: fl.FlightDescriptor) -> fl.FlightInfo:
        """What a command will give, and the tickets for it."""
        import pyarrow.flight as fl

        command = self._command(descriptor)
        if command.name in (STATEMENT, PREPARED):
            return self._statement(call.known(), descriptor, command)
        self._gateway.limiter.request(call.who)
        schema = self._listed_schema(command)
        endpoint = fl.FlightEndpoint(descriptor.command, [])
        return fl.FlightInfo(schema, descriptor, [endpoint], -1, -1)

    def schema(self, call: Call, descriptor: fl.FlightDescriptor) -> pa.Schema:
        """The columns of what a command gives."""
        command = self._command(descriptor)
        self._gateway.limiter.request(call.who)
        if command.name not in (STATEMENT, PREPARED):
            return self._listed_schema(command)
        with self._gateway.limiter.slot(call.known().who):
            running = self._open(call, command)
        running.end("it was not read")
        return running.schema

    def get(self, call: Call, ticket: bytes) -> tuple[pa.Schema, Stream | pa.Table]:
        """What a ticket is for."""
        command = unpack(ticket)
        if command.name != TICKET:
            self._gateway.limiter.request(call.who)
            table = self._list(call, command)
            return table.schema, table
        handle = command.values["statement_handle"]
        running, number = self._tickets.take(handle, owner_of(call.known().caller))
        slot = (self._gateway.limiter, call.who)
        delivery = Delivery(running, running.parts[number], slot, call.cancelled)
        return running.schema, Stream(delivery, self._watch)

    def put(
        self, call: Call, descriptor: fl.FlightDescriptor, batches: Iterable[pa.RecordBatch]
    ) -> bytes:
        """Bind the parameters of a prepared statement; the message that answers it."""
        command = self._command(descriptor)
        if command.name != PREPARED:
            raise Unimplemented(f"{command.name}: {_READ_ONLY}")
        handle = command.values["prepared_statement_handle"]
        self._prepared.get(handle, owner_of(call.known().caller)).bind(batches)
        return encode("DoPutPreparedStatementResult", {"prepared_statement_handle": handle})

    def act(self, call: Call, action: str, body: bytes) -> list[bytes]:
        """Do an action of `ACTIONS`; the messages that answer it."""
        owner = owner_of(call.known().caller)
        if action == "CreatePreparedStatement":
            values = unpack_as("ActionCreatePreparedStatementRequest", body)
            return [self._prepare(call, values)]
        if action == "ClosePreparedStatement":
            closed = unpack_as("ActionClosePreparedStatementRequest", body)
            self._prepared.take(closed["prepared_statement_handle"], owner)
            return []
        if action in ("CancelQuery", "CancelFlightInfo"):
            return [self._cancel(call, action, body)]
        raise Unimplemented(f"the action {action[:100]} is not on offer: {_READ_ONLY}")

    def flights(self, call: Call) -> Iterator[fl.FlightInfo]:
        """The ports that the caller may know of, by path: domain, product, port."""
        import pyarrow as pa
        import pyarrow.flight as fl

        self._gateway.limiter.request(call.who)
        fields = ("catalog", "db_schema_filter_pattern", "table_name_filter_pattern")
        values: dict[str, Any] = dict.fromkeys(fields)
        values |= {"table_types": [], "include_schema": True}
        listing = Listing(self._gateway, call.caller)
        for row in listing.answer(Command("CommandGetTables", values)).to_pylist():
            path = (row["catalog_name"], row["db_schema_name"], row["table_name"])
            schema = pa.ipc.read_schema(pa.py_buffer(row["table_schema"]))
            yield fl.FlightInfo(schema, fl.FlightDescriptor.for_path(*path), [], -1, -1)

    def stop(self) -> None:
        """End everything that runs."""
        self._watch.close()
        for running in list(self._running):
            running.end("the gateway was stopped")

    def _command(self, descriptor: fl.FlightDescriptor) -> Command:
        import pyarrow.flight as fl

        if descriptor.descriptor_type == fl.DescriptorType.PATH:
            parts = [part.decode("utf-8", "replace") for part in descriptor.path]
            return Command(STATEMENT, {"query": f"SELECT * FROM {'.'.join(map(quote, parts))}"})
        command = unpack(descriptor.command or b"")
        if command.name in REFUSED:
            raise Unimplemented(f"{command.name}: {_READ_ONLY}")
        if command.values.get("transaction_id"):
            raise Unimplemented("there are no transactions here. Fix: run it without one")
        return command

    def _statement(
        self, call: Call, descriptor: fl.FlightDescriptor, command: Command
    ) -> fl.FlightInfo:
        import pyarrow.flight as fl

        with self._gateway.limiter.slot(call.who):
            running = self._open(call, command, count=True)
        self._running.add(running)
        owner = owner_of(call.caller)
        endpoints = []
        for number in range(len(running.parts)):
            handle = self._tickets.put(owner, (running, number))
            endpoints.append(fl.FlightEndpoint(pack(TICKET, {"statement_handle": handle}), []))
        return fl.FlightInfo(
            running.schema, descriptor, endpoints, -1, -1, app_metadata=app_metadata(running)
        )

    def _open(self, call: Call, command: Command, *, count: bool = False) -> Running:
        """The statement of ``command``, counted as a request where that was not done before."""
        limiter = self._gateway.limiter
        if command.name == STATEMENT:
            if count:
                limiter.request(call.who)
            return self._statements.open(call, command.values["query"])
        handle = command.values["prepared_statement_handle"]
        prepared = self._prepared.get(handle, owner_of(call.caller))
        if count and prepared.counted:
            limiter.request(call.who)
        prepared.counted = True
        return self._statements.open(call, prepared.sql, prepared.values)

    def _prepare(self, call: Call, values: Mapping[str, Any]) -> bytes:
        if values["transaction_id"]:
            raise Unimplemented("there are no transactions here. Fix: run it without one")
        sql = values["query"]
        self._gateway.limiter.request(call.who)
        with self._gateway.limiter.slot(call.who):
            names, schema = self._statements.prepare(call, sql)
        prepared = Prepared(sql, names)
        answer: dict[str, bytes] = {
            "prepared_statement_handle": self._prepared.put(owner_of(call.caller), prepared),
            "dataset_schema": schema.serialize().to_pybytes(),
        }
        if names:
            answer["parameter_schema"] = parameter_schema(names).serialize().to_pybytes()
        return pack("ActionCreatePreparedStatementResult", answer)

    def _cancel(self, call: Call, action: str, body: bytes) -> bytes:
        """End a query, as far as nobody has taken its tickets; the message that answers it."""
        import pyarrow as pa
        import pyarrow.flight as fl

        packed = action == "CancelQuery"
        asked = (
            unpack_as("ActionCancelQueryRequest", body)
            if packed
            else decode("CancelFlightInfoRequest", body)
        )
        try:
            endpoints = fl.FlightInfo.deserialize(asked["info"]).endpoints
        except pa.ArrowException:
            raise BadRequest("found no FlightInfo. Fix: send that of the query") from None
        for endpoint in endpoints:
            command = unpack(endpoint.ticket.ticket)
            if command.name == TICKET:
                owner = owner_of(call.caller)
                taken = self._tickets.take(command.values["statement_handle"], owner)
                taken[0].end("it was cancelled")
        if packed:
            return pack("ActionCancelQueryResult", {"result": _CANCELLED})
        return encode("CancelFlightInfoResult", {"status": _CANCELLED})

    def _listed_schema(self, command: Command) -> pa.Schema:
        if command.name == "CommandGetSqlInfo":
            return sql_info_schema()
        if command.name == "CommandGetXdbcTypeInfo":
            return type_info_schema()
        if command.name in LISTED:
            wanted = bool(command.values.get("include_schema"))
            return schema_of(command.name, with_schema=wanted)
        raise Unimplemented(f"the command {command.name[:100]} is not on offer")

    def _list(self, call: Call, command: Command) -> pa.Table:
        if command.name == "CommandGetSqlInfo":
            return sql_info(command.values["info"])
        if command.name == "CommandGetXdbcTypeInfo":
            return type_info(command.values["data_type"])
        if command.name in LISTED:
            return Listing(self._gateway, call.caller).answer(command)
        raise Unimplemented(f"the ticket of {command.name[:100]} is not on offer")

    def _sweep(self) -> None:
        """Forget what nobody came for."""
        self._tickets.sweep(lambda part: part[0].idle > TICKET_SECONDS)
        self._prepared.sweep(lambda prepared: prepared.idle > PREPARED_SECONDS)
        for running in list(self._running):
            if running.ended:
                self._running.discard(running)
