"""The words of a comparison: levels, changes, and the interfaces that are compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from open_data_contract_standard.model import SchemaObject

    from mesh_defs.contract.model import Contract, PortContract

# From least to most. `none`: only words changed, every promise is the same.
Level = Literal["none", "compatible", "breaking"]
LEVELS: tuple[Level, ...] = ("none", "compatible", "breaking")

# What a version is raised by (https://semver.org, items 6 to 8).
Bump = Literal["none", "patch", "minor", "major"]
BUMPS: tuple[Bump, ...] = ("none", "patch", "minor", "major")

_DEMANDED: dict[Level, Bump] = {"none": "patch", "compatible": "minor", "breaking": "major"}

# A life cycle status that tells readers that a product, or a contract, goes.
ENDING = frozenset({"deprecated", "retired"})

# Why a version will not do: it is lower than the one before, it is no semantic version, it was
# raised too little; or there is none to raise, because the product was removed.
Why = Literal["lowered", "no version", "too little", "removed"]

Kind = Literal[
    "port added",
    "port removed",
    "column added",
    "column removed",
    "column renamed",
    "order",
    "type",
    "values",
    "required",
    "unique",
    "key",
    "meaning",
    "classification",
    "purposes",
    "reference",
    "rule",
    "service level",
    "mode",
    "status",
    "role",
    "text",
]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``column`` is None where the whole port is meant, and dotted for what lies
    inside a column (``address.street``, ``tags[]``); of a renamed one it is the name before.
    ``before`` and ``after`` are in words, None for what was not, or is not, there. ``line`` is that
    of the column in the contract after, 0 when it has none."""

    kind: Kind
    column: str | None
    before: str | None
    after: str | None
    level: Level
    reason: str
    line: int = 0

    @property
    def top(self) -> str | None:
        """The column that it is about, without what lies inside."""
        return None if self.column is None else top_column(self.column)

    def as_dict(self) -> dict[str, Any]:
        """The change as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PortInterface:
    """What one port promises. ``continues`` is how its versions follow each other
    (`mesh_defs.product.model.OutputPort.continues`), empty when that is not known."""

    contract: Contract
    promise: PortContract
    continues: str = ""

    @property
    def schema(self) -> SchemaObject:
        """The schema object of the ODCS document."""
        return next(o for o in self.contract.document.schema_ or () if o.name == self.promise.name)


@dataclass(frozen=True, slots=True)
class Interface:
    """What a product promises: the ``version`` of its manifest and its ports by name. ``source``
    says in words where it is from; ``status`` is that of the manifest (None: it is not known)."""

    version: str
    ports: Mapping[str, PortInterface]
    source: str = ""
    status: str | None = None

    @property
    def ending(self) -> bool:
        """Whether its readers were told that it goes: by its manifest, or by every contract."""
        told = {port.contract.document.status for port in self.ports.values()}
        return self.status in ENDING or (bool(told) and told <= ENDING)


@dataclass(frozen=True, slots=True)
class PortChanges:
    """What changed in one port, worst first. The versions are those of its contracts, None for a
    port that was not, or is not, there."""

    port: str
    changes: tuple[Change, ...]
    contract_before: str | None = None
    contract_after: str | None = None

    @property
    def level(self) -> Level:
        """The worst level, ``none`` when nothing changed."""
        return worst(self.changes)

    @property
    def bump(self) -> Bump:
        """What the changes demand."""
        return bump_demanded(self.changes)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "port": self.port,
            "level": self.level,
            "bump": self.bump,
            "contract": {"before": self.contract_before, "after": self.contract_after},
            "changes": [change.as_dict() for change in self.changes],
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """All ports of a product that changed, and the versions of its manifest."""

    ports: tuple[PortChanges, ...] = ()
    version_before: str | None = None
    version_after: str | None = None
    shortfalls: tuple[Shortfall, ...] = field(default=())

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of all ports."""
        return tuple(change for port in self.ports for change in port.changes)

    @property
    def level(self) -> Level:
        """The worst level of any port."""
        return worst(self.changes)

    @property
    def bump(self) -> Bump:
        """What the changes demand of the manifest's version."""
        return bump_demanded(self.changes)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A version that was not raised as the changes demand.

    ``of`` is ``manifest``, ``contract`` or, where the product was removed, ``product``; ``port`` is
    the first port of that contract, None otherwise; ``after`` is empty for a removed product.
    ``wanted`` is the least version that would do (None: there is none, or the version before is no
    semantic one).
    """

    of: Literal["manifest", "contract", "product"]
    port: str | None
    before: str
    after: str
    bump: Bump
    wanted: str | None
    message: str
    why: Why = "too little"

    @property
    def breaking(self) -> bool:
        """Whether a breaking change lacks its major version."""
        return self.bump == "major"

    @property
    def stops(self) -> bool:
        """Whether a plan's answer is no: a breaking change lacks its major version, or nobody can
        tell from the version what changed."""
        return self.breaking or self.why != "too little"

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {**asdict(self), "breaking": self.breaking, "stops": self.stops}


def worst(changes: Iterable[Change]) -> Level:
    """The worst level of ``changes``, ``none`` without any."""
    return max((c.level for c in changes), key=LEVELS.index, default="none")


def bump_demanded(changes: Iterable[Change]) -> Bump:
    """What ``changes`` demand of a version from 1.0.0 on: ``none`` without any change, ``patch``
    where only words changed, ``minor`` for compatible changes, ``major`` for a breaking one."""
    demanded: list[Bump] = [_DEMANDED[change.level] for change in changes]
    return max(demanded, key=BUMPS.index, default="none")


def top_column(path: str) -> str:
    """The column that ``path`` lies in. A dot in a column's own name is written as ``\\.``."""
    name, escaped = "", False
    for letter in path:
        if letter == "\\" and not escaped:
            escaped = True
            continue
        if not escaped and letter in ".[":
            return name
        name += letter
        escaped = False
    return name


def column_path(name: str) -> str:
    """``name`` as the start or a part of a dotted path: what `top_column` undoes."""
    return "".join(f"\\{letter}" if letter in "\\.[" else letter for letter in name)
