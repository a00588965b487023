"""Receipts: one row per event of every read, appended to a chain that nobody can change unseen."""

from __future__ import annotations

import json
import logging
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from mesh_defs.errors import CorruptRecord, MeshError
from mesh_defs.gateway.state.chain import EMPTY, Head, Key, load_key
from mesh_defs.gateway.state.facts import Entry, canonical, columns
from mesh_defs.gateway.state.head import HeadFile
from mesh_defs.gateway.state.links import Links
from mesh_defs.gateway.state.tables import chain, receipts
from mesh_defs.gateway.state.verify import Verification, verify_chain
from mesh_defs.gateway.state.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from mesh_defs.gateway.state.engine import Database
    from mesh_defs.gateway.state.facts import Read

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A row of the chain; ``body`` is what it says (see `Entry.body`)."""

    seq: int
    hash: str
    body: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The receipt as JSON values."""
        return {"seq": self.seq, **self.body, "hash": self.hash}


class Receipts:
    """The receipts of a mesh. Several threads and processes may append at once."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._writer = Writer(self._append, self._tell_head)
        self._links = Links(database)
        self._once = threading.Lock()
        self._keys: tuple[Key, HeadFile] | None = None
        self._end = EMPTY

    def refused(self, read: Read, reason: str) -> Future[int]:
        """Have it written that a read was refused, and why, without a value: as `put`. One that
        cannot be written is in the log, too, since not everybody waits for it."""
        entry = Entry(str(uuid.uuid4()), "refused", datetime.now(UTC), read, reason=reason)
        written = self.put(entry)
        written.add_done_callback(_log_failure)
        return written

    def put(self, entry: Entry) -> Future[int]:
        """Have ``entry`` appended; the result is its number once it is on the disk."""
        return self._writer.put(entry)

    def listed(
        self,
        *,
        identity: str | None = None,
        port: str | None = None,
        principal: str | None = None,
        receipt: str | None = None,
        since: datetime | None = None,
        most: int = 100,
    ) -> list[Receipt]:
        """The newest ``most`` receipts, newest first."""
        query = select(receipts.c.seq, receipts.c.hash, receipts.c.body)
        wanted = {"identity": identity, "port": port, "principal": principal, "receipt": receipt}
        for name, value in wanted.items():
            if value is not None:
                query = query.where(receipts.c[name] == value)
        if since is not None:
            query = query.where(receipts.c.time >= since)
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(receipts.c.seq.desc()).limit(most))
            return [Receipt(row.seq, row.hash, json.loads(row.body)) for row in rows]

    def verify(self, known: Head | None = None) -> Verification:
        """Look at every receipt, with constant memory; ``known`` is a head that somebody noted
        elsewhere, which must be in the chain. Others may append meanwhile. Raises `MeshError` when
        there is no key, and as `Database.reading`."""
        key, head_file = self._ready(make=False)
        return verify_chain(self.database, key, head_file, known)

    def close(self) -> None:
        """Write what waits; nothing is written any more."""
        self._writer.close()

    def _append(self, entries: Sequence[Entry]) -> list[int]:
        key, head_file = self._ready(make=True)
        rows: list[dict[str, Any]] = []
        with self.database.writing() as connection:
            head = self._links.head(connection, key)
            self._links.check_end(connection, head, head_file)
            for entry in entries:
                values = entry.body()
                body = canonical(values)
                seq = head.seq + 1
                signed = key.sign(seq, head.hash, body)
                link = {"seq": seq, "body": body, "previous": head.hash, "hash": signed}
                rows.append({**link, **columns(values)})
                head = Head(seq, signed)
            self._links.append(connection, rows, head, key)
        self._end = head
        return [row["seq"] for row in rows]

    def _tell_head(self) -> None:
        """Renew the head file. The receipts are safe already: a failure is told in the log, and the
        next commit tries again."""
        try:
            self._ready(make=True)[1].advance(self._end, self._in_chain)
        except MeshError as error:
            _log.error("the head of the receipts could not be kept: %s", error)

    def _in_chain(self, head: Head) -> bool:
        if head == EMPTY:
            return True
        with self.database.reading() as connection:
            found = self._links.has(connection, head)
        if not found:
            _log.error("receipt %d is not what it was; run: mesh audit verify", head.seq)
        return found

    def _ready(self, *, make: bool) -> tuple[Key, HeadFile]:
        """The key and the head file, which are made with the first receipt."""
        with self._once:
            if self._keys is None:
                self._keys = _prepare(self.database, self._links, make=make)
            return self._keys


def _log_failure(written: Future[int]) -> None:
    error = written.exception()
    if error is not None:
        _log.error("the receipt of a refused read could not be written: %s", error)


def _prepare(database: Database, links: Links, *, make: bool) -> tuple[Key, HeadFile]:
    place = database.place
    with database.writing() as connection:
        row = connection.execute(select(chain).with_for_update()).one_or_none()
        if row is None:
            raise CorruptRecord(f"{place.words} does not say where its receipts end")
        key = load_key(place, make=make or not row.key)
        if not row.key:
            start = {"seq": EMPTY.seq, "hash": EMPTY.hash, "mac": key.mac(EMPTY), "key": key.name}
            connection.execute(update(chain).values(start))
        elif row.key != key.name:
            raise MeshError(
                f"the receipts in {place.words} were signed with another key than the one here. "
                "Fix: name the same gateway.audit_key in every gateway's profile, or put the file "
                "audit.key back"
            )
        head = links.head(connection, key)
    head_file = HeadFile(place, key)
    # Of a database on another machine there is no file here until it is used the first time. That
    # of a database in this folder was made before its first receipt.
    if head == EMPTY or not database.sqlite:
        head_file.make(head)
    return key, head_file
