"""Bring the database of the state to the newest form, whoever else does so at the same time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from mesh_defs.errors import MeshError
from mesh_defs.gateway.state.place import locked
from mesh_defs.gateway.state.tables import VERSION_TABLE

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mesh_defs.gateway.state.engine import Database

NEWEST = "0002"
_LOCK = 0x6D657368  # 'mesh', of PostgreSQL's advisory locks
_LOCK_FILE = "state.lock"


def migrate(database: Database) -> None:
    """Make what is missing, in one transaction.

    Raises `MeshError` when a newer version of this package has written the database, and as
    `Database.writing` does.
    """
    if database.sqlite:
        # A file that is new cannot be opened by several at once: who comes first makes it one that
        # can.
        with locked(database.place.file.parent / _LOCK_FILE), database.reading() as connection:
            found = _version(connection)
    else:
        with database.reading() as connection:
            found = _version(connection)
    if found == NEWEST:
        return
    with database.writing() as connection:
        if not database.sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        _upgrade(connection, database.place.words)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return str(found) if found is not None else None


def _upgrade(connection: Connection, place: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    folder = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", folder)
    config.attributes["connection"] = connection
    found = _version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise MeshError(
            f"{place} has the form {found}, which this version of mesh does not know (its newest "
            f"is {NEWEST}). Fix: update mesh here; a newer one has used this database"
        )
    command.upgrade(config, NEWEST)
