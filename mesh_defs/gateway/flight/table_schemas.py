"""The Arrow schema of what a caller sees of a port, without reading it."""

from __future__ import annotations

import json
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

from mesh_defs.policy.access.masking import masked_query, named_columns
from mesh_defs.policy.access.masks import HASH_FUNCTION
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb
    import pyarrow as pa

    from mesh_defs.gateway.describe import PortView, ProductView

_KEPT = 2048
_lock = threading.Lock()


def table_schema(product: ProductView, port: PortView, types: Mapping[str, str]) -> pa.Schema:
    """The columns of ``port`` as its reader gets them; as they are published, for one who may not
    read it. ``types`` are the data's columns with their DuckDB types.

    Fields tell what JDBC and ODBC ask for, and ``mesh.classification`` and ``mesh.seen``.
    """
    import pyarrow as pa

    columns = ", ".join(f"CAST(NULL AS {kind}) AS {quote(name)}" for name, kind in types.items())
    rows = f"(SELECT {columns})"
    query = masked_query(port.read, rows, types)
    if query is None:
        named = {column.name.lower() for column in port.output.promise.columns}
        kept = [quote(name) for name in types if name.lower() in named]
        query = f"SELECT {', '.join(kept) or 'NULL'} FROM {rows}"
    described = _schema(query)
    return pa.schema(
        [field.with_metadata(_field(product, port, field.name, types)) for field in described]
    )


def _field(
    product: ProductView, port: PortView, name: str, types: Mapping[str, str]
) -> dict[str, str]:
    told = {
        "ARROW:FLIGHT:SQL:CATALOG_NAME": product.address.domain,
        "ARROW:FLIGHT:SQL:DB_SCHEMA_NAME": product.address.product,
        "ARROW:FLIGHT:SQL:TABLE_NAME": port.name,
        "ARROW:FLIGHT:SQL:TYPE_NAME": types.get(name, ""),
        "ARROW:FLIGHT:SQL:IS_AUTO_INCREMENT": "0",
        "ARROW:FLIGHT:SQL:IS_CASE_SENSITIVE": "1",
        "ARROW:FLIGHT:SQL:IS_READ_ONLY": "1",
        "ARROW:FLIGHT:SQL:IS_SEARCHABLE": "1",
    }
    column = port.output.promise.column(name)
    if column is not None and column.description:
        told["ARROW:FLIGHT:SQL:REMARKS"] = column.description
    decided = named_columns(port.read, {name: ""}).get(name)
    if decided is not None:
        told["mesh.classification"] = decided.classification
        told["mesh.seen"] = "clear" if decided.clear else str(decided.mask)
    elif column is not None:
        told["mesh.classification"] = column.classification
        told["mesh.seen"] = "no"
    return told


@lru_cache(maxsize=_KEPT)
def _schema(query: str) -> pa.Schema:
    """The schema of ``query``, which reads nothing."""
    with _lock:
        reader = _connection().execute(f"SELECT * FROM ({query}) LIMIT 0").to_arrow_reader(1)
        return reader.schema


@lru_cache(maxsize=1)
def _connection() -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(
        config={"threads": 1, "memory_limit": "50MB", "autoinstall_known_extensions": False}
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE MACRO {HASH_FUNCTION}(value) AS CAST(NULL AS VARCHAR)")
    connection.execute("SET enable_external_access = false")
    return connection


def metadata(values: Mapping[str, object]) -> dict[str, str]:
    """``values`` as the metadata of a schema, whose values are text."""
    return {
        f"mesh.{name}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
        if value is not None
    }
