"""Tokens of OpenID Connect issuers (RFC 7519, RFC 8725): verified by signature, then by claims."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.identity.caller import OIDC_CREDENTIAL, Caller
from mesh_defs.gateway.identity.claims import principal_of
from mesh_defs.gateway.identity.compact import read_compact
from mesh_defs.gateway.identity.declared import declared_as
from mesh_defs.gateway.identity.jwks import IssuerKeys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jwt import PyJWK

    from mesh_defs.gateway.identity.claims import Claims
    from mesh_defs.gateway.identity.compact import Compact
    from mesh_defs.gateway_profile import Issuer
    from mesh_defs.policy.access.principals import Principals

_LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


class Oidc:
    """Verifies the tokens of ``issuers``. Their keys are fetched when the first token needs them
    and kept. ``clock`` counts seconds for the keys' age. It may be used from several threads."""

    def __init__(
        self, issuers: Sequence[Issuer], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuers: Mapping[str, tuple[Issuer, IssuerKeys]] = {
            issuer.issuer: (issuer, IssuerKeys(issuer, clock)) for issuer in issuers
        }

    def caller(self, token: str, principals: Principals, now: datetime) -> Caller:
        """Who shows ``token`` at ``now`` (aware). Raises `Unauthenticated`, and `SourceUnavailable`
        when the issuer's keys cannot be read."""
        compact = read_compact(token)
        name = compact.claims.get("iss")
        known = self._issuers.get(name) if isinstance(name, str) else None
        if known is None:
            raise Unauthenticated("the token is of an issuer that this gateway does not believe")
        issuer, keys = known
        # The issuer says how its tokens are signed, never the token itself (RFC 8725, 3.1).
        if compact.algorithm not in issuer.algorithms:
            raise Unauthenticated("the token is signed in a way that its issuer is not believed in")
        candidates = keys.find(compact.kid, compact.algorithm)
        if not candidates:
            raise Unauthenticated("the token is signed with a key that its issuer does not have")
        if not any(_verifies(compact, key) for key in candidates):
            raise Unauthenticated("the token's signature is wrong")
        ends = _ends(compact.claims, issuer, now.timestamp())
        _check_audience(compact.claims, issuer)
        issued = principal_of(issuer, compact.claims)
        until = datetime.fromtimestamp(ends, UTC)
        return Caller(declared_as(issued, principals), OIDC_CREDENTIAL, until, issued=issued)


def _verifies(compact: Compact, key: PyJWK) -> bool:
    from jwt.api_jws import PyJWS
    from jwt.exceptions import PyJWTError

    only = [key.algorithm_name]
    try:
        PyJWS(algorithms=only).decode_complete(compact.text, key, algorithms=only)
    except PyJWTError:
        return False
    return True


def _ends(claims: Claims, issuer: Issuer, now: float) -> float:
    """Until when the token is good, in seconds since 1970, with the leeway. Raises
    `Unauthenticated` when it is not good at ``now``."""
    leeway = issuer.leeway_seconds
    expires = _moment(claims, "exp")
    if expires is None:
        raise Unauthenticated("the token has no 'exp': it would be good for ever")
    if now >= expires + leeway:
        raise Unauthenticated("the token has expired; get a new one from its issuer")
    for name in ("nbf", "iat"):
        begins = _moment(claims, name)
        if begins is not None and now < begins - leeway:
            raise Unauthenticated(f"the token is not good yet, by its '{name}'")
    return expires + leeway


def _moment(claims: Claims, name: str) -> float | None:
    """A NumericDate (RFC 7519, section 2); None when the claim is absent."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LATEST:
        raise Unauthenticated(f"the token's '{name}' is no time in seconds since 1970")
    return float(value)


def _check_audience(claims: Claims, issuer: Issuer) -> None:
    named = claims.get("aud")
    audiences = [named] if isinstance(named, str) else named
    if not isinstance(audiences, list) or not all(isinstance(each, str) for each in audiences):
        raise Unauthenticated("the token's 'aud' is neither a text nor a list of texts")
    if not set(audiences) & set(issuer.audience):
        raise Unauthenticated("the token is for another audience than this gateway")
    if "cnf" in claims:
        # RFC 7800: it is bound to a key of its holder, who has not shown to have it.
        raise Unauthenticated("the token is bound to a key ('cnf'), which is not supported")
