"""When a port was not what it promises: runs that published nothing, and data that grew too old."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.discovery.trust.past import Past

Kind = Literal["refused", "broke", "stale"]


@dataclass(frozen=True, slots=True)
class Incident:
    """It began and, once it was over, ended: ``refused`` (a blocking check did not pass), ``broke``
    (the run itself did), ``stale`` (the newest version was older than promised)."""

    kind: Kind
    began: datetime
    ended: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        ended = self.ended.isoformat() if self.ended is not None else None
        return {"kind": self.kind, "began": self.began.isoformat(), "ended": ended}


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` (inclusive) to ``end`` (exclusive)."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is; nothing where it ends before it starts."""
        return max(self.end - self.start, timedelta(0))

    def inside(self, start: datetime, end: datetime) -> Span:
        """The part of it between two moments."""
        return Span(max(self.start, start), min(self.end, end))


def spans(past: Past) -> Iterator[tuple[Span, datetime | None]]:
    """How long each version was the newest one, up to now, and until when it was fresh (None:
    nothing is promised)."""
    for place, version in enumerate(past.versions):
        more = place + 1 < len(past.versions)
        end = past.versions[place + 1].time if more else past.now
        yield Span(version.time, end), version.until


def incidents(past: Past) -> list[Incident]:
    """Those that began in the window, by when they began."""
    found = [*_failures(past), *_stale(past)]
    return sorted((one for one in found if one.began >= past.since), key=lambda one: one.began)


def _failures(past: Past) -> Iterator[Incident]:
    """From the first of some runs that failed to the next one that did not."""
    began: tuple[Kind, datetime] | None = None
    for run in past.runs:
        if run.ended in ("published", "unchanged"):
            if began is not None:
                yield Incident(*began, run.time)
            began = None
        elif began is None:
            began = "refused" if run.ended == "failed" else "broke", run.time
    if began is not None:
        yield Incident(*began, None)


def _stale(past: Past) -> Iterator[Incident]:
    """From when the newest version was too old to the next one that was not."""
    began: datetime | None = None
    for span, until in spans(past):
        stale = until is not None and until < span.end
        fresh_at_all = until is None or until > span.start
        if began is not None and fresh_at_all:
            yield Incident("stale", began, span.start)
            began = None
        if stale and until is not None and began is None:
            began = max(until, span.start)
    if began is not None:
        yield Incident("stale", began, None)
