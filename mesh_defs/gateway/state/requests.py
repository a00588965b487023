"""Requests for access: who asks for what, for which purpose, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, insert, or_, select, tuple_, update

from mesh_defs.errors import UnknownRecord, WrongState
from mesh_defs.gateway.state.counter import new_id
from mesh_defs.gateway.state.tables import requests

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from mesh_defs.gateway.state.engine import Database

RequestState = Literal["pending", "approved", "denied", "withdrawn", "expired"]

PENDING_DAYS = 30  # after which a request that nobody has answered expires
MOST_PENDING = 50  # of one principal


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: a port of one major version, for ``purpose`` and ``days``; ``role`` is one
    that the port's contract names."""

    principal: str
    identity: str
    port: str
    major: int
    purpose: str
    days: int
    role: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Times are aware; ``decided_by`` is a principal, or the rule that approved it."""

    id: str
    asked_at: datetime
    expires_at: datetime
    principal: str
    identity: str
    port: str
    major: int
    purpose: str
    days: int
    role: str | None
    message: str | None
    state: RequestState
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    grant_id: str | None

    @property
    def url(self) -> str:
        """The port's global URL, with the major version."""
        return f"mesh://{self.identity}/{self.port}@{self.major}"

    def as_dict(self) -> dict[str, Any]:
        """The request as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("identity", "port", "major"):
            del values[name]
        for name in ("asked_at", "expires_at", "decided_at"):
            values[name] = values[name].isoformat() if values[name] is not None else None
        return {"url": self.url, **values}


def no_request(number: str) -> UnknownRecord:
    """There is no request of that id, or none that who asks may know of."""
    return UnknownRecord(f"there is no request '{number}'. Fix: mesh requests --all lists all")


class Requests:
    """The requests of a mesh. Methods that take a connection are part of its transaction, which
    `changing` began."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, number: str, now: datetime) -> Request:
        """The request of that id. Raises `UnknownRecord`."""
        with self.database.reading() as connection:
            return self.find(connection, number, now)

    def listed(
        self,
        now: datetime,
        *,
        pending: bool = True,
        principal: str | None = None,
        identity: str | None = None,
        ports: Collection[tuple[str, str]] | None = None,
        most: int = 1000,
    ) -> list[Request]:
        """The newest ``most`` requests, newest first: the pending ones, or all. With ``ports``
        (identity and port), those for one of them or of ``principal``."""
        query = select(requests).order_by(requests.c.asked_at.desc(), requests.c.id).limit(most)
        if pending:
            query = query.where(requests.c.state == "pending", requests.c.expires_at > now)
        if ports is not None:
            of = tuple_(requests.c.identity, requests.c.port).in_(ports)
            query = query.where(or_(of, requests.c.principal == principal))
        elif principal is not None:
            query = query.where(requests.c.principal == principal)
        if identity is not None:
            query = query.where(requests.c.identity == identity)
        with self.database.reading() as connection:
            return [_request(row, now) for row in connection.execute(query).mappings()]

    def ports(self, now: datetime, *, pending: bool = True) -> list[tuple[str, str]]:
        """Identity and name of every port that there are requests for: pending ones, or any."""
        query = select(requests.c.identity, requests.c.port).distinct()
        if pending:
            query = query.where(requests.c.state == "pending", requests.c.expires_at > now)
        with self.database.reading() as connection:
            return [(row.identity, row.port) for row in connection.execute(query)]

    def pending(self, now: datetime) -> int:
        """How many wait for an answer."""
        waits = (requests.c.state == "pending") & (requests.c.expires_at > now)
        with self.database.reading() as connection:
            query = select(func.count()).select_from(requests).where(waits)
            return int(connection.execute(query).scalar_one())

    def find(self, connection: Connection, number: str, now: datetime) -> Request:
        """As `get`, in a transaction."""
        row = connection.execute(select(requests).where(requests.c.id == number)).mappings().first()
        if row is None:
            raise no_request(number)
        return _request(row, now)

    def add(self, connection: Connection, wish: Wish, now: datetime) -> Request:
        """A new pending request. Raises `WrongState` when the principal waits for an answer to the
        same one, or to too many."""
        own = (requests.c.principal == wish.principal) & (requests.c.state == "pending")
        waiting: Sequence[RowMapping] = (
            connection.execute(select(requests).where(own, requests.c.expires_at > now))
            .mappings()
            .all()
        )
        same = ("identity", "port", "major", "purpose", "role")
        for row in waiting:
            if all(row[name] == getattr(wish, name) for name in same):
                raise WrongState(
                    f"{wish.principal} has asked for this already, in {row['id']}, which waits for "
                    "an answer. Fix: wait for it, or withdraw it and ask anew"
                )
        if len(waiting) >= MOST_PENDING:
            raise WrongState(
                f"{len(waiting)} requests of {wish.principal} wait for an answer, and no more are "
                "taken. Fix: withdraw some that are not needed"
            )
        values = {field.name: getattr(wish, field.name) for field in fields(wish)}
        values |= {
            "id": new_id("req"),
            "asked_at": now,
            "expires_at": now + timedelta(days=PENDING_DAYS),
            "state": "pending",
        }
        connection.execute(insert(requests).values(values))
        return self.find(connection, values["id"], now)

    def decide(
        self,
        connection: Connection,
        request: Request,
        state: RequestState,
        by: str,
        now: datetime,
        *,
        reason: str | None = None,
    ) -> Request:
        """Answer a request. Raises `WrongState` when it does not wait for an answer any more."""
        if request.state != "pending":
            raise WrongState(
                f"request {request.id} is {request.state}, and only a pending one can be {state}. "
                f"Fix: ask again with: mesh request {request.url}"
            )
        values = {"state": state, "decided_at": now, "decided_by": by, "reason": reason}
        connection.execute(update(requests).where(requests.c.id == request.id).values(values))
        return self.find(connection, request.id, now)

    def granted(
        self, connection: Connection, request: Request, grant_id: str, now: datetime
    ) -> Request:
        """The approved request, with the grant that came of it."""
        changed = update(requests).where(requests.c.id == request.id).values(grant_id=grant_id)
        connection.execute(changed)
        return self.find(connection, request.id, now)


def _request(row: RowMapping, now: datetime) -> Request:
    values = {field.name: row[field.name] for field in fields(Request)}
    if values["state"] == "pending" and values["expires_at"] <= now:
        values["state"] = "expired"
    return Request(**values)
