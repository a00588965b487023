"""From the ``Authorization`` of a request (HTTP or Flight) to its caller."""

from __future__ import annotations

import base64
import binascii
import re
import time
from typing import TYPE_CHECKING

from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.identity.caller import (
    ADMIN_CREDENTIAL,
    NOBODY,
    OIDC_CREDENTIAL,
    Caller,
    Scope,
)
from mesh_defs.gateway.identity.compact import LONGEST
from mesh_defs.gateway.identity.declared import declared_as
from mesh_defs.gateway.identity.local import PREFIX as ADMIN_PREFIX
from mesh_defs.gateway.identity.local import admin_caller
from mesh_defs.gateway.identity.oidc import Oidc
from mesh_defs.policy.access.principals import KINDS, Principal, load_principals

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mesh_defs.gateway.identity.stored import StoredToken, TokenStore
    from mesh_defs.settings import Settings

_STORED_PREFIX = "mesh_"
_FORMS = "'Bearer <token>', or 'Basic' with the token as password"
# RFC 6750, section 2.1.
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *\Z", re.IGNORECASE)
_BASIC = re.compile(r"basic +([A-Za-z0-9+/]+=*) *\Z", re.IGNORECASE)
_MOST_HEADER = 2 * LONGEST
_VOUCHED = (OIDC_CREDENTIAL, ADMIN_CREDENTIAL)


class Authenticator:
    """Tells who calls. ``tokens`` is ``State.tokens``; ``clock`` counts seconds for the age of
    issuers' keys. Principals are read when it is made, and by `reload`. It may be used from several
    threads; make one and keep it, as it keeps the keys."""

    def __init__(
        self,
        settings: Settings,
        tokens: TokenStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.principals = load_principals(settings.root)
        self._tokens = tokens
        self._oidc = Oidc(settings.profile.gateway.identity.issuers, clock)

    def reload(self) -> None:
        """Read principals.yaml again."""
        self.principals = load_principals(self.settings.root)

    def authenticate(self, authorization: str | None, now: datetime) -> Caller:
        """Who shows ``authorization`` (the header's value; None: there is none) at ``now`` (aware).

        Raises `Unauthenticated`, whose text has nothing of the credential; `SourceUnavailable` when
        an issuer's keys cannot be read now; `MeshError` when MESH_PRINCIPAL is of another form.
        """
        if authorization is None:
            return NOBODY
        return self.caller(read_authorization(authorization), now)

    def caller(self, token: str, now: datetime) -> Caller:
        """Who shows ``token``, as `authenticate`."""
        if token.startswith(ADMIN_PREFIX):
            return admin_caller(self.settings, self.principals, token)
        if token.startswith(_STORED_PREFIX):
            return self._stored(token, now)
        return self._oidc.caller(token, self.principals, now)

    def _stored(self, token: str, now: datetime) -> Caller:
        found = self._tokens.find(token)
        if found is None:
            raise Unauthenticated("the token is none of this gateway's")
        if found.revoked_at is not None:
            raise Unauthenticated("the token was revoked")
        if found.expires_at is not None and now >= found.expires_at:
            raise Unauthenticated("the token has expired")
        word = "lease" if found.kind == "lease" else "token"
        scope = Scope(tuple(found.urls), tuple(found.actions), found.purpose)
        issued = issued_to(found)
        who = declared_as(issued, self.principals)
        return Caller(who, f"{word}:{found.id}", found.expires_at, scope=scope, issued=issued)


def issued_to(token: StoredToken) -> Principal:
    """Whom ``token`` stands for, with what it brings. Where principals are declared and it is none
    of them, its token alone does not make it known; but one for whom an issuer or the admin token
    vouched is as good as these."""
    kind, _, name = token.principal.partition(":")
    known = next((each for each in KINDS if each == kind), None)
    if known is None:
        raise Unauthenticated("the token stands for no principal")
    vouched = token.parent in _VOUCHED
    return Principal(known, name, tuple(token.roles), token.domain, known=vouched)


def read_authorization(value: str) -> str:
    """The token in an ``Authorization``: of Bearer (RFC 6750), or the password of Basic (RFC 7617),
    for tools that know user and password alone; its user does not matter. Raises
    `Unauthenticated`."""
    if len(value) > _MOST_HEADER:
        raise Unauthenticated(f"the Authorization is longer than {_MOST_HEADER} characters")
    bearer = _BEARER.match(value)
    if bearer is not None:
        return bearer[1]
    basic = _BASIC.match(value)
    if basic is None:
        raise Unauthenticated(f"the Authorization is not of the form {_FORMS}")
    try:
        user, colon, password = base64.b64decode(basic[1], validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Unauthenticated("the Authorization of Basic cannot be read") from None
    del user
    if not colon or not password:
        raise Unauthenticated("the Authorization of Basic has no token as its password")
    return password
