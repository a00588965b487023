"""Databases for the gateway's state: SQLite, and a real PostgreSQL server; and what is in them."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from mesh_defs.drivers.source.embedded_postgres import ensure
from mesh_defs.gateway.state.counter import changing
from mesh_defs.gateway.state.database import State
from mesh_defs.gateway.state.facts import Entry, Event, Read
from mesh_defs.gateway.state.grants import Grant, Terms
from mesh_defs.gateway.state.place import Place
from mesh_defs.gateway.state.requests import Wish

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
DAY = timedelta(days=1)
ADA, BEN = "person:ada@shop.example", "person:ben@shop.example"
READ = Read(ADA, "oidc", "shop/sales", "sales", "http", 3, "1.0.0", "analytics", masked=("email",))
WISH = Wish(ADA, "shop/sales", "sales", 1, "analytics", 90)

# Tests of one server run in one process, which starts it once.
ONE_SERVER = pytest.mark.xdist_group("postgres")


def place_in(folder: Path, dsn: str | None = None) -> Place:
    """A place whose files are in ``folder``."""
    return Place(folder / "gateway", folder / "gateway" / "state.db", dsn)


@cache
def _home() -> Path:
    """Not below pytest's own folder: every run of pytest closes that to other users, and the server
    runs as one."""
    folder = Path(tempfile.mkdtemp(prefix="mesh-postgres-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def server() -> str:
    """A new database of a real server, which stops when this process does; its URI."""
    return ensure(_home() / "data", f"state_{uuid.uuid4().hex[:12]}")


def entry(number: int = 0, event: Event = "completed", read: Read = READ) -> Entry:
    """An entry of its own: the ``number`` shows in what it says."""
    return Entry(str(uuid.uuid4()), event, NOW + number * timedelta(seconds=1), read, number, 10)


def append(state: State, count: int, read: Read = READ) -> list[int]:
    """Append ``count`` entries; their numbers."""
    futures = [state.receipts.put(entry(number, read=read)) for number in range(count)]
    return [future.result() for future in futures]


def granted(
    state: State, wish: Wish = WISH, now: datetime = NOW, days: int = 30, by: str = BEN
) -> Grant:
    """A grant that came of ``wish``."""
    with changing(state.database) as connection:
        request = state.requests.add(connection, wish, now)
        state.requests.decide(connection, request, "approved", by, now)
        end = now + days * DAY
        grant = state.grants.add(connection, request, end, by, now, terms=Terms("1.0.0"))
        state.requests.granted(connection, request, grant.id, now)
        return grant
