"""What people say of a product: a rating each, questions with answers, and problems."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, insert, select, update

from mesh_defs.errors import UnknownRecord, WrongState
from mesh_defs.gateway.state.counter import new_id
from mesh_defs.gateway.state.tables import answers, feedback

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from mesh_defs.gateway.state.engine import Database

Kind = Literal["rating", "question", "problem"]
Standing = Literal["given", "open", "answered", "acknowledged", "solved"]

MOST_OPEN = 20  # questions and problems of one principal on one product
MOST_A_DAY = 100  # of one principal, on all products together
MOST_ANSWERS = 50
_DAY = timedelta(days=1)
_PREFIX: Mapping[Kind, str] = {"rating": "rat", "question": "ask", "problem": "prb"}


@dataclass(frozen=True, slots=True)
class Said:
    """What is said: ``stars`` (1 to 5) of a rating; ``version`` of the data is the newest one at
    that time."""

    kind: Kind
    identity: str
    principal: str
    stars: int | None = None
    text: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of somebody who controls the product."""

    id: str
    feedback_id: str
    at: datetime
    principal: str
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """Something that was said. Times are aware. A question is ``open`` until it is ``answered``, a
    problem ``open``, ``acknowledged`` or ``solved``, by ``settled_by``."""

    id: str
    kind: Kind
    identity: str
    version: int | None
    principal: str
    created_at: datetime
    changed_at: datetime
    stars: int | None
    text: str | None
    state: Standing
    settled_by: str | None
    answers: tuple[Answer, ...] = ()

    def as_dict(self, *, names: bool = True) -> dict[str, Any]:
        """As JSON values; without ``names``, of whom it tells the kind alone."""

        def who(principal: str | None) -> str | None:
            return principal if principal is None or names else principal.partition(":")[0]

        return {
            "id": self.id,
            "kind": self.kind,
            "url": f"mesh://{self.identity}",
            "version": self.version,
            "principal": who(self.principal),
            "created_at": self.created_at.isoformat(),
            "changed_at": self.changed_at.isoformat(),
            "stars": self.stars,
            "text": self.text,
            "state": self.state,
            "settled_by": who(self.settled_by),
            "answers": [
                {"at": one.at.isoformat(), "principal": who(one.principal), "text": one.text}
                for one in self.answers
            ],
        }


@dataclass(frozen=True, slots=True)
class Ratings:
    """All ratings of a product: how many gave each number of stars."""

    stars: Mapping[int, int]

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.stars.values())

    @property
    def mean(self) -> float | None:
        """Their mean; None when there is none."""
        if not self.count:
            return None
        return sum(number * times for number, times in self.stars.items()) / self.count

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        mean = round(self.mean, 2) if self.mean is not None else None
        return {
            "count": self.count,
            "mean": mean,
            "stars": {str(n): c for n, c in self.stars.items()},
        }


NOT_RATED = Ratings(dict.fromkeys(range(1, 6), 0))


class Feedback:
    """What is said of a mesh's products. Methods that take a connection are part of its
    transaction, which `mesh_defs.gateway.state.counter.alone` began."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, number: str) -> Item:
        """What has that id. Raises `UnknownRecord`."""
        with self.database.reading() as connection:
            return self.find(connection, number)

    def listed(
        self,
        *,
        identity: str | None = None,
        principal: str | None = None,
        kinds: Collection[Kind] = (),
        most: int = 100,
    ) -> list[Item]:
        """The newest ``most``, the last changed first: of a product, of a principal, of some kinds
        (default: all)."""
        query = select(feedback).order_by(feedback.c.changed_at.desc(), feedback.c.id).limit(most)
        if identity is not None:
            query = query.where(feedback.c.identity == identity)
        if principal is not None:
            query = query.where(feedback.c.principal == principal)
        if kinds:
            query = query.where(feedback.c.kind.in_(kinds))
        with self.database.reading() as connection:
            return self._items(connection, connection.execute(query).mappings().all())

    def ratings(self, identity: str) -> Ratings:
        """The ratings of a product."""
        query = (
            select(feedback.c.stars, func.count())
            .where(feedback.c.identity == identity, feedback.c.kind == "rating")
            .group_by(feedback.c.stars)
        )
        with self.database.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(query)}
        return Ratings({number: found.get(number, 0) for number in range(1, 6)})

    def find(self, connection: Connection, number: str) -> Item:
        """As `get`, in a transaction."""
        rows = connection.execute(select(feedback).where(feedback.c.id == number)).mappings().all()
        if not rows:
            raise UnknownRecord(
                f"there is no rating, question or problem '{number}'. Fix: mesh feedback URL lists "
                "those of a product"
            )
        return self._items(connection, rows)[0]

    def add(self, connection: Connection, said: Said, now: datetime) -> Item:
        """Keep what is said. Another rating of the same product takes the place of the one before.
        Raises `WrongState` when the principal has said too much."""
        if said.kind == "rating":
            same = (feedback.c.kind == "rating") & (feedback.c.identity == said.identity)
            before = connection.execute(
                select(feedback.c.id).where(same, feedback.c.principal == said.principal)
            ).scalar()
            if before is not None:
                again = {"stars": said.stars, "text": said.text, "version": said.version}
                return self._changed(connection, str(before), now, **again)
        self._check_number(connection, said, now)
        number = new_id(_PREFIX[said.kind])
        values: dict[str, Any] = {field.name: getattr(said, field.name) for field in fields(said)}
        values |= {
            "id": number,
            "created_at": now,
            "changed_at": now,
            "state": "given" if said.kind == "rating" else "open",
        }
        connection.execute(insert(feedback).values(values))
        return self.find(connection, number)

    def answer(self, connection: Connection, item: Item, by: str, text: str, now: datetime) -> Item:
        """Answer it; a question is then answered. Raises `WrongState` after `MOST_ANSWERS`."""
        if len(item.answers) >= MOST_ANSWERS:
            raise WrongState(f"{item.id} has {MOST_ANSWERS} answers, and no more are taken")
        connection.execute(
            insert(answers).values(
                id=new_id("ans"), feedback_id=item.id, at=now, principal=by, text=text
            )
        )
        if item.kind == "question":
            return self._changed(connection, item.id, now, state="answered", settled_by=by)
        return self._changed(connection, item.id, now)

    def settle(
        self, connection: Connection, item: Item, state: Standing, by: str, now: datetime
    ) -> Item:
        """A problem is now ``acknowledged``, ``solved`` or ``open`` again. Raises `WrongState` for
        what is no problem, or stands so already."""
        if item.kind != "problem":
            raise WrongState(
                f"{item.id} is a {item.kind}, and only a problem is acknowledged or solved. Fix: "
                "answer it"
            )
        if item.state == state:
            raise WrongState(f"{item.id} is {state} already")
        return self._changed(connection, item.id, now, state=state, settled_by=by)

    def _changed(
        self, connection: Connection, number: str, now: datetime, **values: object
    ) -> Item:
        changed = update(feedback).where(feedback.c.id == number)
        connection.execute(changed.values(changed_at=now, **values))
        return self.find(connection, number)

    def _check_number(self, connection: Connection, said: Said, now: datetime) -> None:
        own = feedback.c.principal == said.principal
        if _count(connection, own & (feedback.c.created_at > now - _DAY)) >= MOST_A_DAY:
            raise WrongState(
                f"{said.principal} has said {MOST_A_DAY} things of products in a day, and no more "
                "are taken. Fix: go on tomorrow"
            )
        open_ones = own & (feedback.c.identity == said.identity) & (feedback.c.state == "open")
        if said.kind != "rating" and _count(connection, open_ones) >= MOST_OPEN:
            raise WrongState(
                f"{MOST_OPEN} questions and problems of {said.principal} on "
                f"mesh://{said.identity} are open, and no more are taken. Fix: wait for answers"
            )

    def _items(self, connection: Connection, rows: Sequence[RowMapping]) -> list[Item]:
        ids = [row["id"] for row in rows]
        query = select(answers).where(answers.c.feedback_id.in_(ids))
        by: dict[str, list[Answer]] = {number: [] for number in ids}
        ordered = query.order_by(answers.c.at, answers.c.id)
        for row in connection.execute(ordered).mappings():
            by[row["feedback_id"]].append(Answer(**row))
        names = [field.name for field in fields(Item) if field.name != "answers"]
        return [
            Item(**{name: row[name] for name in names}, answers=tuple(by[row["id"]]))
            for row in rows
        ]


def _count(connection: Connection, where: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(feedback).where(where)
    return int(connection.execute(query).scalar_one())
