"""Functions that a query may name: DuckDB's own, and the mesh's."""

from __future__ import annotations

from functools import cache

from mesh_defs.product.lineage.reductions import KEYED_HASH


def unknown_function(name: str) -> str | None:
    """Why what the function ``name`` does is not known; None when it is DuckDB's own.

    A macro that somebody made may read anything, its arguments say nothing of it.
    """
    lower = name.lower()
    if lower == KEYED_HASH or lower in _own():
        return None
    return f"'{name}' is no function of DuckDB, so what it reads is not known"


@cache
def _own() -> frozenset[str]:
    import duckdb

    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        rows = connection.execute("SELECT DISTINCT function_name FROM duckdb_functions()")
        return frozenset(str(row[0]).lower() for row in rows.fetchall())
