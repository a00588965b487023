"""What a contract asks of the data: one class per shape of rule.

A rule says *what*; `mesh_defs.contract.verify` decides *how* (statistics, one fused scan, a hash
aggregate, an anti join, a query, an engine).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.model import Inside
    from mesh_defs.contract.verdicts import Severity
    from mesh_defs.urls import MeshUrl

# The quality dimensions of ODCS 3.1.0 (section "Data Quality").
DIMENSIONS = (
    "accuracy",
    "completeness",
    "conformity",
    "consistency",
    "coverage",
    "timeliness",
    "uniqueness",
)

Unit = Literal["rows", "percent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What all rules have. ``id`` is unique in its port and stable across runs; ``line`` counts
    from 1 in the contract's file; ``key`` is the dotted path there of rules that can be wrong in
    themselves (queries, foreign keys, rules of other engines, rules that cannot be run)."""

    id: str
    dimension: str
    severity: Severity = "error"
    column: str | None = None
    description: str | None = None
    line: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The operators of an ODCS rule; all that are given must hold. Bounds of a range are
    inclusive. With unit ``percent`` the metric is 100 * count / rows."""

    must_be: Any = None
    must_not_be: Any = None
    greater_than: float | None = None
    greater_or_equal: float | None = None
    less_than: float | None = None
    less_or_equal: float | None = None
    between: tuple[float, float] | None = None
    not_between: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnType(Rule):
    """The column exists and has this type. Empty ``logical`` or ``physical`` is not compared."""

    logical: str | None = None
    physical: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoOtherColumns(Rule):
    """The data has no column beyond ``columns``: what is not declared is not served."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNull(Rule):
    """No row has NULL in ``column``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds(Rule):
    """Every value of ``column`` that is not NULL lies in the range; a missing side is open.
    ``exclusive_*`` excludes the bound itself; ``multiple_of`` as in JSON Schema. Bounds of dates,
    times and timestamps are ISO 8601 text."""

    minimum: float | str | None = None
    maximum: float | str | None = None
    exclusive_minimum: float | str | None = None
    exclusive_maximum: float | str | None = None
    multiple_of: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Length(Rule):
    """Lengths of text (characters) or lists (items), both bounds inclusive."""

    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Rule):
    """Every value that is not NULL matches the regular expression anywhere in it, as JSON Schema's
    ``pattern`` (anchor it with ^ and $). ``format`` names the ODCS format that it came from."""

    pattern: str
    format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCondition(Rule):
    """A violation as SQL over one row, for what the other classes do not say (object shapes,
    date formats). ``violation`` is true where the row breaks the rule."""

    violation: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique(Rule):
    """No two rows share their values in ``columns``. A primary key also forbids NULL in each."""

    columns: tuple[str, ...]
    primary_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey(Rule):
    """Values of ``columns`` that are not NULL exist in ``target_columns`` of the target: this port
    (``target`` None), another port of this product (its name) or another product's port.
    ``target_inside`` are those of ``target_columns`` that lie inside columns of another port."""

    columns: tuple[str, ...]
    target: MeshUrl | str | None
    target_columns: tuple[str, ...]
    target_inside: tuple[Inside, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric(Rule):
    """An ODCS library metric against a threshold."""

    metric: Literal["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"]
    threshold: Threshold
    unit: Unit = "rows"
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Rule):
    """SQL that yields one number; ``{object}`` and ``{property}`` stand for relation and column."""

    query: str
    threshold: Threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom(Rule):
    """A rule in the language of another engine (``greatExpectations``, ``dbt``)."""

    engine: str
    implementation: str | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness(Rule):
    """The newest value of ``column`` is at most ``seconds`` older than now (slaProperties:
    ``freshness`` or ``latency``)."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention(Rule):
    """No value of ``column`` is older than ``seconds`` (slaProperties: ``retention``)."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrunnable(Rule):
    """A rule that is understood as a rule but cannot be run; its verdict is ``error``. ``allowed``
    and ``fix`` tell its author what can be run instead."""

    reason: str
    allowed: str = "a rule that can be run here"
    fix: str = "write it as a rule of type sql, or remove it"
