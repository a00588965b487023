"""A verdict: the outcome of one check, with what a person needs to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from mesh_defs.stored import fitting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Outcome = Literal["passed", "warned", "failed", "error"]
Severity = Literal["error", "warning"]
Stage = Literal["expectation", "promise", "policy"]

MAX_SAMPLES = 20

_LISTS = ("samples", "findings", "waivers")
_WORDS = {
    name: get_args(kind)
    for name, kind in (("outcome", Outcome), ("severity", Severity), ("stage", Stage))
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of one rule.

    ``outcome`` is ``passed``; ``warned`` (not met, severity warning); ``failed`` (not met, severity
    error); or ``error`` (the rule itself could not run, which is never a pass). ``blocking`` tells
    whether this verdict keeps a version from being published. ``failing_rows`` and ``rows`` count
    rows; ``samples`` holds at most 20 failing rows, personal columns masked. ``decided_by`` says
    how: ``schema``, ``statistics``, ``scan``, ``key``, ``join``, ``query`` or an engine's name.

    A policy's verdict (stage ``policy``, ``rule`` is its id) has at most 50 of its ``findings``,
    the ``waivers`` that let some of them pass, and the ``fix`` of the first. It is ``warned`` when
    every finding is waived.
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
    fix: str | None = None
    findings: tuple[Mapping[str, Any], ...] = ()
    waivers: tuple[Mapping[str, Any], ...] = ()

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
        for name in _LISTS:
            values[name] = [dict(each) for each in getattr(self, name)]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Verdict:
        """The inverse of `as_dict`. Raises ValueError for a value of another type, TypeError for
        one that is missing."""
        fitting(cls, values)
        for name, allowed in _WORDS.items():
            if name in values and values[name] not in allowed:
                raise ValueError(f"'{name}' is '{values[name]}', not {' or '.join(allowed)}")
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        for name in _LISTS:
            known[name] = tuple(known.get(name) or ())
            if any(type(one) is not dict for one in known[name]):
                raise ValueError(f"'{name}' holds something that is no object")
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
