"""A contract as the operating system sees it: the ODCS document plus what it means for one port."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from open_data_contract_standard.model import OpenDataContractStandard

    from mesh_defs.contract.rules import Rule

# From least to most protected. Personal columns are masked in samples and never profiled by value.
CLASSIFICATIONS = ("public", "internal", "confidential", "personal", "sensitive")
PERSONAL = frozenset({"personal", "sensitive"})


@dataclass(frozen=True, slots=True)
class Column:
    """One top-level property of a port. ``classification`` is one of `CLASSIFICATIONS`;
    ``classified`` tells that somebody wrote it down."""

    name: str
    logical_type: str | None
    physical_type: str | None
    required: bool
    unique: bool
    primary_key_position: int | None
    classification: str
    description: str | None
    business_name: str | None
    tags: tuple[str, ...]
    line: int
    classified: bool = True

    @property
    def personal(self) -> bool:
        """Whether its values are masked wherever rows are shown."""
        return self.classification in PERSONAL


# One step into a column: ``member`` with its name, or ``items``, ``values``, ``keys``.
Step = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Inside:
    """A place inside ``column`` that a rule speaks of by ``name`` (``address.zip``). ``text`` tells
    that its values lie as text whatever the ``logical`` type, as in JSON text."""

    name: str
    column: str
    steps: tuple[Step, ...]
    logical: str | None
    text: bool

    @property
    def in_list(self) -> bool:
        """Whether one row may have many values in this place."""
        return any(kind != "member" for kind, _ in self.steps)


@dataclass(frozen=True, slots=True)
class TextRule:
    """A rule written for people. It is shown, and never counted as executed."""

    column: str | None
    description: str


@dataclass(frozen=True, slots=True)
class ServiceLevels:
    """Promises about time, in seconds, with the column that tells the time (None: publishing time).

    ``freshness_seconds``: how old the newest data may be at most; ``retention_seconds``: how old
    any row may be at most.
    """

    freshness_seconds: float | None = None
    freshness_column: str | None = None
    retention_seconds: float | None = None
    retention_column: str | None = None


@dataclass(frozen=True, slots=True)
class PortContract:
    """What one output port promises: columns in order, rules in order, texts, service levels.
    ``inside`` are the places inside columns that rules name as if they were columns."""

    name: str
    description: str | None
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    texts: tuple[TextRule, ...]
    service_levels: ServiceLevels
    inside: tuple[Inside, ...] = ()

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Column names of the primary key in their order; empty when there is none."""
        keyed = [c for c in self.columns if c.primary_key_position is not None]
        return tuple(c.name for c in sorted(keyed, key=lambda c: c.primary_key_position or 0))

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((c for c in self.columns if c.name == name), None)

    @property
    def personal_columns(self) -> frozenset[str]:
        """Names of columns whose values are masked wherever rows are shown."""
        return frozenset(c.name for c in self.columns if c.personal)


@dataclass(frozen=True, slots=True)
class Contract:
    """One ODCS document. ``digest`` is the sha256 of its bytes, in hex; ``api_version`` the ODCS
    version that it is written in; ``version`` its own."""

    path: Path
    digest: str
    api_version: str
    id: str
    version: str
    document: OpenDataContractStandard
    ports: tuple[PortContract, ...]

    def for_port(self, port: str) -> PortContract | None:
        """The schema object of ``port``: the one of that name, or the only one there is."""
        for candidate in self.ports:
            if candidate.name == port:
                return candidate
        return self.ports[0] if len(self.ports) == 1 else None
