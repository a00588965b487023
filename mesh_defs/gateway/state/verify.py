"""Whether the chain of receipts is whole: each row signed, none missing or added, no tail cut."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, select, type_coerce

from mesh_defs.errors import MeshError
from mesh_defs.gateway.state.chain import EMPTY, Head, same
from mesh_defs.gateway.state.facts import columns
from mesh_defs.gateway.state.tables import chain, receipts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Row

    from mesh_defs.gateway.state.chain import Key
    from mesh_defs.gateway.state.engine import Database
    from mesh_defs.gateway.state.head import HeadFile

PAGE = 2000
MOST_PROBLEMS = 100
_COLUMNS = ("receipt", "event", "time", "identity", "port", "principal", "rows", "bytes", "seconds")
_QUERY = (
    select(
        receipts.c.seq,
        receipts.c.body,
        receipts.c.previous,
        receipts.c.hash,
        # Times as they lie there: what somebody wrote in place of one may be none.
        *(
            type_coerce(receipts.c[name], Text) if name == "time" else receipts.c[name]
            for name in _COLUMNS
        ),
    )
    .order_by(receipts.c.seq)
    .limit(PAGE)
)


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found: how many receipts there are, where they end, and what is wrong (the first
    `MOST_PROBLEMS`)."""

    receipts: int
    head: Head
    problems: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """The findings as JSON values."""
        return {
            "sound": self.sound,
            "receipts": self.receipts,
            "head": str(self.head),
            "problems": list(self.problems),
        }


def verify_chain(
    database: Database, key: Key, head_file: HeadFile, known: Head | None = None
) -> Verification:
    """Look at every receipt, a page at a time. What is appended meanwhile is looked at as well, so
    that heads are read first: each of them must be met on the way."""
    walk = _Walk(key)
    walk.expect(known, "the head that was noted")
    try:
        found = head_file.read()
    except MeshError as error:
        walk.problem(str(error))
    else:
        if found is None:
            walk.problem(f"'{head_file.path}', which says where the receipts end, is gone")
        walk.expect(found, f"'{head_file.path.name}'")
    walk.expect(_database_head(database, walk), "the database")
    for page in _pages(database):
        walk.rows(page)
    walk.end()
    return Verification(walk.count, walk.head, tuple(walk.problems))


def _database_head(database: Database, walk: _Walk) -> Head | None:
    with database.reading() as connection:
        row = connection.execute(select(chain)).one_or_none()
    head = Head(row.seq, row.hash) if row is not None else EMPTY
    if row is None or not same(row.mac, walk.key.mac(head)):
        walk.problem("what the database says of the end of its receipts was changed")
        return None
    return head


def _pages(database: Database) -> Iterator[Sequence[Row[Any]]]:
    last: int | None = None
    while True:
        query = _QUERY if last is None else _QUERY.where(receipts.c.seq > last)
        with database.reading() as connection:
            page = connection.execute(query).all()
        if not page:
            return
        yield page
        last = page[-1].seq


@dataclass(slots=True)
class _Walk:
    """On the way along the chain: ``head`` is the last row that was met."""

    key: Key
    head: Head = EMPTY
    count: int = 0
    problems: list[str] = field(default_factory=list)
    expected: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def problem(self, text: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(text)

    def expect(self, head: Head | None, whose: str) -> None:
        """``head`` must be met."""
        if head is not None and head != EMPTY:
            self.expected.setdefault(head.seq, []).append((whose, head.hash))

    def rows(self, page: Sequence[Row[Any]]) -> None:
        for row in page:
            seq, body, previous, signed, *repeated = tuple(row)
            self.count += 1
            if seq != self.head.seq + 1:
                self._gap(seq)
            elif previous != self.head.hash:
                self.problem(f"receipt {seq} does not follow the one before it")
            if not same(signed, self.key.sign(seq, previous, body)):
                self.problem(f"receipt {seq} was changed, or was not written by the gateway")
            elif not _repeats(body, repeated):
                self.problem(f"receipt {seq} was changed beside what is signed")
            for whose, digest in self.expected.pop(seq, ()):
                if digest != signed:
                    self.problem(f"receipt {seq} is another one than {whose} says")
            self.head = Head(seq, signed)

    def end(self) -> None:
        """What was expected and not met."""
        for seq, heads in sorted(self.expected.items()):
            for whose, _ in heads:
                self.problem(
                    f"receipts {self.head.seq + 1} to {seq} are missing: {whose} names {seq} as "
                    "the last one"
                )

    def _gap(self, seq: int) -> None:
        if seq <= self.head.seq:
            self.problem(f"receipt {seq} is out of order")
            return
        first, last = self.head.seq + 1, seq - 1
        many = f"receipts {first} to {last} are" if first < last else f"receipt {first} is"
        self.problem(f"{many} missing")


def _repeats(body: str, repeated: Sequence[object]) -> bool:
    """Whether the columns beside a body are those that follow from it."""
    try:
        found = columns(json.loads(body))
    except (ValueError, KeyError, TypeError):
        return False
    there = dict(zip(_COLUMNS, repeated, strict=True))
    there["time"] = _moment(there["time"])
    return all(
        type(found[name]) is type(there[name]) and found[name] == there[name] for name in _COLUMNS
    )


def _moment(value: object) -> datetime | None:
    """A time as a database gives it: PostgreSQL an aware one, SQLite its text in UTC."""
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
    except ValueError:
        return None
