"""The rows of the chain in the database: where it ends, and what is appended to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, func, insert, select, update

from mesh_defs.errors import CorruptRecord
from mesh_defs.gateway.errors import NotWhole
from mesh_defs.gateway.state.chain import EMPTY, Head, same
from mesh_defs.gateway.state.prepared import Prepared
from mesh_defs.gateway.state.tables import chain, receipts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from mesh_defs.gateway.state.chain import Key
    from mesh_defs.gateway.state.engine import Database
    from mesh_defs.gateway.state.head import HeadFile

_END = select(chain.c.seq, chain.c.hash, chain.c.mac).with_for_update()
_LAST = select(receipts.c.seq, receipts.c.hash).where(
    receipts.c.seq == select(func.max(receipts.c.seq)).scalar_subquery()
)
_NAMED = select(receipts.c.hash).where(receipts.c.seq == bindparam("number"))
_MOVED = update(chain).values({name: bindparam(f"new_{name}") for name in ("seq", "hash", "mac")})


class Links:
    """The chain of one database. Every method is part of the transaction of its connection."""

    def __init__(self, database: Database) -> None:
        self._end = Prepared(_END, database)
        self._last = Prepared(_LAST, database)
        self._named = Prepared(_NAMED, database)
        self._insert = Prepared(insert(receipts), database)
        self._move = Prepared(_MOVED, database)

    def head(self, connection: Connection, key: Key) -> Head:
        """Where the chain ends; nobody else appends until the transaction ends. Raises
        `NotWhole`."""
        row = self._end.first(connection)
        head = Head(row[0], row[1]) if row is not None else EMPTY
        if row is None or not same(row[2], key.mac(head)):
            raise _not_whole("what the database says of their end was changed by somebody else")
        return head

    def check_end(self, connection: Connection, head: Head, head_file: HeadFile) -> None:
        """Raise `NotWhole` unless the last receipt is ``head``, and what the head file names is one
        of them: with nothing after a cut, what was cut cannot be written over."""
        row = self._last.first(connection)
        if (Head(*row) if row is not None else EMPTY) != head:
            raise _not_whole(f"the last of them is not number {head.seq}, as the database says")
        try:
            told = head_file.read()
        except CorruptRecord:
            raise _not_whole(f"'{head_file.path.name}' was changed by somebody else") from None
        if told is None:
            raise _not_whole(f"'{head_file.path.name}', which says where they end, is gone")
        if told not in (head, EMPTY) and not self.has(connection, told):
            file = head_file.path.name
            raise _not_whole(f"number {told.seq}, which '{file}' names, is not there")

    def has(self, connection: Connection, head: Head) -> bool:
        """Whether ``head`` is one of the receipts."""
        row = self._named.first(connection, number=head.seq)
        return row is not None and row[0] == head.hash

    def append(
        self, connection: Connection, rows: Sequence[Mapping[str, object]], head: Head, key: Key
    ) -> None:
        """Add ``rows``, of which the last is ``head``."""
        self._insert.each(connection, rows)
        moved = {"new_seq": head.seq, "new_hash": head.hash, "new_mac": key.mac(head)}
        self._move.each(connection, [moved])


def _not_whole(what: str) -> NotWhole:
    return NotWhole(
        f"the receipts of reads are not whole, and nothing is read without one: {what}. Fix: who "
        "runs this gateway runs mesh audit verify, which tells what is missing or was changed, and "
        "restores the gateway's state, with 'audit.head' beside it, from a backup"
    )
