"""SQLite databases as sources, read by DuckDB's sqlite_scanner."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.drivers.duckdb_extensions import load_extension
from mesh_defs.drivers.source.protocol import SourceRelation
from mesh_defs.errors import MeshError, SourceUnavailable, UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from mesh_defs.drivers.source.protocol import Value


class SqliteSource:
    """A SQLite file. Settings: ``path`` (relative to the mesh's root)."""

    def __init__(self, name: str, settings: Mapping[str, Value], root: Path) -> None:
        path = settings.get("path")
        if not isinstance(path, str):
            raise MeshError(f"service '{name}' in mesh.yaml needs 'path:' with the SQLite file")
        self.name = name
        self.file = Path(root, path).resolve()

    def entities(self) -> list[str]:
        """Tables and views."""
        query = (
            "select name from sqlite_master where type in ('table', 'view') "
            "and name not like 'sqlite_%' order by name"
        )
        with closing(self._open()) as connection:
            try:
                return [row[0] for row in connection.execute(query)]
            except sqlite3.Error as error:
                raise SourceUnavailable(f"service '{self.name}': {self.file}: {error}") from error

    def attach(self, connection: duckdb.DuckDBPyConnection, entity: str) -> SourceRelation:
        """Attach the file read-only under the service's name."""
        import duckdb

        self._check(entity)
        load_extension(connection, "sqlite_scanner")
        alias = f"service_{self.name}"
        try:
            connection.execute(
                f"ATTACH IF NOT EXISTS {literal(str(self.file))} AS {quote(alias)} "
                "(TYPE sqlite, READ_ONLY)"
            )
        except duckdb.Error as error:
            raise SourceUnavailable(f"service '{self.name}': {self.file}: {error}") from error
        side_files = tuple(f"{self.file}{suffix}" for suffix in ("", "-wal", "-shm", "-journal"))
        return SourceRelation(f"{quote(alias)}.{quote(entity)}", side_files)

    def fingerprint(self, entity: str) -> str | None:
        """The file's change counter (SQLite file format, offset 24), with the size and time of the
        file and of its write-ahead log."""
        self._check(entity)
        parts = []
        for file in (self.file, Path(f"{self.file}-wal")):
            if file.is_file():
                status = file.stat()
                parts.append(f"{status.st_size}.{status.st_mtime_ns}")
        with self.file.open("rb") as handle:
            handle.seek(24)
            counter = int.from_bytes(handle.read(4), "big")
        return f"sqlite:{counter}:{':'.join(parts)}"

    def _check(self, entity: str) -> None:
        names = self.entities()
        if entity not in names:
            raise UnknownAddress(
                f"{self.name}://{entity}: no such table in {self.file.name}; it has "
                f"{', '.join(names) or 'none'}. Fix: {did_you_mean(entity, names)}"
            )

    def _open(self) -> sqlite3.Connection:
        if not self.file.is_file():
            raise SourceUnavailable(
                f"service '{self.name}': there is no file {self.file}; prepare it with: "
                "mesh up, or mend 'path' in mesh.yaml"
            )
        try:
            return sqlite3.connect(f"{self.file.as_uri()}?mode=ro", uri=True, timeout=10)
        except sqlite3.Error as error:
            raise SourceUnavailable(f"service '{self.name}': {self.file}: {error}") from error
