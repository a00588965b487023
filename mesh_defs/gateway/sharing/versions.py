"""Versions of a table by number and by time (protocol: "Timestamp Format")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.errors import UnknownAddress
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.urls import parse_time

if TYPE_CHECKING:
    from datetime import datetime

    from mesh_defs.gateway.changes.steps import Asked, Link

MOST_VERSIONS = 256  # of one answer on changes; each has a receipt of its own


@dataclass(frozen=True, slots=True)
class Span:
    """From which version to which one, each as a number or as a time; both are part of it."""

    start: int | None = None
    start_time: str | None = None
    end: int | None = None
    end_time: str | None = None


@dataclass(frozen=True, slots=True)
class Versions:
    """The published versions of the table that was asked for."""

    asked: Asked

    def since(self, moment: datetime) -> int:
        """The first one that was published then or later. Raises `UnknownAddress`."""
        for link in self.asked.links():
            if self._time(link) >= moment:
                return link.version
        raise UnknownAddress(
            f"{self.asked.address} has no version of {moment.isoformat()} or later. Fix: ask "
            "without a time for its newest"
        )

    def within(self, span: Span) -> list[Link]:
        """The versions in ``span``, the oldest first. Raises `BadRequest`, `UnknownAddress`."""
        if (span.start is None) == (span.start_time is None):
            raise BadRequest("allowed: startingVersion or startingTimestamp, and only one of them")
        if span.end is not None and span.end_time is not None:
            raise BadRequest("allowed: endingVersion or endingTimestamp, and only one of them")
        links = self.asked.links()
        newest = max((link.version for link in links), default=-1)
        if span.start_time is not None:
            start = self.since(time_of("startingTimestamp", span.start_time))
        else:
            start = span.start if span.start is not None else 0
        end = newest if span.end is None else span.end
        if span.end_time is not None:
            last = time_of("endingTimestamp", span.end_time)
            end = max((link.version for link in links if self._time(link) <= last), default=-1)
        if start > newest or end < start:
            raise BadRequest(
                f"found changes from version {start} to {end}; allowed: from one to the same or a "
                f"later one, the first at most {newest}"
            )
        found = [link for link in links if start <= link.version <= end]
        if len(found) > MOST_VERSIONS:
            raise BadRequest(
                f"found {len(found)} versions; allowed: {MOST_VERSIONS} at once. Fix: set "
                f"endingVersion to {found[MOST_VERSIONS - 1].version} or less, then read on"
            )
        return found

    def _time(self, link: Link) -> datetime:
        record = self.asked.reads.catalog.ledger(self.asked.address.identity).record(link.version)
        if record is None:
            raise UnknownAddress(f"{self.asked.address} has no version {link.version} any more")
        return record.time


def time_of(name: str, text: str) -> datetime:
    """The moment that ``text`` tells. Raises `BadRequest`."""
    try:
        return parse_time(text, name)
    except UnknownAddress:
        raise BadRequest(
            f"{name}: found a text that is no time; allowed: such as 2026-01-31T12:00:00Z"
        ) from None
