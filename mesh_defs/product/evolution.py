"""Columns of new rows beside those of published rows that stay: they must be the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.sql import read_parquet

if TYPE_CHECKING:
    import duckdb


class SchemaChanged(MeshError):
    """The new rows have other columns than the published rows that stay beside them."""


def columns_of(connection: duckdb.DuckDBPyConnection, file: str) -> dict[str, str]:
    """The columns of a Parquet file, in their order, with DuckDB's names of their types."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {read_parquet([file])}")
    return {str(row[0]): str(row[1]) for row in rows.fetchall()}


def check_same_columns(
    connection: duckdb.DuckDBPyConnection, mode: str, new: str, old: str
) -> None:
    """Raise `SchemaChanged`, which names each change, when the file ``new`` does not fit ``old``,
    whose rows stay under ``mode``."""
    now, then = columns_of(connection, new), columns_of(connection, old)
    if list(now.items()) == list(then.items()):
        return
    changes = [f"{name} {kind} is new" for name, kind in now.items() if name not in then]
    changes += [f"{name} {kind} is gone" for name, kind in then.items() if name not in now]
    changes += [
        f"{name} was {then[name]} and is {kind}"
        for name, kind in now.items()
        if name in then and then[name] != kind
    ]
    listed = "; ".join(changes) or "their order"
    raise SchemaChanged(
        f"the columns changed since the published version: {listed}. "
        f"Mode {mode} keeps published rows, which do not fit: publish all of them again "
        "with --rebuild, or bring the columns back"
    )
