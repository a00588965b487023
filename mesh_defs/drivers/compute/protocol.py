"""What a compute driver is: it turns a query over named Parquet inputs into staged Parquet files.

DuckDB is the container's own engine: it reads every kind of input, verifies whatever engine made
the data, and is the default. Another one is chosen per output (``compute:`` in the manifest).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mesh_defs.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mesh_defs.contract.data import Rows
    from mesh_defs.drivers.compute.row_groups import Reading


class ComputeFailed(MeshError):
    """An engine failed a query; its text says why, and may quote values of the data."""


class QueryRefused(ComputeFailed):
    """An engine cannot run a query at all. Its text speaks of the query and quotes no value of the
    data, so that it may be shown whatever the data holds."""


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
    """One run's engine. It is opened with a scratch folder of its own, used, and closed."""

    def __init__(self, scratch: Path) -> None:
        """``scratch`` may be used until `close`; the container removes it."""

    def stage(
        self,
        query: str,
        inputs: Mapping[str, Rows],
        target: Path,
        reading: Reading = "lookups",
    ) -> list[StagedFile]:
        """Write the rows of ``query`` as Parquet files named after ``target``, at least one, with
        row groups for that way of ``reading``.

        Inputs are relations of their names; all of them are Parquet (``Rows.files``). The query may
        be wrapped in a ``SELECT * FROM (…) WHERE …`` by the port's mode. Raises `ComputeFailed`,
        and `QueryRefused` where no value of the data is in the text.
        """
        ...

    def close(self) -> None:
        """Free everything."""
        ...
