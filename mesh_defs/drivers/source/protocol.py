"""What a source driver is: read access to one operational system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class SourceRelation:
    """One entity, attached to a connection: ``sql`` goes after FROM; ``paths`` are the files that a
    locked connection must be allowed to read for it."""

    sql: str
    paths: tuple[str, ...] = ()


class Source(Protocol):
    """Read access to one operational system. Instances are cheap and hold no connection.

    Every method raises `mesh_defs.errors.SourceUnavailable` when the system cannot be reached, and
    `mesh_defs.errors.UnknownAddress` (with the known ones) for an entity that it does not have.
    """

    def __init__(self, name: str, settings: Mapping[str, Value], root: Path) -> None:
        """``name`` is the service's name, ``settings`` its resolved settings."""

    def entities(self) -> list[str]:
        """Names of what can be read (tables, files), sorted."""
        ...

    def attach(self, connection: duckdb.DuckDBPyConnection, entity: str) -> SourceRelation:
        """Make ``entity`` readable on ``connection``, which is not locked yet."""
        ...

    def fingerprint(self, entity: str) -> str | None:
        """A short text that differs when the entity's data may have changed since it was taken.
        None when the system cannot tell; its products then count as never up to date."""
        ...
