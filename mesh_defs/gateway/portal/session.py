"""Who looks at a page: by the session that a browser holds, else by the request's token."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.identity.authenticate import issued_to
from mesh_defs.gateway.identity.caller import ADMIN_CREDENTIAL, NOBODY, Caller, Scope
from mesh_defs.gateway.identity.declared import declared_as
from mesh_defs.gateway.identity.local import admin_caller, read_admin_token
from mesh_defs.gateway.state.tokens import READING, NewToken

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.state.sessions import Opened
    from mesh_defs.gateway.state.tokens import Token

LASTS = timedelta(hours=8)
_NAME = "portal"
_COOKIE, _FORM_COOKIE = "mesh_session", "mesh_form"


def secured(base: str) -> bool:
    """Whether pages of a gateway at ``base`` are reached over TLS."""
    return base.startswith("https://")


def cookie_name(base: str) -> str:
    """The name of the session's cookie; under TLS one that no other host can set."""
    return f"__Host-{_COOKIE}" if secured(base) else _COOKIE


def form_cookie_name(base: str) -> str:
    """The name of the cookie that forms of who has not signed in are tied to."""
    return f"__Host-{_FORM_COOKIE}" if secured(base) else _FORM_COOKIE


def form_token(cookie: str) -> str:
    """What a form must send back: only who can read the page has it, and it says nothing of the
    ``cookie`` that it is made of."""
    return hmac.new(cookie.encode(), b"a form of the portal", hashlib.sha256).hexdigest()


def sign_in(mesh: Gateway, token: str, now: datetime) -> Opened:
    """A session for who shows ``token``. Raises `Unauthenticated`, `InvalidRequest`."""
    caller = mesh.authenticate(f"Bearer {token}")
    end = now + LASTS
    if caller.expires_at is not None:
        end = min(end, caller.expires_at)
    who, scope, (roles, domain) = str(caller.principal), caller.scope, caller.brings
    wanted = NewToken(_NAME, who, (), end, READING, roles=roles, domain=domain)
    if scope is not None:
        wanted = replace(wanted, urls=scope.urls, actions=scope.actions, purpose=scope.purpose)
    return mesh.state.sessions.open(wanted, caller.credential, _bound(mesh, caller.credential), now)


def session_caller(mesh: Gateway, cookie: str, now: datetime) -> Caller:
    """Whose session ``cookie`` is: as if they had just shown what they signed in with. Raises
    `Unauthenticated`."""
    mesh.authenticate(None)  # reads principals again where they have changed
    found = mesh.state.sessions.named(cookie)
    parent = found[1].parent if found is not None else None
    token = mesh.state.sessions.proved(found, cookie, _bound(mesh, parent))
    if token is None or token.state(now) != "valid":
        raise Unauthenticated("the session has ended. Fix: sign in again")
    return _caller(mesh, token)


def end_session(mesh: Gateway, cookie: str, now: datetime) -> None:
    """End the session of ``cookie``, wherever else it is held."""
    found = mesh.state.sessions.named(cookie)
    parent = found[1].parent if found is not None else None
    token = mesh.state.sessions.proved(found, cookie, _bound(mesh, parent))
    if token is not None and token.state(now) == "valid":
        mesh.state.tokens.revoke(token, token.principal, "signed out", now)


def _caller(mesh: Gateway, token: Token) -> Caller:
    if token.parent == ADMIN_CREDENTIAL:
        shown = read_admin_token(mesh.settings) or ""
        caller = admin_caller(mesh.settings, mesh.authenticator.principals, shown)
        return replace(caller, expires_at=token.expires_at)
    scope = Scope(token.urls, token.actions, token.purpose) if token.urls else None
    issued = issued_to(token)
    principal = declared_as(issued, mesh.authenticator.principals)
    credential = token.parent or NOBODY.credential
    return Caller(principal, credential, token.expires_at, scope=scope, issued=issued)


def _bound(mesh: Gateway, parent: str | None) -> str:
    """What a session holds on to: that of the admin token ends when its file is another."""
    if parent != ADMIN_CREDENTIAL:
        return ""
    return read_admin_token(mesh.settings) or ""


def now_utc() -> datetime:
    """The time."""
    return datetime.now(UTC)
