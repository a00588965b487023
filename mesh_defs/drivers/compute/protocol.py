"""What a compute driver is: it turns named inputs into staged Parquet files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """One column of one file: smallest and largest value as DuckDB prints them (None: unknown),
    how many NULLs (None: unknown), whether NaN occurs."""

    minimum: str | None
    maximum: str | None
    nulls: int | None
    has_nan: bool = False


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A Parquet file that nothing refers to yet. ``path`` is absolute, ``bytes`` its size."""

    path: str
    rows: int
    bytes: int
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)


class Compute(Protocol):
    """One run's engine. It is opened, given its inputs, locked, used, and closed.

    ``connection`` is a DuckDB connection on which the inputs are relations of their names; the
    container verifies on it, whatever engine made the data.
    """

    connection: duckdb.DuckDBPyConnection

    def lock(self, readable: Sequence[str], writable: Sequence[Path]) -> None:
        """From now on only ``readable`` files and files below ``writable`` folders can be reached,
        and nobody can undo that."""
        ...

    def stage(self, query: str, target: Path) -> list[StagedFile]:
        """Write the rows of ``query`` as Parquet files named after ``target``."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...
