"""Facts by which to judge a port, each with how it was over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mesh_defs.gateway.portal.render import count, span
from mesh_defs.product.ledger import recent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.gateway.describe import PortView, ProductView
    from mesh_defs.gateway.portal.visit import Visit
    from mesh_defs.product.ledger import PortRecord, Record

_VERSIONS = 30
_WINDOW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Fact:
    """A measured fact: its name, its value in words, over what it was measured and how. ``series``
    is how it was over time, the oldest first; ``good`` None: it is neither good nor bad."""

    name: str
    value: str
    window: str
    how: str
    series: tuple[float | None, ...] = ()
    good: bool | None = None
    least: float | None = None


def measured(visit: Visit, product: ProductView, port: PortView) -> list[Fact]:
    """The facts of ``port`` that who visits may know of."""
    if product.record is None:
        return []
    ledger = visit.mesh.catalog.ledger(product.identity)
    records = [each for each in reversed(recent(ledger, _VERSIONS)) if port.name in each.ports]
    found = [_promises(visit, port, records), _fresh(port, records)]
    if port.rows is not None:
        found.append(_volume(port, records))
    found.append(_versions(visit, records))
    return [fact for fact in found if fact is not None]


def _share(port: PortRecord) -> float | None:
    if not port.verdicts:
        return None
    return sum(each.ok for each in port.verdicts) / len(port.verdicts)


def _promises(visit: Visit, port: PortView, records: Sequence[Record]) -> Fact | None:
    window = [each for each in records if each.time >= visit.now - _WINDOW] or list(records[-1:])
    shares = tuple(_share(each.ports[port.name]) for each in records)
    known = [each for record in window for each in record.ports[port.name].verdicts]
    if not known:
        return None
    passed = sum(each.ok for each in known)
    return Fact(
        "Promises kept",
        f"{passed / len(known):.1%}",
        "30 days",
        f"{count(passed)} of {count(len(known))} verdicts of {len(window)} versions passed",
        shares,
        passed == len(known),
        0.0,
    )


def _fresh(port: PortView, records: Sequence[Record]) -> Fact | None:
    state = port.state
    if state is None:
        return None
    gaps = tuple(
        (after.time - before.time).total_seconds()
        for before, after in zip(records, records[1:], strict=False)
    )
    if state.promised_seconds is None:
        how = "no promise of freshness; the line is the time between versions"
        return Fact("Age", span(state.age_seconds), "now", how, gaps, None, 0.0)
    how = f"at most {span(state.promised_seconds)} is promised; the line: time between versions"
    return Fact("Age", span(state.age_seconds), "now", how, gaps, not state.stale, 0.0)


def _volume(port: PortView, records: Sequence[Record]) -> Fact:
    rows = tuple(float(each.ports[port.name].rows) for each in records)
    how = f"rows of each of the last {len(rows)} versions"
    return Fact("Rows", count(port.rows), "newest version", how, rows, None, 0.0)


def _versions(visit: Visit, records: Sequence[Record]) -> Fact:
    newer = [each for each in records if each.time >= visit.now - _WINDOW]
    first = next(
        each
        for each in records
        if each.ports.keys() == records[-1].ports.keys()
        and each.product_version == records[-1].product_version
    )
    since = span((visit.now - first.time).total_seconds())
    how = f"interface {records[-1].product_version} is {since} old"
    return Fact("Versions", count(len(newer)), "30 days", how)
