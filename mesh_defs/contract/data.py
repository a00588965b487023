"""What is verified: rows as a SQL relation, with the Parquet files behind it if any."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from mesh_defs.sql import read_parquet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from mesh_defs.contract.rules import Custom


@dataclass(frozen=True, slots=True)
class Rows:
    """A relation: ``sql`` goes after FROM. ``files`` are the Parquet files behind it, absolute
    paths, empty when it is no Parquet."""

    sql: str
    files: tuple[str, ...] = ()

    @classmethod
    def parquet(cls, files: Sequence[str]) -> Rows:
        """The rows of Parquet ``files`` (at least one)."""
        return cls(read_parquet(files), tuple(files))


@dataclass(frozen=True, slots=True)
class Staged:
    """The version that would be published. ``added`` has never been verified; ``whole`` is all of
    the version: the same as ``added``, or ``added`` and the rows kept from the version before,
    which were verified then against the same contract."""

    added: Rows
    whole: Rows
    kept: Rows | None = None

    @classmethod
    def only(cls, rows: Rows) -> Staged:
        """A version of which every row is new."""
        return cls(rows, rows)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A relation that a rule refers to and that cannot be read, with the reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What an engine says of one rule. ``success`` None: it could not run (``reason``)."""

    success: bool | None
    observed: str
    expected: str
    failing_rows: int | None = None
    reason: str | None = None
    samples: tuple[Mapping[str, Any], ...] = ()


class Engine(Protocol):
    """Runs rules written in another tool's language, all of a port's at once."""

    def run(
        self, rules: Sequence[Custom], rows: Rows, connection: duckdb.DuckDBPyConnection
    ) -> Sequence[EngineResult]:
        """One result per rule, in their order. Raises nothing for a rule's own fault."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rules may look at besides the staged rows.

    ``relations`` has the target of every `ForeignKey` that leaves the port, by ``str(target)``;
    ``engines`` maps an engine's ODCS name to what runs it; ``now`` is the run's one clock reading.
    """

    relations: Mapping[str, Rows | Unavailable] = field(default_factory=dict)
    engines: Mapping[str, Engine] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
