"""Catalogs, schemas and tables: the domains, products and ports that a caller may know of."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.describe import listing
from mesh_defs.gateway.flight.keys import foreign_keys, key_rows
from mesh_defs.gateway.flight.table_schemas import table_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.describe import PortView, ProductView
    from mesh_defs.gateway.flight.messages import Command
    from mesh_defs.gateway.identity.caller import Caller

TABLE_TYPE = "PORT"
ESCAPE = "\\"
Rows = list[dict[str, Any]]


def matches(pattern: str | None, name: str) -> bool:
    """Whether ``name`` is like ``pattern`` (``%`` any text, ``_`` one character, escaped by a
    backslash); every name is like None."""
    if pattern is None:
        return True
    found = re.findall(r"\\?.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    regex = "".join(
        wild.get(each) or re.escape(each[1:] if each in (r"\%", r"\_", r"\\") else each)
        for each in found
    )
    return re.fullmatch(regex, name, re.DOTALL) is not None


def schema_of(name: str, *, with_schema: bool = False) -> pa.Schema:
    """The columns of the answer to the command ``name`` of FlightSql.proto."""
    import pyarrow as pa

    text, number, rule = pa.string(), pa.int32(), pa.uint8()
    known: Mapping[str, list[tuple[str, Any, bool]]] = {
        "CommandGetCatalogs": [("catalog_name", text, False)],
        "CommandGetDbSchemas": [("catalog_name", text, True), ("db_schema_name", text, False)],
        "CommandGetTableTypes": [("table_type", text, False)],
        "CommandGetTables": [
            ("catalog_name", text, True),
            ("db_schema_name", text, True),
            ("table_name", text, False),
            ("table_type", text, False),
            *([("table_schema", pa.binary(), False)] if with_schema else []),
        ],
        "CommandGetPrimaryKeys": [
            ("catalog_name", text, True),
            ("db_schema_name", text, True),
            ("table_name", text, False),
            ("column_name", text, False),
            ("key_name", text, True),
            ("key_sequence", number, False),
        ],
    }
    keys = [
        *((f"{end}_{what}", text, "table" not in what and "column" not in what)
          for end in ("pk", "fk")
          for what in ("catalog_name", "db_schema_name", "table_name", "column_name")),
        ("key_sequence", number, False),
        ("fk_key_name", text, True),
        ("pk_key_name", text, True),
        ("update_rule", rule, False),
        ("delete_rule", rule, False),
    ]  # fmt: skip
    fields = known.get(name, keys)
    return pa.schema([pa.field(each, kind, nullable=may) for each, kind, may in fields])


class Listing:
    """Answers the commands that list, for one caller. What it may not know of is not there."""

    def __init__(self, gateway: Gateway, caller: Caller) -> None:
        self._gateway = gateway
        self._products = listing(gateway, caller)

    def answer(self, command: Command) -> pa.Table:
        """The answer to one of the commands that `schema_of` knows."""
        import pyarrow as pa

        values = command.values
        rows: Rows
        match command.name:
            case "CommandGetCatalogs":
                rows = [{"catalog_name": name} for name in sorted(self._domains())]
            case "CommandGetTableTypes":
                rows = [{"table_type": TABLE_TYPE}]
            case "CommandGetDbSchemas":
                rows = [_schema_row(each) for each in self._found(values)]
            case "CommandGetTables":
                rows = list(self._tables(values))
            case "CommandGetPrimaryKeys":
                rows = key_rows(self._products, values)
            case _:
                rows = foreign_keys(self._products, command)
        wanted = bool(values.get("include_schema"))
        return pa.Table.from_pylist(rows, schema_of(command.name, with_schema=wanted))

    def _domains(self) -> set[str]:
        return {product.address.domain for product in self._products}

    def _found(self, values: Mapping[str, Any]) -> Iterator[ProductView]:
        catalog, pattern = values["catalog"], values["db_schema_filter_pattern"]
        for product in self._products:
            named = catalog is None or product.address.domain == catalog
            if named and matches(pattern, product.address.product):
                yield product

    def _tables(self, values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if values["table_types"] and TABLE_TYPE not in values["table_types"]:
            return
        for product in self._found(values):
            for port in sorted(product.ports, key=lambda each: each.name):
                named = matches(values["table_name_filter_pattern"], port.name)
                if named and product.record is not None:
                    row = {**_schema_row(product), "table_name": port.name}
                    row["table_type"] = TABLE_TYPE
                    if values["include_schema"]:
                        row["table_schema"] = self._schema(product, port).serialize().to_pybytes()
                    yield row

    def _schema(self, product: ProductView, port: PortView) -> pa.Schema:
        version = product.record.version if product.record is not None else None
        address = replace(product.address.with_port(port.name), version=version, major=None)
        return table_schema(product, port, self._gateway.catalog.open(address).types)


def _schema_row(product: ProductView) -> dict[str, Any]:
    address = product.address
    return {"catalog_name": address.domain, "db_schema_name": address.product}
