"""Usage, from the receipts: who reads how much of a product, for its owner to see its worth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Integer, cast, func, select, text
from sqlalchemy import case as sql_case

from mesh_defs.gateway.state.tables import receipts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement

    from mesh_defs.gateway.state.engine import Database

By = Literal["consumer", "day", "consumer and day"]


@dataclass(frozen=True, slots=True)
class Use:
    """How a port was used by ``principal`` (None: by all) on ``day`` (ISO, UTC; None: in all).

    ``reads`` are those that were completed; rows, bytes and seconds count what was sent of the ones
    that stopped on the way as well. ``last_read`` is aware, None when nothing was read.
    """

    identity: str
    port: str
    principal: str | None
    day: str | None
    reads: int
    aborted: int
    refused: int
    rows: int
    bytes: int
    seconds: float
    last_read: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """The use as JSON values."""
        last = self.last_read.isoformat() if self.last_read is not None else None
        return {**asdict(self), "last_read": last}


class Usage:
    """Usage of a mesh's products."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def of(
        self,
        identity: str | None = None,
        *,
        port: str | None = None,
        since: datetime | None = None,
        by: By = "consumer",
    ) -> list[Use]:
        """The use of one product (``<domain>/<product>``) or of all, the most read first; by days,
        the newest first."""
        day = self._day()
        per_consumer, per_day = by != "day", by != "consumer"
        groups: list[ColumnElement[Any]] = [receipts.c.identity, receipts.c.port]
        groups += [receipts.c.principal] if per_consumer else []
        groups += [day] if per_day else []
        sums = _sums()
        query = select(*groups, *sums).group_by(*groups)
        if identity is not None:
            query = query.where(receipts.c.identity == identity)
        if port is not None:
            query = query.where(receipts.c.port == port)
        if since is not None:
            query = query.where(receipts.c.time >= since)
        newest = [day.desc()] if per_day else []
        query = query.order_by(*newest, text("reads DESC"), *groups[:3])
        with self.database.reading() as connection:
            rows: Sequence[Any] = connection.execute(query).all()
        return [
            Use(
                row.identity,
                row.port,
                row.principal if per_consumer else None,
                row.day if per_day else None,
                row.reads or 0,
                row.aborted or 0,
                row.refused or 0,
                int(row.rows or 0),
                int(row.bytes or 0),
                float(row.seconds or 0.0),
                row.last_read,
            )
            for row in rows
        ]

    def _day(self) -> ColumnElement[str]:
        """The day of a receipt as ISO text, in UTC."""
        if self.database.sqlite:
            return func.substr(receipts.c.time, 1, 10).label("day")
        return func.to_char(func.timezone("UTC", receipts.c.time), "YYYY-MM-DD").label("day")


def _sums() -> list[ColumnElement[Any]]:
    def count(event: str) -> ColumnElement[Any]:
        return func.sum(cast(receipts.c.event == event, Integer)).label(
            {"completed": "reads"}.get(event, event)
        )

    ended = sql_case((receipts.c.event == "completed", receipts.c.time))
    return [
        count("completed"),
        count("aborted"),
        count("refused"),
        func.sum(receipts.c.rows).label("rows"),
        func.sum(receipts.c.bytes).label("bytes"),
        func.sum(receipts.c.seconds).label("seconds"),
        func.max(ended, type_=receipts.c.time.type).label("last_read"),
    ]
