"""One locked DuckDB: it can read the files that it was made for, and nothing can change that.

An instance serves one query at a time, and is used again only for queries over exactly the same
relations: what one of them leaves behind (a log, a spilled block) nobody else finds.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.sql import literal, quote, unglobbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

    from mesh_defs.contract.data import Rows

    Relations = frozenset[tuple[str, Rows]]


@dataclass(frozen=True, slots=True)
class Size:
    """What one instance may take: ``memory_mb`` and ``temp_mb`` in millions of bytes."""

    memory_mb: int
    temp_mb: int
    threads: int


class Instance:
    """A DuckDB in memory with a view for each of ``relations`` (name and rows)."""

    def __init__(self, relations: Relations, scratch: Path, size: Size) -> None:
        self.relations = relations
        self._folder = Path(tempfile.mkdtemp(prefix="query-", dir=scratch))
        try:
            self.connection = _connected(self._folder, size)
            self._lock(dict(relations))
        except BaseException:
            self.close()
            raise

    def _lock(self, relations: Mapping[str, Rows]) -> None:
        files = [file for rows in relations.values() for file in rows.files]
        run = self.connection.execute
        run(f"SET allowed_paths = [{_list(files)}]")
        for name, rows in sorted(relations.items()):
            run(f"CREATE VIEW {quote(name)} AS SELECT * FROM {rows.sql}")
        run("SET enable_external_access = false")
        run("SET lock_configuration = true")

    @property
    def clean(self) -> bool:
        """Whether no query left anything behind that another could read."""
        import duckdb

        try:
            found = self.connection.execute("SELECT current_setting('enable_logging')").fetchone()
        except duckdb.Error:  # a query broke the instance itself
            return False
        return found is not None and not found[0]

    def close(self) -> None:
        """Free its memory and its folder."""
        if hasattr(self, "connection"):
            self.connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _connected(folder: Path, size: Size) -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(
        config={
            "allow_community_extensions": False,
            "allow_persistent_secrets": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "enable_external_file_cache": False,  # the system's own serves all instances
            "extension_directory": str(folder),
            "max_temp_directory_size": f"{size.temp_mb}MB",
            "memory_limit": f"{size.memory_mb}MB",
            "python_enable_replacements": False,
            "python_scan_all_frames": False,
            "secret_directory": str(folder / "secrets"),
            "temp_directory": str(folder / "spilled"),
            "threads": size.threads,
        }
    )
    for setting in ("GLOBAL parquet_metadata_cache = true", "enable_progress_bar = false"):
        connection.execute(f"SET {setting}")
    # Queries run on cursors, which have the settings of a connection only where these are global.
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    return connection


def _list(files: Iterable[str]) -> str:
    # Files are read by patterns that only they fit, which must be allowed as they are written.
    return ", ".join(literal(path) for file in files for path in {file, unglobbed(file)})
