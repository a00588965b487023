"""One read of one port by one caller, from its decision to its receipt."""

from __future__ import annotations

import threading
import uuid
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.gateway.state.facts import Entry, Read
from mesh_defs.policy.access.masking import named_columns
from mesh_defs.product.masked import snapshot_name
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from mesh_defs.contract.data import Rows
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.gateway.reads.catalog import Opened
    from mesh_defs.gateway.reads.decisions import Basis
    from mesh_defs.gateway.reads.port_state import PortState
    from mesh_defs.gateway.reads.reads import Reads
    from mesh_defs.gateway.state.facts import Event
    from mesh_defs.gateway.state.grants import Grant
    from mesh_defs.policy.access.decide import HashKey
    from mesh_defs.policy.access.decision import Decision


@dataclass(slots=True)
class Reading:
    """A port that was opened for a caller. It must be closed, best as a context manager; a read
    that was neither completed nor aborted until then counts as aborted.

    ``masked`` are the columns that are not seen in clear, ``basis`` is what was decided by. May be
    used from several threads.
    """

    reads: Reads
    caller: Caller
    opened: Opened
    decision: Decision
    state: PortState
    grant: Grant | None
    protocol: str
    basis: Basis
    seen_changes: int = -1
    entry: Entry = field(init=False)
    _held: ExitStack = field(default_factory=ExitStack)
    _rows: Rows | None = None
    _begun: bool = False
    _ended: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        version = self.opened.version
        read = Read(
            str(self.caller.principal),
            self.caller.credential,
            version.identity,
            version.port,
            self.protocol,
            version.record.version,
            version.record.ports[version.port].contract_version,
            self.decision.purpose,
            self.grant.id if self.grant is not None else None,
            self.masked,
            self.decision.row_filter is not None,
            self.state.verdicts,
        )
        self.entry = Entry(str(uuid.uuid4()), "begun", datetime.now(UTC), read)

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._begun and not self._ended:
            self.abort("the read was given up" if kind is None else f"it ended by {kind.__name__}")
        self.close()

    @property
    def id(self) -> str:
        """The id of its receipt."""
        return self.entry.receipt

    @property
    def url(self) -> MeshUrl:
        """The port's URL with the version that is open."""
        domain, product = self.opened.version.identity.split("/")
        number = self.opened.version.record.version
        return MeshUrl(domain, product, self.opened.version.port, version=number)

    @property
    def masked(self) -> tuple[str, ...]:
        """Names of the columns that are not seen in clear."""
        return tuple(column.name for column in self.decision.columns if not column.clear)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read, in the order of the data: those that the contract names."""
        return tuple(named_columns(self.decision, self.opened.types))

    @property
    def in_place(self) -> bool:
        """Whether the version's own files may be read: nothing in them is masked or left out, and
        the contract names all of their columns."""
        named = {column.name.lower() for column in self.decision.columns}
        present = {name.lower() for name in self.opened.types}
        return self.decision.clear and present <= named

    @property
    def ended(self) -> bool:
        """Whether it was completed or aborted."""
        return self._ended

    @property
    def content(self) -> str:
        """What tells the rows that may be read from all others, without making them: the version's
        files and all that is decided on them. It is not for others' eyes."""
        version = self.opened.version
        if self.in_place:
            return "\0".join(version.files)
        return snapshot_name(self.decision, version.files, self._hash_key)

    @property
    def _hash_key(self) -> HashKey:
        return self.reads.catalog.access.access.hash_key

    def rows(self) -> Rows:
        """What may be read: the version's own files, or those of a masked snapshot, which lasts as
        long as this reading. Raises `AccessDenied` when nothing may."""
        with self._lock:
            if self._rows is None:
                version = self.opened.version
                self._rows = (
                    version.rows
                    if self.in_place
                    else self._held.enter_context(
                        self.reads.snapshots.held(self.decision, version.files, self._hash_key)
                    )
                )
            return self._rows

    def begin(self) -> None:
        """Note durably that the read begins; for those that deliver bytes before they are done.
        Once more does nothing. Raises `MeshError` when it cannot be noted."""
        with self._lock:
            if not self._begun:
                self._begun = True
                self.reads.state.receipts.put(self.entry).result()

    def check(self) -> None:
        """Raise `Ended` when the grant or the credential under which the read began is no longer
        good, and `Changed` when its reader may not see the same any more: by rules, roles or the
        port's contract as they are now. It is asked before every piece that is delivered."""
        self.seen_changes = self.reads.still_good(self, self.seen_changes)
        self.basis = self.reads.still_same(self)

    def complete(self, rows: int, size: int, note: str | None = None) -> None:
        """Note durably that all was read: ``rows`` and bytes; ``note`` tells when it was less than
        all, and of what. To be called before the last piece is delivered. Once more does nothing.
        Raises `MeshError` when it cannot be noted."""
        self._end("completed", rows, size, note)

    def abort(self, reason: str, rows: int = 0, size: int = 0) -> None:
        """Note that the read ended before its end; ``reason`` has no value of the data."""
        self._end("aborted", rows, size, reason)

    def close(self) -> None:
        """Give back the snapshot."""
        self._held.close()

    def _end(self, event: Event, rows: int, size: int, reason: str | None) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended = True
            now = datetime.now(UTC)
            seconds = (now - self.entry.time).total_seconds()
            ended = self.entry.after(
                event, now, rows=rows, bytes=size, seconds=seconds, reason=reason
            )
            self.reads.state.receipts.put(ended).result()
