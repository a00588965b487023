"""What alembic runs: the steps, on the connection and in the transaction that it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context

from mesh_defs.gateway.state.tables import VERSION_TABLE, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _run() -> None:
    connection: Connection = context.config.attributes["connection"]
    # The transaction is the caller's, who holds the lock in it.
    context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
    context.run_migrations()


_run()
