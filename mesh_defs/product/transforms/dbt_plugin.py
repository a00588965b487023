"""A plugin of dbt-duckdb: gives dbt's database the same walls as the run's own connection.

Imported by dbt-duckdb alone, by its name in the profile that
`mesh_defs.product.transforms.dbt_database` writes. What it does is not in that profile, because dbt
renders profiles as Jinja.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dbt.adapters.duckdb.plugins import BasePlugin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from duckdb import DuckDBPyConnection

_statements: list[str] = []
_installs: list[Callable[[DuckDBPyConnection], None]] = []
_opened: list[DuckDBPyConnection] = []
_cursors: list[DuckDBPyConnection] = []


def configure(statements: Sequence[str], install: Callable[[DuckDBPyConnection], None]) -> None:
    """Run ``statements``, and ``install``, on every database that dbt opens from now on."""
    _statements[:] = statements
    _installs[:] = [install]


def release() -> None:
    """Close what dbt has opened; after an error it leaves connections open in its traceback."""
    while _opened:
        _opened.pop().close()
    _cursors.clear()
    _statements.clear()
    _installs.clear()


def interrupt() -> None:
    """Interrupt whatever query runs now, in any thread of dbt's."""
    import duckdb

    for cursor in tuple(_cursors):
        with suppress(duckdb.ConnectionException):  # closed meanwhile
            cursor.interrupt()


class Plugin(BasePlugin):
    """Configures dbt's connection."""

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Called once for each database that dbt opens."""
        _opened.append(conn)
        for statement in _statements:
            conn.execute(statement)
        for install in _installs:
            install(conn)

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Called once for each of dbt's threads, and anew when it opens its connection again."""
        _cursors.append(cursor)
