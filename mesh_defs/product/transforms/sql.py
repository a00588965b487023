"""SQL transforms: one SELECT per output; inputs are relations by their name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import excerpt_line, safe_text
from mesh_defs.errors import TransformFailed
from mesh_defs.faults import relative
from mesh_defs.product.privacy import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import duckdb

    from mesh_defs.product.model import OutputPort, Product


def sql_queries(
    product: Product,
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    *,
    private: bool = False,
) -> dict[str, str]:
    """The query of every port. Raises `TransformFailed` that names the file, what DuckDB says, and
    the inputs with their columns. ``private`` leaves out what DuckDB may have of the data."""
    queries: dict[str, str] = {}
    for output, file in zip(product.outputs, product.transform.files, strict=True):
        text = file.read_text(encoding="utf-8")
        if output.compute == "duckdb":
            queries[output.name] = _checked(
                product, connection, text, relative(file, root), private
            )
        else:
            queries[output.name] = text.strip().rstrip(";")  # its own engine reads it
    return queries


def place_of(product: Product, port: OutputPort, root: Path, query: str, message: str) -> str:
    """Where the ``query`` of ``port`` stands: its file, with the line to which DuckDB's ``message``
    points."""
    files = dict(zip((o.name for o in product.outputs), product.transform.files, strict=True))
    file, line = files[port.name], excerpt_line(message)
    name = relative(file, root)
    lines = query.count("\n") + 1
    before, found, _ = file.read_text(encoding="utf-8").partition(query)
    # What DuckDB runs is the query within a longer statement, which begins on its first line.
    if line is None or line > lines or not found:
        return name
    return f"{name}, line {before.count(chr(10)) + line}"


def _checked(
    product: Product,
    connection: duckdb.DuckDBPyConnection,
    text: str,
    file: str,
    private: bool,
) -> str:
    import duckdb

    try:
        statements = connection.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise TransformFailed(f"{file}: holds {len(statements)} statements; write one SELECT")
        query = statements[0].query.strip().rstrip(";")
        connection.execute(f"DESCRIBE ({query}\n)")
    except duckdb.Error as error:
        reason = str(error).strip()
        if private:
            reason = safe_text(reason, known=f"{text} {names_of(product)}", excerpt=True)
        raise TransformFailed(explain(product, connection, file, reason)) from (
            None if private else error
        )
    return query


def explain(product: Product, connection: duckdb.DuckDBPyConnection, file: str, reason: str) -> str:
    """DuckDB's message with what the query could have used."""
    lines = [f"{file}: {reason}"]
    for name in (port.name for port in product.inputs):
        columns = _columns(connection, name)
        lines.append(f"  input {name}: {', '.join(columns)}")
    if not product.inputs:
        lines.append("  the product has no inputs")
    return "\n".join(lines)


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> Sequence[str]:
    from mesh_defs.sql import quote

    return [f"{r[0]} {r[1]}" for r in connection.execute(f"DESCRIBE {quote(name)}").fetchall()]
