"""Grants: who may read which port, for which purpose, until when, and who said so."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from mesh_defs.errors import UnknownRecord, WrongState
from mesh_defs.gateway.state.counter import access_version, new_id
from mesh_defs.gateway.state.tables import grants

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from mesh_defs.gateway.state.engine import Database
    from mesh_defs.gateway.state.requests import Request


@dataclass(frozen=True, slots=True)
class Terms:
    """What a port was granted under, as its contract and manifest said at that time."""

    contract_version: str | None = None
    licence: str | None = None
    limitations: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant. Times are aware; ``rule`` names the manifest's rule that approved it by itself."""

    id: str
    request_id: str
    principal: str
    identity: str
    port: str
    major: int
    purpose: str
    role: str | None
    starts_at: datetime
    until: datetime
    approved_by: str
    rule: str | None
    contract_version: str | None
    licence: str | None
    limitations: str | None
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_because: str | None

    @property
    def url(self) -> str:
        """The port's global URL, with the major version."""
        return f"mesh://{self.identity}/{self.port}@{self.major}"

    def in_force(self, now: datetime) -> bool:
        """Whether it holds at ``now``."""
        return self.revoked_at is None and self.starts_at <= now < self.until

    def state(self, now: datetime) -> str:
        """In one word how it stands: ``in force``, ``ended`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "in force" if self.in_force(now) else "ended"

    def terms(self) -> dict[str, Any]:
        """What its holder has to know, as JSON values."""
        return {
            "grant": self.id,
            "url": self.url,
            "purpose": self.purpose,
            "role": self.role,
            "until": self.until.isoformat(),
            "contract_version": self.contract_version,
            "licence": self.licence,
            "limitations": self.limitations,
        }

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """The grant as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("identity", "port", "major"):
            del values[name]
        for name in ("starts_at", "until", "revoked_at"):
            values[name] = values[name].isoformat() if values[name] is not None else None
        return {"url": self.url, "state": self.state(now), **values}


def no_grant(number: str) -> UnknownRecord:
    """There is no grant of that id, or none that who asks may know of."""
    return UnknownRecord(f"there is no grant '{number}'. Fix: mesh grants --all lists all")


class Grants:
    """The grants of a mesh. Methods that take a connection are part of its transaction, which
    `changing` began."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def version(self) -> int:
        """A number that changes with every grant, token or lease that is made or revoked, by
        whichever process; one look-up by primary key."""
        return access_version(self.database)

    def in_force(
        self, principal: str, identity: str, port: str, major: int, now: datetime
    ) -> tuple[Grant, ...]:
        """The grants of ``principal`` (``person:ada``) for a port of ``<domain>/<product>`` in one
        major version that hold at ``now``, the one that holds longest first."""
        query = select(grants).where(
            grants.c.principal == principal,
            grants.c.identity == identity,
            grants.c.port == port,
            grants.c.major == major,
            _holds(now),
        )
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(grants.c.until.desc(), grants.c.id)).mappings()
            return tuple(_grant(row) for row in rows)

    def get(self, number: str) -> Grant:
        """The grant of that id. Raises `UnknownRecord`."""
        with self.database.reading() as connection:
            return self.find(connection, number)

    def listed(
        self,
        now: datetime,
        *,
        every: bool = False,
        principal: str | None = None,
        identity: str | None = None,
        port: str | None = None,
        most: int = 1000,
    ) -> list[Grant]:
        """The newest ``most`` grants, newest first: those that hold, or all."""
        query = select(grants).order_by(grants.c.starts_at.desc(), grants.c.id).limit(most)
        wanted = {"principal": principal, "identity": identity, "port": port}
        for name, value in wanted.items():
            if value is not None:
                query = query.where(grants.c[name] == value)
        if not every:
            query = query.where(_holds(now))
        with self.database.reading() as connection:
            return [_grant(row) for row in connection.execute(query).mappings()]

    def find(self, connection: Connection, number: str) -> Grant:
        """As `get`, in a transaction."""
        row = connection.execute(select(grants).where(grants.c.id == number)).mappings().first()
        if row is None:
            raise no_grant(number)
        return _grant(row)

    def add(
        self,
        connection: Connection,
        request: Request,
        until: datetime,
        by: str,
        now: datetime,
        *,
        terms: Terms,
        rule: str | None = None,
    ) -> Grant:
        """The grant that follows from ``request``, from ``now`` until ``until``."""
        bound = ("principal", "identity", "port", "major", "purpose", "role")
        values = {name: getattr(request, name) for name in bound}
        values |= {field.name: getattr(terms, field.name) for field in fields(terms)}
        values |= {
            "id": new_id("grant"),
            "request_id": request.id,
            "starts_at": now,
            "until": until,
            "approved_by": by,
            "rule": rule,
        }
        connection.execute(insert(grants).values(values))
        return self.find(connection, values["id"])

    def revoke(
        self, connection: Connection, grant: Grant, by: str, reason: str, now: datetime
    ) -> Grant:
        """End a grant, and every lease that came of it. Raises `WrongState` when it has ended."""
        if not grant.in_force(now):
            raise WrongState(f"grant {grant.id} is {grant.state(now)} already")
        values = {"revoked_at": now, "revoked_by": by, "revoked_because": reason}
        connection.execute(update(grants).where(grants.c.id == grant.id).values(values))
        return self.find(connection, grant.id)


def _holds(now: datetime) -> ColumnElement[bool]:
    return grants.c.revoked_at.is_(None) & (grants.c.starts_at <= now) & (grants.c.until > now)


def _grant(row: RowMapping) -> Grant:
    return Grant(**{field.name: row[field.name] for field in fields(Grant)})
