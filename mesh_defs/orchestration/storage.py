"""Dagster's history in SQLite, kept in two files with connections that stay open.

Dagster's own SQLite storage makes a new database for each run, writes every asset event to it and
to a second one, and opens, syncs and closes a file for each. Of a product's run that was two
thirds of what Dagster cost (docs/decisions/dagster-storage.md).
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import dagster as dg
import sqlalchemy as db
from dagster._config import StringSource
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.sqlite import consolidated_sqlite_event_log
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._serdes import ConfigurableClass, ConfigurableClassData

if TYPE_CHECKING:
    from dagster._core.events.log import EventLogEntry
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS = 30

# Where Dagster makes the addresses of its databases.
_ADDRESSING: tuple[Any, ...] = (
    consolidated_sqlite_event_log,
    sqlite_run_storage,
    sqlite_schedule_storage,
)

_engines: dict[str, Engine] = {}
_lock = Lock()


def _engine(address: str) -> Engine:
    """One engine per database and process, whose connections are used again."""
    with _lock:
        if address not in _engines:
            engine = db.create_engine(
                address,
                connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
                pool_size=4,
                max_overflow=60,
            )
            db.event.listen(engine, "connect", _settle)
            _engines[address] = engine
        return _engines[address]


def _settle(connection: Any, entry: ConnectionPoolEntry) -> None:  # noqa: ANN401, ARG001
    """In WAL mode NORMAL never corrupts the file; only losing power loses the last moments, and the
    sources sensor reports versions that Dagster has not heard of."""
    connection.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def _connected(address: str) -> Iterator[Connection]:
    with _engine(address).connect() as connection, connection.begin():
        yield connection


def _address(folder: str, name: str) -> str:
    """The URL of a database. A folder may have '?', '%' or '#' in its name."""
    return f"sqlite:///{quote(str(Path(folder).absolute() / f'{name}.db'))}"


@contextmanager
def _quoted_addresses() -> Iterator[None]:
    """Let Dagster make its databases at `_address`: its own function quotes nothing, so that it
    takes what follows a '?' in a folder's name for options."""
    own = [module.create_db_conn_string for module in _ADDRESSING]
    for module in _ADDRESSING:
        module.create_db_conn_string = _address
    try:
        yield
    finally:
        for module, function in zip(_ADDRESSING, own, strict=True):
            module.create_db_conn_string = function


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold ``file`` against other processes: code servers, daemon and webserver of a new mesh start
    together, and Dagster's making of tables does not expect company."""
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class PooledEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """All events in one file."""

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with _connected(self._conn_string) as connection:
            yield connection

    def watch(
        self, run_id: str, cursor: str | None, callback: Callable[[EventLogEntry, str], None]
    ) -> None:
        """Tell ``callback`` of every new event of a run. Asks the database: in WAL mode the file
        that Dagster would watch does not change with each event."""
        self._poller.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: Callable[[EventLogEntry, str], None]) -> None:
        """The inverse of `watch`."""
        self._poller.unwatch_run(run_id, handler)

    @cached_property
    def _poller(self) -> SqlPollingEventWatcher:
        return SqlPollingEventWatcher(self)

    def dispose(self) -> None:
        """Stop watching and close the connections; they open again when they are needed."""
        if "_poller" in self.__dict__:
            self._poller.close()
        _engine(self._conn_string).dispose()

    def has_table(self, table_name: str) -> bool:
        """Whether the database has that table."""
        with self._connect() as connection:
            return db.inspect(connection).has_table(table_name)


class PooledRunStorage(SqliteRunStorage):
    """All runs in one file."""

    @classmethod
    def at(cls, folder: Path) -> PooledRunStorage:
        """The runs in ``folder``, made when they are new."""
        SqliteRunStorage.from_local(str(folder))
        return cls(_address(str(folder), "runs"))

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """A connection in a transaction."""
        with _connected(self._conn_string) as connection:
            yield connection

    def dispose(self) -> None:
        """Close the connections; they open again when they are needed."""
        _engine(self._conn_string).dispose()


class MeshStorage(DagsterStorage, ConfigurableClass):
    """Runs, events and schedules below ``base_dir``."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.base_dir = Path(base_dir)
        self.base_dir.mkdir(parents=True, exist_ok=True)
        self._inst_data = inst_data
        with _alone(self.base_dir / "making.lock"), _quoted_addresses():
            self._runs = PooledRunStorage.at(self.base_dir / "runs")
            self._events = PooledEventLogStorage(str(self.base_dir / "events"))
            self._schedules = SqliteScheduleStorage.from_local(str(self.base_dir / "schedules"))
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What ``dagster.yaml`` says of this storage."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """``base_dir``: the folder."""
        return {"base_dir": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> MeshStorage:
        """The storage that ``dagster.yaml`` describes."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def event_log_storage(self) -> PooledEventLogStorage:
        """Where events are."""
        return self._events

    @property
    def run_storage(self) -> PooledRunStorage:
        """Where runs are."""
        return self._runs

    @property
    def schedule_storage(self) -> SqliteScheduleStorage:
        """Where schedules and sensors are."""
        return self._schedules

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Called once by the instance that uses this storage."""
        super().register_instance(instance)
        for storage in (self._runs, self._events, self._schedules):
            if not storage.has_instance:
                storage.register_instance(instance)

    def dispose(self) -> None:
        """Close all connections."""
        for storage in (self._events, self._runs, self._schedules):
            storage.dispose()
