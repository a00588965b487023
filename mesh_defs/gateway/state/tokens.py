"""Service tokens and leases: secrets that stand for a principal, for a while and within a scope.

A text ``mesh_<id>_<secret>`` (32 random bytes as 64 hex digits) is shown once; what is kept is its
SHA-256, which is enough for a secret that nobody can guess. A lease ends with what it came of: the
token that was shown for it, the grant that it was made under.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import insert, select, update

from mesh_defs.errors import InvalidRequest, MeshError, UnknownRecord, WrongState
from mesh_defs.gateway.identity.caller import scope_names
from mesh_defs.gateway.purposes import checked_purpose
from mesh_defs.gateway.state.counter import access_version, changing, new_id
from mesh_defs.gateway.state.tables import grants, tokens
from mesh_defs.policy.access.schema import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from mesh_defs.gateway.state.engine import Database

TokenKind = Literal["service", "lease", "session"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
NAME_RULE = "letters, digits and . _ -, starting with a letter or digit, at most 64"
READING = ("discover", "read", "query", "subscribe")
MOST_URLS = 100
_FORM = re.compile(r"mesh_([0-9a-f]{12})_[0-9a-f]{64}\Z")
_SECRET_BYTES = 32
_NOBODYS = "0" * 64
_SERVICE_PARENT = "token:"
_MOST_SEEN = 4096


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token is to be. ``roles`` and ``domain`` are those that its principal has beside what
    principals.yaml says; ``purpose`` None limits nothing."""

    name: str
    principal: str
    urls: tuple[str, ...]
    expires_at: datetime
    actions: tuple[str, ...] = READING
    purpose: str | None = None
    roles: tuple[str, ...] = ()
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A service token, lease or session, without its secret. Times are aware. ``expires_at`` and
    ``revoked_at`` are those of what it came of, where that ends earlier; ``parent`` is the
    credential that was shown for it (``token:<id>``, ``oidc``, ``admin``)."""

    id: str
    kind: TokenKind
    name: str
    principal: str
    roles: tuple[str, ...]
    domain: str | None
    urls: tuple[str, ...]
    actions: tuple[str, ...]
    purpose: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    parent: str | None
    grant_id: str | None
    revoked_at: datetime | None
    revoked_by: str | None
    revoked_because: str | None

    def state(self, now: datetime) -> str:
        """In one word how it stands: ``valid``, ``ended`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if now < self.expires_at else "ended"

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """The token as JSON values."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("created_at", "expires_at", "revoked_at"):
            values[name] = values[name].isoformat() if values[name] is not None else None
        return {**values, "state": self.state(now)}


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was just made; ``secret`` is its whole text, which nobody can show again."""

    token: Token
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The tokens that were shown since the number of changes became ``changes``, by id, each with
    the digest of its secret."""

    changes: int
    tokens: dict[str, tuple[str, Token]] = field(default_factory=dict)


class Tokens:
    """The service tokens and leases of a mesh."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._seen = _Seen(-1)

    def create(self, wanted: NewToken, by: str, now: datetime) -> Issued:
        """A new service token, made by the principal ``by``. Raises `InvalidRequest`, `WrongState`
        when a valid one has its name."""
        _check(wanted, now)
        with changing(self.database) as connection:
            if self._valid(connection, wanted.name, now) is not None:
                raise WrongState(
                    f"there is a token '{wanted.name}' already. Fix: take another name, or revoke "
                    f"it with: mesh token revoke {wanted.name}"
                )
            return self._add(connection, "service", wanted, by, now)

    def lease(
        self,
        wanted: NewToken,
        parent: str,
        now: datetime,
        *,
        parent_expires_at: datetime | None = None,
        grant_id: str | None = None,
    ) -> Issued:
        """A new lease, for a caller who has shown the credential ``parent`` (``token:<id>``,
        ``oidc`` or ``admin``), perhaps under a grant. It ends no later than either, and reaches no
        further than a token that was shown. Raises `InvalidRequest`, `UnknownRecord`,
        `WrongState`."""
        if parent.startswith("lease:") or parent == "anonymous":
            raise InvalidRequest(
                "a lease is given for a token of one's own. Fix: log in, or use a service token"
            )
        if parent_expires_at is not None:
            wanted = replace(wanted, expires_at=min(wanted.expires_at, parent_expires_at))
        _check(wanted, now)
        with changing(self.database) as connection:
            parent_id = None
            if parent.startswith(_SERVICE_PARENT):
                parent_id = parent.removeprefix(_SERVICE_PARENT)
                _within(wanted, self._find(connection, parent_id), now)
            if grant_id is not None:
                _granted(connection, wanted, grant_id)
            more = {"parent": parent, "parent_id": parent_id, "grant_id": grant_id}
            made = self._add(connection, "lease", wanted, wanted.principal, now, **more)
            if made.token.state(now) != "valid":
                raise WrongState(f"the grant {grant_id} is {made.token.state(now)}")
            return made

    def find(self, secret: str) -> Token | None:
        """The token whose whole text is ``secret``, also one that has ended or was revoked; None
        when there is none. The time that it takes tells nothing of the secret."""
        form = _FORM.match(secret)
        if form is None:
            return None
        found = self.shown(form[1])
        kept = found[0] if found is not None else _NOBODYS
        same = hmac.compare_digest(kept, _digest(secret))
        return found[1] if found is not None and same else None

    def get(self, number: str) -> Token:
        """The token of that id. Raises `UnknownRecord`."""
        with self.database.reading() as connection:
            return self._find(connection, number)

    def listed(
        self,
        now: datetime,
        *,
        every: bool = False,
        kind: TokenKind | None = None,
        principal: str | None = None,
        most: int = 1000,
    ) -> list[Token]:
        """The newest ``most`` tokens, newest first: the valid ones, or all."""
        query = _QUERY.order_by(tokens.c.created_at.desc(), tokens.c.id).limit(most)
        if kind is not None:
            query = query.where(tokens.c.kind == kind)
        if principal is not None:
            query = query.where(tokens.c.principal == principal)
        if not every:
            query = query.where(tokens.c.expires_at > now, tokens.c.revoked_at.is_(None))
        with self.database.reading() as connection:
            found = [_token(row) for row in connection.execute(query).mappings()]
        return found if every else [token for token in found if token.state(now) == "valid"]

    def named(self, name: str, now: datetime) -> Token:
        """The valid service token of that name, or the token of that id. Raises `UnknownRecord`."""
        with self.database.reading() as connection:
            return self._valid(connection, name, now) or self._find(connection, name)

    def revoke(self, token: Token, by: str, reason: str, now: datetime) -> Token:
        """End a token, and every lease that came of it. Raises `WrongState` when it has ended."""
        with changing(self.database) as connection:
            found = self._find(connection, token.id)
            if found.state(now) != "valid":
                raise WrongState(f"token {found.id} is {found.state(now)} already")
            values = {"revoked_at": now, "revoked_by": by, "revoked_because": reason}
            connection.execute(update(tokens).where(tokens.c.id == token.id).values(values))
            return self._find(connection, token.id)

    def shown(self, number: str) -> tuple[str, Token] | None:
        """The token of that id with the digest of its secret: read once, until anybody makes or
        revokes any. What there is none of is not remembered."""
        changes = access_version(self.database)
        seen = self._seen
        if seen.changes != changes or len(seen.tokens) >= _MOST_SEEN:
            seen = self._seen = _Seen(changes)
        found = seen.tokens.get(number)
        if found is None:
            with self.database.reading() as connection:
                row = connection.execute(_QUERY.where(tokens.c.id == number)).mappings().first()
            if row is None:
                return None
            # It was read after the number, and so is of that state or a later one.
            found = seen.tokens[number] = (row["digest"], _token(row))
        return found

    def _valid(self, connection: Connection, name: str, now: datetime) -> Token | None:
        query = _QUERY.where(tokens.c.name == name, tokens.c.kind == "service")
        found = (_token(row) for row in connection.execute(query).mappings())
        return next((token for token in found if token.state(now) == "valid"), None)

    def _find(self, connection: Connection, number: str) -> Token:
        row = connection.execute(_QUERY.where(tokens.c.id == number)).mappings().first()
        if row is None:
            raise UnknownRecord(
                f"there is no token '{number}'. Fix: mesh token list --all lists all"
            )
        return _token(row)

    def _add(
        self,
        connection: Connection,
        kind: TokenKind,
        wanted: NewToken,
        by: str,
        now: datetime,
        **more: str | None,
    ) -> Issued:
        number = new_id("")
        secret = f"mesh_{number}_{secrets.token_hex(_SECRET_BYTES)}"
        values = {each.name: getattr(wanted, each.name) for each in fields(wanted)}
        values |= {name: list(values[name]) for name in ("urls", "actions", "roles")}
        values |= {"id": number, "kind": kind, "digest": _digest(secret)}
        values |= {"created_at": now, "created_by": by, **more}
        connection.execute(insert(tokens).values(values))
        return Issued(self._find(connection, number), secret)


_parents = tokens.alias("parents")
_QUERY = (
    select(
        tokens,
        _parents.c.expires_at.label("parent_expires_at"),
        _parents.c.revoked_at.label("parent_revoked_at"),
        grants.c.until.label("grant_until"),
        grants.c.revoked_at.label("grant_revoked_at"),
    )
    .outerjoin(_parents, _parents.c.id == tokens.c.parent_id)
    .outerjoin(grants, grants.c.id == tokens.c.grant_id)
)


def _token(row: RowMapping) -> Token:
    values = {each.name: row[each.name] for each in fields(Token)}
    values |= {name: tuple(values[name]) for name in ("urls", "actions", "roles")}
    ends = (row["expires_at"], row["parent_expires_at"], row["grant_until"])
    values["expires_at"] = min(end for end in ends if end is not None)
    revoked = (row["revoked_at"], row["parent_revoked_at"], row["grant_revoked_at"])
    values["revoked_at"] = min((at for at in revoked if at is not None), default=None)
    return Token(**values)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(wanted: NewToken, now: datetime) -> None:
    """Raises `InvalidRequest` for a name, scope or end that no token may have."""
    if not NAME.match(wanted.name):
        raise InvalidRequest(f"'{wanted.name}' is no name of a token: {NAME_RULE}")
    if not 0 < len(wanted.urls) <= MOST_URLS:
        raise InvalidRequest(f"a token is for 1 to {MOST_URLS} URLs of products or ports")
    try:
        for url in wanted.urls:
            scope_names(url)
    except MeshError as error:
        raise InvalidRequest(str(error)) from None
    unknown = [action for action in wanted.actions if action not in ACTIONS]
    if unknown or not wanted.actions:
        found = f"unknown action '{unknown[0]}'" if unknown else "no action"
        raise InvalidRequest(f"{found}; allowed: {', '.join(ACTIONS)}")
    checked_purpose(wanted.purpose)
    if wanted.expires_at <= now:
        raise InvalidRequest("the token would have ended already. Fix: choose a later end")


def _granted(connection: Connection, wanted: NewToken, grant_id: str) -> None:
    """Raises when there is no such grant, or it is somebody else's."""
    query = select(grants.c.principal).where(grants.c.id == grant_id)
    if connection.execute(query).scalar() != wanted.principal:
        raise UnknownRecord(f"{wanted.principal} has no grant '{grant_id}'")


def _within(wanted: NewToken, parent: Token, now: datetime) -> None:
    """Raises when ``parent`` is no longer valid, is somebody else's or does not reach as far."""
    if parent.kind != "service" or parent.state(now) != "valid":
        raise WrongState(f"token {parent.id} is {parent.state(now)}, or no service token")
    reach = [scope_names(url) for url in parent.urls]
    outside: Sequence[str] = [
        url
        for url in wanted.urls
        if not any(scope_names(url)[: len(names)] == names for names in reach)
    ]
    outside = [*outside, *(each for each in wanted.actions if each not in parent.actions)]
    if outside or wanted.principal != parent.principal:
        found = outside[0] if outside else wanted.principal
        raise InvalidRequest(
            f"the lease would reach further than the token {parent.id} ('{found}'). "
            f"Fix: stay within {', '.join(parent.urls)} and {', '.join(parent.actions)}"
        )
    if parent.purpose is not None and wanted.purpose != parent.purpose:
        raise InvalidRequest(
            f"the token {parent.id} is for the purpose '{parent.purpose}' alone. Fix: name it"
        )
