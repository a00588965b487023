"""A plugin of dbt-duckdb: gives dbt's database the same walls as the run's own connection.

Imported by dbt-duckdb alone, by its name in the profile that
`mesh_defs.product.transforms.dbt_database` writes. What it does is not in that profile, because dbt
renders profiles as Jinja.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbt.adapters.duckdb.plugins import BasePlugin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

_statements: list[str] = []
_opened: list[DuckDBPyConnection] = []


def configure(statements: Sequence[str]) -> None:
    """Run ``statements`` on every database that dbt opens from now on."""
    _statements[:] = statements


def release() -> None:
    """Close what dbt has opened; after an error it leaves connections open in its traceback."""
    while _opened:
        _opened.pop().close()
    _statements.clear()


class Plugin(BasePlugin):
    """Configures dbt's connection."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Called once for each database that dbt opens."""
        _opened.append(conn)
        for statement in _statements:
            conn.execute(statement)
