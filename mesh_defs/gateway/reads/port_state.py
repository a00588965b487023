"""What a port says of itself with every read: its version, its age against what it promises, and
the verdicts under which it was published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.verdicts import tally

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mesh_defs.gateway.reads.catalog import Opened
    from mesh_defs.policy.access.decision import Decision


@dataclass(frozen=True, slots=True)
class PortState:
    """The state of one version of a port at one moment.

    ``age_seconds`` is that of the newest data where the contract promises freshness by a column,
    else the time since it was published; ``promised_seconds`` is the longest that is promised
    (None: nothing is). ``verdicts`` counts outcomes.
    """

    version: int
    published_at: str
    product_version: str
    contract_version: str
    age_seconds: float
    promised_seconds: float | None
    verdicts: Mapping[str, int]

    @property
    def stale(self) -> bool:
        """Whether it is older than its contract promises."""
        return self.promised_seconds is not None and self.age_seconds > self.promised_seconds

    def as_dict(self) -> dict[str, Any]:
        """The state as JSON values; times in seconds."""
        return {
            "version": self.version,
            "published_at": self.published_at,
            "product_version": self.product_version,
            "contract_version": self.contract_version,
            "age_seconds": round(self.age_seconds, 3),
            "promised_seconds": self.promised_seconds,
            "stale": self.stale,
            "verdicts": dict(self.verdicts),
        }


def port_state(opened: Opened, decision: Decision, now: datetime) -> PortState:
    """The state of ``opened`` at ``now`` (aware), as who reads it as ``decision`` says is told."""
    record = opened.version.record
    port = record.ports[opened.version.port]
    levels = opened.output.promise.service_levels
    since = opened.newest if _seen(levels.freshness_column, decision) else None
    return PortState(
        record.version,
        record.published_at,
        record.product_version,
        port.contract_version,
        max(0.0, (now - (since or record.time)).total_seconds()),
        levels.freshness_seconds,
        tally((*record.expectations, *port.verdicts)),
    )


def is_stale(opened: Opened, now: datetime) -> bool:
    """Whether ``opened`` is older than its contract promises, whoever reads it."""
    promised = opened.output.promise.service_levels.freshness_seconds
    since = opened.newest or opened.version.record.time
    return promised is not None and (now - since).total_seconds() > promised


def _seen(column: str | None, decision: Decision) -> bool:
    """Whether the newest value of ``column`` tells nothing that the reader may not see."""
    found = decision.column(column) if column is not None else None
    return found is not None and found.clear and decision.row_filter is None
