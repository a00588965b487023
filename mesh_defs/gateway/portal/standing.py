"""How one product stands: what became of each rule and policy, version by version, and whether its
last run ended well. Words of ours and names of rules alone: no value of anybody's data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.ledger import recent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.gateway.reads.catalog import Catalog
    from mesh_defs.product.ledger import Record

_VERSIONS = 12
_ENDED_BADLY = frozenset({"failed", "error", "killed"})
_WORST = ("passed", "waived", "warned", "failed", "error")


@dataclass(frozen=True, slots=True)
class Past:
    """One version: when it was published (ISO 8601, UTC), and for each port how many of its rules
    passed, and did not."""

    published_at: str
    ports: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Standing:
    """``result`` of the last run, at ``ran_at``; ``policies`` by port, each with its worst outcome;
    ``warned`` are ports and rules that did not pass; ``past`` the newest versions, oldest first;
    ``problem`` why nothing more is known."""

    result: str = ""
    ran_at: str = ""
    policies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    warned: tuple[tuple[str, str], ...] = ()
    past: tuple[Past, ...] = ()
    problem: bool = False

    @property
    def broken(self) -> bool:
        """Whether its last run ended badly, or what it published cannot be read."""
        return self.problem or self.result in _ENDED_BADLY


UNKNOWN = Standing()


def standing_of(catalog: Catalog, identity: str) -> Standing:
    """How ``<domain>/<product>`` stands. Raises as storage does."""
    ledger = catalog.ledger(identity)
    problem = False
    try:
        records = recent(ledger, _VERSIONS)
    except MeshError:
        records, problem = (), True
    last = Attempts(ledger.store).last()
    newest = records[0] if records else None
    return Standing(
        last.result if last is not None else "",
        last.started_at if last is not None else "",
        _policies(newest) if newest is not None else {},
        tuple(_warned(newest)) if newest is not None else (),
        tuple(_past(record) for record in reversed(records)),
        problem,
    )


def outcome_of(verdict: Verdict) -> str:
    """The outcome in one word, ``waived`` where a waiver let its findings pass."""
    return "waived" if verdict.outcome == "warned" and verdict.waivers else verdict.outcome


def worst(one: str, other: str) -> str:
    """The worse of two outcomes."""
    return max(one, other, key=_WORST.index)


def _policies(record: Record) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, port in record.ports.items():
        of_port = found.setdefault(name, {})
        for verdict in port.verdicts:
            if verdict.stage == "policy":
                before = of_port.get(verdict.rule, "passed")
                of_port[verdict.rule] = worst(before, outcome_of(verdict))
    return found


def _warned(record: Record) -> list[tuple[str, str]]:
    return [
        (name, verdict.rule)
        for name, port in record.ports.items()
        for verdict in port.verdicts
        if outcome_of(verdict) not in ("passed", "waived")
    ]


def _past(record: Record) -> Past:
    counts = {}
    for name, port in record.ports.items():
        passed = sum(verdict.ok for verdict in port.verdicts)
        counts[name] = (passed, len(port.verdicts) - passed)
    return Past(record.published_at, counts)
