"""Connections to the database of the state: how each is set up, how transactions begin, and what
its errors mean to a person."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import DBAPIError

from mesh_defs.errors import Busy, CorruptRecord, MeshError, SourceUnavailable, StorageFailed
from mesh_defs.gateway.state.kept import KeptConnection
from mesh_defs.private_files import make_private, touch_private
from mesh_defs.redaction import redact, secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg
    from sqlalchemy import Connection, Engine

    from mesh_defs.gateway.state.place import Place

WAIT_SECONDS = 30
_BEGIN = "mesh_begin"
_POOL = {"pool_size": 8, "max_overflow": 24, "pool_timeout": WAIT_SECONDS}
# What a server that is set to forget the newest commits in a crash is asked for; no less than it
# does already.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)


class Database:
    """The database of a `Place`. It may be used from several threads, not across a fork."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.sqlite = place.dsn is None
        self.engine = _sqlite(place) if place.dsn is None else _postgres(place.dsn)
        self._kept = KeptConnection(lambda: _reader(place))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries; each sees what was committed when it began.

        Raises as `writing` does.
        """
        options = {_BEGIN: ""} if self.sqlite else {"isolation_level": "AUTOCOMMIT"}
        with self._told(), self.engine.connect() as connection:
            yield connection.execution_options(**options)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction, which is on the disk when the block is left and undone
        when it raises. On SQLite nobody else writes meanwhile; on PostgreSQL lock a row.

        Raises `Busy` when somebody else has written for longer than `WAIT_SECONDS`,
        `SourceUnavailable` when the server cannot be reached, `StorageFailed`, `CorruptRecord`.
        """
        with self._told(), self.engine.connect() as connection:
            connection.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
            with connection.begin():
                yield connection

    def first(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """Of SQLite alone: the first row of ``query`` as it is now, at the least cost. Raises as
        `writing` does."""
        with self._told():
            return self._kept.first(query, *values)

    def close(self) -> None:
        """Close every connection."""
        self._kept.close()
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            told = self._words(error)
            if told is None:
                raise
            raise told from error

    def _words(self, error: Exception) -> MeshError | None:
        """What an error of the engine or of its driver means; None for one that is none of the
        user's."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, sqlite3.Error):
            return _sqlite_words(cause, self.place.words)
        if self.place.dsn is None or not _of_a_server(cause):
            return None
        if getattr(cause, "sqlstate", None) == "55P03":  # lock_not_available
            return _busy(self.place.words)
        said = " ".join(redact(str(cause), secrets_of(self.place.dsn)).split())
        return SourceUnavailable(
            f"{self.place.words} cannot be used: {said}. Fix: start the server, or mend the "
            "variable that the profile's gateway.state.dsn names"
        )


def _of_a_server(cause: BaseException | None) -> bool:
    import psycopg

    return isinstance(cause, psycopg.OperationalError)


def _busy(place: str) -> Busy:
    return Busy(
        f"{place} was locked by another process for more than {WAIT_SECONDS} s; "
        "try again, and look for a process that hangs"
    )


def _sqlite_words(error: sqlite3.Error, place: str) -> MeshError | None:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return _busy(place)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return CorruptRecord(f"{place} is damaged: {error}; restore it from a backup")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return StorageFailed(
            f"{place} cannot be written or read: {error}; free its disk, or mend its rights"
        )
    return None


def _sqlite(place: Place) -> Engine:
    try:
        make_private(place.file.parent)
        touch_private(place.file)
    except OSError as error:
        raise StorageFailed(
            f"{place.words} cannot be made: {error.strerror or error}; mend the folder's rights, "
            "or name another file as gateway.state.path of the profile"
        ) from None
    arguments = {"timeout": WAIT_SECONDS, "check_same_thread": False}
    address = URL.create("sqlite", database=str(place.file))
    engine = create_engine(address, connect_args=arguments, **_POOL)

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # so that transactions begin as `_begin` says
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "fullfsync = ON",
            "foreign_keys = ON",
            "trusted_schema = OFF",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        statement = str(connection.get_execution_options().get(_BEGIN, "BEGIN"))
        if statement:
            connection.exec_driver_sql(statement)

    return engine


def _reader(place: Place) -> sqlite3.Connection:
    connection = sqlite3.connect(
        place.file, timeout=WAIT_SECONDS, check_same_thread=False, isolation_level=None
    )
    for pragma in ("query_only = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _postgres(dsn: str) -> Engine:
    def connect() -> psycopg.Connection:
        import psycopg

        return psycopg.connect(dsn, connect_timeout=WAIT_SECONDS, application_name="mesh gateway")

    engine = create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True, **_POOL)

    @event.listens_for(engine, "connect")
    def _set_up(connection: psycopg.Connection, _record: object) -> None:
        connection.autocommit = True
        for statement in (
            "SET TIME ZONE 'UTC'",
            f"SET lock_timeout = '{WAIT_SECONDS}s'",
            _DURABLE,
        ):
            connection.execute(statement)
        connection.autocommit = False

    return engine
