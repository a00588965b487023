"""Sessions of the pages: what a browser holds instead of the token that was shown once.

A text ``<id>.<secret>`` (32 random bytes as 64 hex digits), which is good for a while and no longer
than what was shown for it. It is no token: as ``Authorization`` it opens nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from sqlalchemy import insert

from mesh_defs.errors import InvalidRequest
from mesh_defs.gateway.state.counter import changing, new_id
from mesh_defs.gateway.state.tables import tokens

if TYPE_CHECKING:
    from datetime import datetime

    from mesh_defs.gateway.state.tokens import NewToken, Token, Tokens

_FORM = re.compile(r"([0-9a-f]{12})\.[0-9a-f]{64}\Z")
_SECRET_BYTES = 32
_NOBODYS = "0" * 64
_TOKEN, _LEASE = "token:", "lease:"


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that was just opened; ``secret`` is its whole text."""

    token: Token
    secret: str = field(repr=False)


class Sessions:
    """The sessions among ``tokens``: they end with the tokens that they came of, are listed with
    them, and can be revoked like them."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def open(self, wanted: NewToken, parent: str, bound: str, now: datetime) -> Opened:
        """A session for who has shown the credential ``parent`` (``token:<id>``, ``oidc`` or
        ``admin``). It is good only as long as ``bound`` is the same text. Raises `InvalidRequest`
        for a lease, which is for tools."""
        if parent.startswith(_LEASE):
            raise InvalidRequest("a lease is for a tool. Fix: sign in with a token of your own")
        number = new_id("")
        secret = f"{number}.{secrets.token_hex(_SECRET_BYTES)}"
        parent_id = parent.removeprefix(_TOKEN) if parent.startswith(_TOKEN) else None
        values: dict[str, object] = {
            each.name: getattr(wanted, each.name) for each in fields(wanted)
        }
        values |= {name: list(getattr(wanted, name)) for name in ("urls", "actions", "roles")}
        values |= {"id": number, "kind": "session", "digest": _digest(secret, bound)}
        values |= {"created_at": now, "created_by": wanted.principal}
        values |= {"parent": parent, "parent_id": parent_id}
        with changing(self._tokens.database) as connection:
            connection.execute(insert(tokens).values(values))
        return Opened(self._tokens.get(number), secret)

    def named(self, secret: str) -> tuple[str, Token] | None:
        """The session that ``secret`` names, with its digest: it is not proved yet."""
        form = _FORM.match(secret)
        found = self._tokens.shown(form[1]) if form is not None else None
        return found if found is not None and found[1].kind == "session" else None

    def proved(self, found: tuple[str, Token] | None, secret: str, bound: str) -> Token | None:
        """The session, when ``secret`` is its own; the time that it takes tells nothing of it."""
        kept = found[0] if found is not None else _NOBODYS
        same = hmac.compare_digest(kept, _digest(secret, bound))
        return found[1] if found is not None and same else None


def _digest(secret: str, bound: str) -> str:
    # Never the digest of a token's text, whose form is another.
    return hashlib.sha256(f"session {secret}\n{bound}".encode()).hexdigest()
