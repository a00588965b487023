"""What a run tells: progress while it goes, a report when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.contract.verdicts import Verdict, blocking, tally
from mesh_defs.errors import PromiseBroken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.product.ledger import InputRecord, Record

Outcome = Literal["published", "unchanged", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a run has ended. Steps, in order: ``locked``, ``resolved``, ``expected``,
    ``staged:<port>``, ``verified:<port>``, ``governed:<port>`` (where policies look at data), then
    ``described``, ``intent``, ``commit:<port>``, ``documents``, ``ledger``,
    ``clean``, ``told``; or ``quarantined``. ``rows`` where rows were written or read. A step
    ``warned``, at any time, has in ``note`` what could not be done and is in no run's way."""

    product: str
    step: str
    seconds: float
    rows: int | None = None
    note: str | None = None


Observer = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class PortReport:
    """What a run did to one port. ``table_version`` is None when nothing was published."""

    rows: int
    added_rows: int
    bytes: int
    verdicts: tuple[Verdict, ...]
    table_version: int | None = None


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run ended. ``version`` is the published version afterwards: the new one, or the one
    that did not move (None when there never was one). ``policies`` are the verdicts of those that
    need no data; those on data are among the ports'."""

    product: str
    run_id: str
    outcome: Outcome
    version: int | None
    seconds: float
    inputs: Mapping[str, InputRecord]
    expectations: tuple[Verdict, ...]
    ports: Mapping[str, PortReport]
    steps: Mapping[str, float] = field(default_factory=dict)
    record: Record | None = None
    quarantine: str | None = None
    policies: tuple[Verdict, ...] = ()

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts: what is declared first, then expectations, then each port's."""
        ported = (v for port in self.ports.values() for v in port.verdicts)
        return (*self.policies, *self.expectations, *ported)

    @property
    def stopped_by_policy(self) -> bool:
        """Whether what is declared was enough to stop the run before it read anything."""
        return bool(blocking(self.policies))

    @property
    def tally(self) -> dict[str, int]:
        """How many verdicts have each outcome."""
        return tally(self.verdicts)

    @property
    def rows(self) -> int:
        """Rows of all ports together."""
        return sum(port.rows for port in self.ports.values())

    def raise_for_failure(self) -> None:
        """Raise `PromiseBroken` when a blocking verdict kept the version from being published."""
        if self.outcome == "failed":
            raise PromiseBroken(self.explanation(), self.verdicts)

    def explanation(self) -> str:
        """Why nothing was published, one line per blocking verdict."""
        stopped = blocking(self.verdicts)
        lines = [f"mesh://{self.product} was not published: {len(stopped)} blocking verdict(s)"]
        lines += [f"  {describe(verdict)}" for verdict in stopped]
        if self.version is not None:
            lines.append(f"  readers keep version {self.version}")
        if self.quarantine:
            lines.append(f"  what was made lies in {self.quarantine}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "product": f"mesh://{self.product}",
            "run_id": self.run_id,
            "outcome": self.outcome,
            "version": self.version,
            "seconds": round(self.seconds, 3),
            "verdicts": [verdict.as_dict() for verdict in self.verdicts],
            "ports": {
                name: {"rows": p.rows, "added_rows": p.added_rows, "bytes": p.bytes}
                for name, p in self.ports.items()
            },
        }


def describe(verdict: Verdict) -> str:
    """One verdict in one line."""
    count = f", {verdict.failing_rows} row(s)" if verdict.failing_rows else ""
    why = verdict.reason or f"expected {verdict.expected}, found {verdict.observed}{count}"
    return f"{verdict.outcome} {verdict.subject}: {verdict.rule}: {why}"
