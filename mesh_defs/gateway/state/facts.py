"""What a receipt says: who read which version of what, for which purpose, how, and how much.

Never a value, a literal of a query or a token: whoever may read receipts need not be somebody who
may read the data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.faults import one_line, short

if TYPE_CHECKING:
    from collections.abc import Mapping

Event = Literal["begun", "completed", "aborted", "refused"]
EVENTS: tuple[Event, ...] = ("begun", "completed", "aborted", "refused")
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a port: ``identity`` is ``<domain>/<product>``, ``version`` that of the data
    (None when it was refused before one was chosen), ``credential`` as a caller's (``token:<id>``).
    ``masked`` are the columns that were not shown as they are, ``verdicts`` counts outcomes of the
    version's checks, ``protocol`` names how it was read (``http``, ``flight``, ``sharing``)."""

    principal: str
    credential: str
    identity: str
    port: str
    protocol: str
    version: int | None = None
    contract_version: str | None = None
    purpose: str | None = None
    grant: str | None = None
    masked: tuple[str, ...] = ()
    row_filter: bool = False
    verdicts: Mapping[str, int] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The global URL of what was read, with the version of the data."""
        version = f"?version={self.version}" if self.version is not None else ""
        return f"mesh://{self.identity}/{self.port}{version}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written: an event of the read with the id ``receipt`` (a uuid), at ``time``
    (aware); rows, bytes and seconds are what was sent, and how long it took."""

    receipt: str
    event: Event
    time: datetime
    read: Read
    rows: int = 0
    bytes: int = 0
    seconds: float = 0.0
    reason: str | None = None

    def body(self) -> dict[str, Any]:
        """The entry as JSON values."""
        read = self.read
        return {
            "receipt": self.receipt,
            "event": self.event,
            "time": self.time.astimezone(UTC).isoformat(timespec="microseconds"),
            "principal": read.principal,
            "credential": read.credential,
            "purpose": read.purpose,
            "grant": read.grant,
            "identity": read.identity,
            "port": read.port,
            "url": read.url,
            "version": read.version,
            "contract_version": read.contract_version,
            "masked": list(read.masked),
            "row_filter": read.row_filter,
            "verdicts": dict(read.verdicts),
            "protocol": read.protocol,
            "rows": self.rows,
            "bytes": self.bytes,
            "seconds": round(float(self.seconds), 6),
            "reason": None
            if self.reason is None
            else short(one_line(self.reason), _LONGEST_REASON),
        }

    def after(
        self,
        event: Event,
        time: datetime,
        **changed: Any,  # noqa: ANN401  as replace
    ) -> Entry:
        """The same read's next event."""
        return replace(self, event=event, time=time, **changed)


def canonical(body: Mapping[str, Any]) -> str:
    """``body`` as the one text that stands for it: keys sorted, no blanks, ASCII (RFC 8785 in all
    that receipts use but for the order of keys that are not ASCII, which there are none of)."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def columns(body: Mapping[str, Any]) -> dict[str, Any]:
    """What the table repeats of a body, for queries. Raises `KeyError`, `TypeError`, `ValueError`
    for one that is no receipt's."""
    return {
        "receipt": body["receipt"],
        "event": body["event"],
        "time": datetime.fromisoformat(body["time"]),
        "identity": body["identity"],
        "port": body["port"],
        "principal": body["principal"],
        "rows": body["rows"],
        "bytes": body["bytes"],
        "seconds": body["seconds"],
    }
