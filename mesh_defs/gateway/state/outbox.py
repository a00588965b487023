"""What is to be told to others, kept until it has been: written together with what it is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, insert, select, update

from mesh_defs.gateway.state.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from mesh_defs.gateway.state.engine import Database

Channel = Literal["webhook", "mail"]

# Standard Webhooks 1.0, "Deliverability and reliability": the waits between attempts, in seconds.
WAITS = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
CLAIMED = timedelta(seconds=120)  # for as long nobody else tries what somebody has taken
_MOST_AT_ONCE = 50
_LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told: a CloudEvent, by a webhook or by mail to ``recipient``; ``attempts``
    counts this one as well."""

    id: str
    channel: Channel
    event: Mapping[str, Any]
    recipient: str | None
    created_at: datetime
    attempts: int


class Outbox:
    """Messages that wait. Several processes may deliver them: each is taken by one at a time, and
    told at least once."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(
        self,
        connection: Connection,
        channel: Channel,
        event: Mapping[str, Any],
        recipient: str | None,
        now: datetime,
    ) -> None:
        """Keep a message, in the transaction of what it tells."""
        connection.execute(
            insert(outbox).values(
                id=f"{event['id']}.{channel}" + (f".{recipient}" if recipient else ""),
                channel=channel,
                event=dict(event),
                recipient=recipient,
                created_at=now,
                next_at=now,
                attempts=0,
                done=False,
            )
        )

    def claim(self, now: datetime) -> list[Message]:
        """Take what is due, oldest first; it is due again after `CLAIMED` unless it is settled."""
        due = (
            select(outbox)
            .where(outbox.c.done.is_(False), outbox.c.next_at <= now)
            .order_by(outbox.c.next_at, outbox.c.id)
            .limit(_MOST_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        if not self._due(now):
            return []  # without taking the lock of those who write
        with self.database.writing() as connection:
            rows = connection.execute(due).mappings().all()
            taken = [row["id"] for row in rows]
            connection.execute(
                update(outbox)
                .where(outbox.c.id.in_(taken))
                .values(next_at=now + CLAIMED, attempts=outbox.c.attempts + 1)
            )
        return [
            Message(
                row["id"],
                row["channel"],
                row["event"],
                row["recipient"],
                row["created_at"],
                row["attempts"] + 1,
            )
            for row in rows
        ]

    def delivered(self, message: Message, now: datetime) -> None:
        """It was told."""
        self._settle(message, done=True, delivered_at=now, problem=None)

    def failed(self, message: Message, problem: str, now: datetime, *, final: bool = False) -> None:
        """It could not be told; it is tried again later, until `WAITS` are over or ``final``."""
        problem = problem[:_LONGEST_PROBLEM]
        if final or message.attempts > len(WAITS):
            self._settle(message, done=True, problem=problem)
        else:
            wait = timedelta(seconds=WAITS[message.attempts - 1])
            self._settle(message, next_at=now + wait, problem=problem)

    def undelivered(self) -> tuple[int, str | None]:
        """How many were not told, whether they are tried again or not, and why the last one was not
        (None: none was tried)."""
        missing = outbox.c.delivered_at.is_(None)
        count = select(func.count()).select_from(outbox).where(missing)
        newest = outbox.c.created_at.desc()
        why = select(outbox.c.problem).where(missing, outbox.c.problem.is_not(None))
        with self.database.reading() as connection:
            return (
                int(connection.execute(count).scalar_one()),
                connection.execute(why.order_by(newest).limit(1)).scalar(),
            )

    def _due(self, now: datetime) -> bool:
        waiting = select(outbox.c.id).where(outbox.c.done.is_(False), outbox.c.next_at <= now)
        with self.database.reading() as connection:
            return connection.execute(waiting.limit(1)).first() is not None

    def _settle(self, message: Message, **values: object) -> None:
        with self.database.writing() as connection:
            connection.execute(update(outbox).where(outbox.c.id == message.id).values(**values))
