"""DuckDB's extensions come as wheels; nothing is downloaded at run time."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.errors import MissingDriver
from mesh_defs.sql import literal

if TYPE_CHECKING:
    import duckdb


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load the extension ``name`` from its wheel. Raises `MissingDriver`."""
    package = f"duckdb_extension_{name}"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise MissingDriver(
            f"DuckDB's extension '{name}' is not installed; "
            f"install it with: pip install {package.replace('_', '-')}"
        )
    files = sorted(Path(spec.origin).parent.rglob(f"{name}.duckdb_extension"))
    if not files:
        raise MissingDriver(f"the package {package} holds no extension for this platform")
    connection.execute(f"LOAD {literal(str(files[0]))}")
