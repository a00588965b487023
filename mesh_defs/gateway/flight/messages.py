"""The messages of Flight SQL, which pyarrow has none of.

Names and field numbers are those of ``format/FlightSql.proto`` of Apache Arrow, and of
``format/Flight.proto`` where the package is ``arrow.flight.protocol``. A command travels in a
``google.protobuf.Any``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

PACKAGE = "arrow.flight.protocol.sql"
_PREFIX = f"type.googleapis.com/{PACKAGE}."

# Per message its fields in the order of their numbers, from 1: name and type, with ? for one that
# may be left out and * for many.
_KEY_OF_TABLE = "catalog string?, db_schema string?, table string"
_FIELDS = {
    "CommandGetSqlInfo": "info uint32*",
    "CommandGetXdbcTypeInfo": "data_type int32?",
    "CommandGetCatalogs": "",
    "CommandGetDbSchemas": "catalog string?, db_schema_filter_pattern string?",
    "CommandGetTables": (
        "catalog string?, db_schema_filter_pattern string?, table_name_filter_pattern string?, "
        "table_types string*, include_schema bool"
    ),
    "CommandGetTableTypes": "",
    "CommandGetPrimaryKeys": _KEY_OF_TABLE,
    "CommandGetExportedKeys": _KEY_OF_TABLE,
    "CommandGetImportedKeys": _KEY_OF_TABLE,
    "CommandGetCrossReference": (
        "pk_catalog string?, pk_db_schema string?, pk_table string, "
        "fk_catalog string?, fk_db_schema string?, fk_table string"
    ),
    "CommandStatementQuery": "query string, transaction_id bytes?",
    "CommandPreparedStatementQuery": "prepared_statement_handle bytes",
    "TicketStatementQuery": "statement_handle bytes",
    "ActionCreatePreparedStatementRequest": "query string, transaction_id bytes?",
    "ActionCreatePreparedStatementResult": (
        "prepared_statement_handle bytes, dataset_schema bytes, parameter_schema bytes"
    ),
    "ActionClosePreparedStatementRequest": "prepared_statement_handle bytes",
    "DoPutPreparedStatementResult": "prepared_statement_handle bytes?",
    "ActionCancelQueryRequest": "info bytes",
    "ActionCancelQueryResult": "result int32",
    # arrow.flight.protocol: a FlightInfo inside a message lies there as its bytes.
    "CancelFlightInfoRequest": "info bytes",
    "CancelFlightInfoResult": "status int32",
}

# What Flight SQL has and a mesh has not: it is read, and changed by its products alone.
REFUSED = frozenset(
    {
        "CommandStatementUpdate",
        "CommandStatementIngest",
        "CommandStatementSubstraitPlan",
        "CommandPreparedStatementUpdate",
    }
)

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Command:
    """A message: ``name`` as in FlightSql.proto; ``values`` by field, None for one left out."""

    name: str
    values: Mapping[str, Any]


@lru_cache(maxsize=1)
def _classes() -> dict[str, Any]:
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="mesh_flight_sql.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for number, text in enumerate(filter(None, fields.split(", ")), 1):
            _add_field(message, number, text)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in _FIELDS
    }


def _add_field(message: Any, number: int, text: str) -> None:  # noqa: ANN401  protobuf is untyped
    name, kind = text.split(" ")
    field = message.field.add(name=name, number=number)
    field.type = getattr(field, f"TYPE_{kind.rstrip('?*').upper()}")
    field.label = field.LABEL_REPEATED if kind.endswith("*") else field.LABEL_OPTIONAL
    if kind.endswith("?"):
        # How proto3 tells a field that was left out: a oneof of its own, by this name.
        message.oneof_decl.add(name=f"_{name}")
        field.oneof_index = len(message.oneof_decl) - 1
        field.proto3_optional = True


def encode(name: str, values: Mapping[str, Any]) -> bytes:
    """The message ``name`` with ``values``, in bytes."""
    return bytes(_classes()[name](**values).SerializeToString())


def decode(name: str, data: bytes) -> Values:
    """The fields of a message ``name``; None for what was left out. Raises `BadRequest`."""
    from google.protobuf.message import DecodeError

    try:
        message = _classes()[name].FromString(data)
    except DecodeError:
        raise _malformed(name) from None
    values: Values = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.has_presence and not message.HasField(field.name):
            value = None
        values[field.name] = value if isinstance(value, (str, bytes, int)) else _plain(value)
    return values


def _plain(value: Any) -> Any:  # noqa: ANN401  what a repeated field holds
    return None if value is None else list(value)


def pack(name: str, values: Mapping[str, Any]) -> bytes:
    """The message ``name`` with ``values`` in an ``Any``, in bytes."""
    from google.protobuf.any_pb2 import Any as Packed

    packed = Packed(type_url=_PREFIX + name, value=encode(name, values))
    return bytes(packed.SerializeToString())


def unpack(data: bytes) -> Command:
    """The message in an ``Any``; of one that is not on offer its name alone. Raises `BadRequest`
    for bytes that are no command of Flight SQL."""
    from google.protobuf.any_pb2 import Any as Packed
    from google.protobuf.message import DecodeError

    try:
        packed = Packed.FromString(data)
    except DecodeError:
        raise _malformed("command") from None
    if not packed.type_url.startswith(_PREFIX):
        raise BadRequest(
            "found bytes that are no command of Flight SQL; allowed: those of a Flight SQL driver. "
            "Fix: read with one, such as adbc_driver_flightsql"
        )
    name = packed.type_url.removeprefix(_PREFIX)
    return Command(name, decode(name, packed.value) if name in _FIELDS else {})


def unpack_as(name: str, data: bytes) -> Mapping[str, Any]:
    """The values of the message ``name`` in an ``Any``. Raises `BadRequest`, for others too."""
    command = unpack(data)
    if command.name != name:
        raise BadRequest(f"found another message than {name}. Fix: read with a Flight SQL driver")
    return command.values


def _malformed(name: str) -> BadRequest:
    return BadRequest(f"found a {name} of Flight SQL that cannot be read. Fix: use a newer driver")
