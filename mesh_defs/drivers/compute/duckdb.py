"""DuckDB, the container's own engine: SQL in, Parquet with its statistics out.

It is no `mesh_defs.drivers.compute.protocol.Compute`: its inputs, of whatever kind, are bound once
per run, and everything is verified on its connection.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from mesh_defs.drivers.compute.footers import footer_statistics, row_group_count
from mesh_defs.drivers.compute.protocol import ColumnStatistics, StagedFile
from mesh_defs.drivers.compute.row_groups import row_group_rows
from mesh_defs.errors import MeshError
from mesh_defs.interrupts import interruptible
from mesh_defs.sql import literal, unglobbed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_defs.drivers.compute.row_groups import Reading

# Texts of more different values than these in a row group stand as they are: a dictionary of them
# saves a twentieth of the file, and a tenth of the time is spent on it.
_LARGEST_DICTIONARY = 1_024

# Parquet and Delta have no type for these, and DuckDB would change the values on writing.
_UNFIT = {
    "HUGEINT": "BIGINT",
    "UHUGEINT": "BIGINT",
    "UBIGINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "USMALLINT": "INTEGER",
    "UTINYINT": "SMALLINT",
    "TIME": "VARCHAR",
    "TIME_NS": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "INTERVAL": "BIGINT (seconds)",
    "BIT": "VARCHAR",
    "BIGNUM": "VARCHAR",
    "UUID": "VARCHAR",
    '"NULL"': "the type that it should have",
    "UNION": "a type of its own for each case, or VARCHAR",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
}


class UnfitColumns(MeshError):
    """Columns have types that cannot be published without changing their values."""


class DuckDBCompute:
    """One in-memory DuckDB for one run.

    ``scratch`` is where it may spill; ``memory_gb`` caps its memory (default: a quarter of the
    machine's, at most 4 GB).
    """

    def __init__(self, scratch: Path, *, memory_gb: float | None = None) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.scratch = scratch
        self.connection = duckdb.connect(
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "memory_limit": f"{memory_gb or default_memory_gb():.2f}GB",
                "temp_directory": str(scratch),
            }
        )
        self._held = ExitStack()
        self._held.enter_context(interruptible(self.connection))
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET preserve_insertion_order = true")
        self.connection.execute("SET enable_progress_bar = false")
        # A file under verification is asked many times, and its footer is long.
        self.connection.execute("SET parquet_metadata_cache = true")

    def lock(self, readable: Sequence[str], writable: Sequence[Path]) -> None:
        """From now on only ``readable`` files and files below ``writable`` folders and the scratch
        folder can be reached, and nobody can undo that."""
        # Files are read by patterns that only they fit, which must be allowed as they are written.
        files = ", ".join(literal(path) for path in _also_unglobbed(readable))
        names = [f"{folder}/" for folder in (*writable, self.scratch)]
        folders = ", ".join(literal(name) for name in _also_unglobbed(names))
        self.connection.execute(f"SET allowed_paths = [{files}]")
        self.connection.execute(f"SET allowed_directories = [{folders}]")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def stage(self, query: str, target: Path, reading: Reading = "lookups") -> list[StagedFile]:
        """Write the rows of ``query`` as one Parquet file named after ``target``, in the query's
        order, with row groups for that way of ``reading``. Raises `UnfitColumns`, `duckdb.Error`.
        """
        group = row_group_rows(self._check_types(query), reading)
        target.parent.mkdir(parents=True, exist_ok=True)
        path = target.with_suffix(".parquet")
        written = self.connection.execute(
            f"COPY ({query}\n) TO {literal(str(path))} "
            f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {group},"
            f" DICTIONARY_SIZE_LIMIT {_LARGEST_DICTIONARY}, RETURN_STATS)"
        ).fetchall()
        staged = [_staged(row) for row in written]
        if row_group_count(self.connection, path) > 1:
            columns = footer_statistics(self.connection, path)
            staged = [replace(file, columns=columns) for file in staged]
        return staged

    def close(self) -> None:
        """Free everything."""
        with self._held:
            self.connection.close()

    def _check_types(self, query: str) -> int:
        """How many columns there are. Raises `UnfitColumns`."""
        relation = self.connection.sql(query)
        unfit = [
            (name, kind)
            for name, column in zip(relation.columns, relation.types, strict=True)
            for kind in _unfit_kinds(column)
        ]
        if unfit:
            raise UnfitColumns(
                "; ".join(
                    f"column '{name}' holds {kind}, for which Parquet and Delta have no type: "
                    f"cast it to {_UNFIT[kind]}"
                    for name, kind in unfit
                )
            )
        return len(relation.columns)


def _also_unglobbed(paths: Sequence[str]) -> list[str]:
    return list(dict.fromkeys([*paths, *map(unglobbed, paths)]))


def _unfit_kinds(kind: DuckDBPyType) -> list[str]:
    """Names of the types in ``kind``, at any depth, that cannot be published as they are."""
    name = str(kind)
    if kind.id in ("list", "array", "struct", "map"):
        inner = [child for _, child in kind.children if isinstance(child, DuckDBPyType)]
        return [found for child in inner for found in _unfit_kinds(child)]
    if kind.id == "union":
        name = "UNION"
    return [name] if name in _UNFIT else []


def default_memory_gb() -> float:
    """A quarter of the machine's memory, between 0.5 and 4 GB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return min(4.0, max(0.5, total / 4))


def _staged(row: tuple[Any, ...]) -> StagedFile:
    path, count, size, _footer, columns, _keys = row
    return StagedFile(
        path=str(Path(path).resolve()),
        rows=int(count),
        bytes=int(size),
        columns={
            name[1:-1].replace('""', '"'): _statistics(values)
            for name, values in dict(columns or {}).items()
            if name.startswith('"') and name.endswith('"')
        },
    )


def _statistics(values: Mapping[str, str]) -> ColumnStatistics:
    nulls = values.get("null_count")
    return ColumnStatistics(
        minimum=values.get("min"),
        maximum=values.get("max"),
        nulls=int(nulls) if nulls is not None else None,
        has_nan=values.get("has_nan") == "true",
    )
