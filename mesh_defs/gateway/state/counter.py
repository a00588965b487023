"""One number that changes with every change of who may do what.

Who writes grants, requests or tokens holds its row, so that they write one after the other; who
serves a long answer asks for it again and again, which is one look-up by primary key.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from mesh_defs.gateway.state.tables import counter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from mesh_defs.gateway.state.engine import Database

_ACCESS = counter.c.name == "access"
_VALUE = select(counter.c.value).where(_ACCESS)
_VALUE_OF_SQLITE = "SELECT value FROM mesh_counter WHERE name = 'access'"
_ID_BYTES = 6


def access_version(database: Database) -> int:
    """The number as it is now. Raises as `Database.reading`."""
    if database.sqlite and (row := database.first(_VALUE_OF_SQLITE)) is not None:
        return int(row[0])
    with database.reading() as connection:
        return int(connection.execute(_VALUE).scalar_one())


@contextmanager
def alone(database: Database) -> Iterator[Connection]:
    """A transaction that none of those who write so runs beside; the number stays."""
    with database.writing() as connection:
        connection.execute(_VALUE.with_for_update())
        yield connection


@contextmanager
def changing(database: Database) -> Iterator[Connection]:
    """A transaction in which nobody else changes who may do what; its end changes the number."""
    with alone(database) as connection:
        yield connection
        connection.execute(update(counter).where(_ACCESS).values(value=counter.c.value + 1))


def new_id(kind: str) -> str:
    """An id that nothing else has, such as ``req_3f9a61c0b2de``; without a kind its digits."""
    digits = secrets.token_hex(_ID_BYTES)
    return f"{kind}_{digits}" if kind else digits
