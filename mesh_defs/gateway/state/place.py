"""Where a profile keeps the gateway's state: which database, which folder, whose key."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mesh_defs.settings import Settings

FOLDER = "gateway"
DATABASE = "state.db"
_PRIVATE_FILE = 0o600


@dataclass(frozen=True, slots=True)
class Place:
    """The database (``dsn`` of PostgreSQL, or else the SQLite file ``file``), the folder of what
    lies beside it, and the key of receipts (None: a file in the folder)."""

    folder: Path
    file: Path
    dsn: str | None = field(default=None, repr=False)
    audit_key: bytes | None = field(default=None, repr=False)
    audit_variable: str | None = None

    @property
    def words(self) -> str:
        """What errors call the database."""
        kind = "the PostgreSQL database" if self.dsn is not None else f"the database '{self.file}'"
        return f"{kind} of the gateway's state"


def place_of(settings: Settings) -> Place:
    """What the profile of ``settings`` says. Raises `MeshError` for a variable that is not set."""
    gateway = settings.profile.gateway
    folder = settings.state / FOLDER
    file = (
        settings.path(gateway.state.path) if gateway.state.path is not None else folder / DATABASE
    )
    values = {"dsn": gateway.state.dsn, "key": gateway.audit_key}
    found = settings.resolved({name: text for name, text in values.items() if text is not None})
    return Place(
        folder=file.parent if gateway.state.dsn is None else folder,
        file=file,
        dsn=str(found["dsn"]) if "dsn" in found else None,
        audit_key=str(found["key"]).encode() if "key" in found else None,
        audit_variable=gateway.audit_key,
    )


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock ``file``, against other processes and against other threads of this one."""
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC
    descriptor = os.open(file, flags, _PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
