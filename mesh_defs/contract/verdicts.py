"""A verdict: the outcome of one check, with what a person needs to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Outcome = Literal["passed", "warned", "failed", "error"]
Severity = Literal["error", "warning"]
Stage = Literal["expectation", "promise"]

MAX_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one rule.

    ``outcome`` is ``passed``; ``warned`` (not met, severity warning); ``failed`` (not met, severity
    error); or ``error`` (the rule itself could not run, which is never a pass). ``blocking`` tells
    whether this verdict keeps a version from being published. ``failing_rows`` and ``rows`` count
    rows; ``samples`` holds at most 20 failing rows, personal columns masked. ``decided_by`` says
    how: ``schema``, ``statistics``, ``scan``, ``key``, ``join``, ``query`` or an engine's name.
    """

    rule: str
    subject: str
    stage: Stage
    outcome: Outcome
    severity: Severity
    dimension: str
    expected: str
    observed: str
    decided_by: str
    column: str | None = None
    description: str | None = None
    failing_rows: int | None = None
    rows: int | None = None
    reason: str | None = None
    samples: tuple[Mapping[str, Any], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the rule was executed and met."""
        return self.outcome == "passed"

    @property
    def blocking(self) -> bool:
        """Whether this verdict keeps a version from being published."""
        return self.severity == "error" and self.outcome in ("failed", "error")

    def as_dict(self) -> dict[str, Any]:
        """The verdict as JSON values (samples hold strings, numbers, booleans and None)."""
        values = asdict(self)
        values["samples"] = [dict(row) for row in self.samples]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Verdict:
        """The inverse of `as_dict`."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        known["samples"] = tuple(known.get("samples") or ())
        return cls(**known)


def blocking(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts that keep a version from being published."""
    return [verdict for verdict in verdicts if verdict.blocking]


def tally(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """How many verdicts have each outcome; all four outcomes are present."""
    counts = {"passed": 0, "warned": 0, "failed": 0, "error": 0}
    for verdict in verdicts:
        counts[verdict.outcome] += 1
    return counts
