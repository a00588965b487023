"""SQL transforms: one SELECT per output; inputs are relations by their name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import TransformFailed
from mesh_defs.faults import relative

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from mesh_defs.product.model import Product


def sql_queries(
    product: Product, connection: duckdb.DuckDBPyConnection, root: Path
) -> dict[str, str]:
    """The query of every port. Raises `TransformFailed` that names the file, what DuckDB says, and
    the inputs with their columns."""
    queries: dict[str, str] = {}
    for output, file in zip(product.outputs, product.transform.files, strict=True):
        text = file.read_text(encoding="utf-8")
        if output.compute == "duckdb":
            queries[output.name] = _checked(product, connection, text, relative(file, root))
        else:
            queries[output.name] = text.strip().rstrip(";")  # its own engine reads it
    return queries


def _checked(product: Product, connection: duckdb.DuckDBPyConnection, text: str, file: str) -> str:
    import duckdb

    try:
        statements = connection.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise TransformFailed(f"{file}: holds {len(statements)} statements; write one SELECT")
        query = statements[0].query.strip().rstrip(";")
        connection.execute(f"DESCRIBE ({query}\n)")
    except duckdb.Error as error:
        raise TransformFailed(explain(product, connection, file, error)) from error
    return query


def explain(
    product: Product, connection: duckdb.DuckDBPyConnection, file: str, error: Exception
) -> str:
    """DuckDB's message with what the query could have used."""
    lines = [f"{file}: {str(error).strip()}"]
    for name in (port.name for port in product.inputs):
        columns = _columns(connection, name)
        lines.append(f"  input {name}: {', '.join(columns)}")
    if not product.inputs:
        lines.append("  the product has no inputs")
    return "\n".join(lines)


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> Sequence[str]:
    from mesh_defs.sql import quote

    return [f"{r[0]} {r[1]}" for r in connection.execute(f"DESCRIBE {quote(name)}").fetchall()]
