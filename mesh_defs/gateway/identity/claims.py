"""From the verified claims of a token to the principal that they tell of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import Unauthenticated
from mesh_defs.policy.access.principals import NAME, Principal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.gateway_profile import Issuer, Kind

    Claims = Mapping[str, object]

EMAIL, SUBJECT = "email", "sub"
_VERIFIED = "email_verified"
# Their values are one text with blanks between words (RFC 8693, section 4.2).
_SPACED = frozenset({"scope", "scp"})
# Which claims an issuer left out because they were too long (OpenID Connect Core 1.0, 5.6.2).
_ELSEWHERE = "_claim_names"


def principal_of(issuer: Issuer, claims: Claims) -> Principal:
    """Who the token of ``issuer`` tells of, with the roles and the domain that its claims map to.
    It is known, as the issuer vouches for it. Raises `Unauthenticated`."""
    name, kind = _name(issuer, claims), _kind(issuer, claims)
    return Principal(kind, name, _roles(issuer, claims), _domain(issuer, claims))


def value_of(claims: Claims, path: str) -> object:
    """The claim of that name; where there is none, what a dotted ``path`` leads to; else None."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _name(issuer: Issuer, claims: Claims) -> str:
    chosen = issuer.principal_claim
    if chosen is None:
        # An address that nobody verified is whatever its owner wrote down at the issuer.
        chosen = EMAIL if claims.get(_VERIFIED) is True and claims.get(EMAIL) else SUBJECT
    elif chosen == EMAIL and claims.get(_VERIFIED, True) is not True:
        raise Unauthenticated("the token's 'email' is not verified at its issuer")
    value = value_of(claims, chosen)
    if not isinstance(value, str) or not value:
        raise Unauthenticated(f"the token has no text as '{chosen}', which tells who calls")
    if chosen != SUBJECT and "@" in value:
        value = value.lower()  # of an address all spellings are the same, of a `sub` none
    domain = value.rpartition("@")[2] if "@" in value else None
    if issuer.mail_domains is not None and domain not in issuer.mail_domains:
        raise Unauthenticated(
            f"the token's '{chosen}' is of a domain that its issuer has no say in"
        )
    name = f"{issuer.prefix or ''}{value}"
    if not NAME.match(name):
        raise Unauthenticated(f"the token's '{chosen}' is no name of a principal")
    return name


def _kind(issuer: Issuer, claims: Claims) -> Kind:
    if issuer.kind_claim is None:
        return issuer.kind
    value = value_of(claims, issuer.kind_claim.claim)
    if value is None:
        return issuer.kind
    kind = issuer.kind_claim.map.get(value) if isinstance(value, str) else None
    if kind is None:
        raise Unauthenticated(f"the token's '{issuer.kind_claim.claim}' is no kind of principal")
    return kind


def _roles(issuer: Issuer, claims: Claims) -> tuple[str, ...]:
    if issuer.roles is None:
        return ()
    claim = issuer.roles.claim
    values = _texts(claims, claim)
    return tuple(
        dict.fromkeys(role for value in values for role in issuer.roles.map.get(value, ()))
    )


def _domain(issuer: Issuer, claims: Claims) -> str | None:
    if issuer.domain is None:
        return None
    claim = issuer.domain.claim
    homes = {issuer.domain.map[v] for v in _texts(claims, claim) if v in issuer.domain.map}
    if len(homes) > 1:
        raise Unauthenticated(f"the token's '{claim}' tells of several home domains")
    return next(iter(homes), None)


def _texts(claims: Claims, claim: str) -> list[str]:
    """The texts of a claim; none when it is absent. One of another type is refused, as rules that
    forbid by role would not see what it may mean."""
    elsewhere = claims.get(_ELSEWHERE)
    if isinstance(elsewhere, dict) and claim in elsewhere:
        raise Unauthenticated(f"the token's '{claim}' were too many, and its issuer left them out")
    value = value_of(claims, claim)
    if value is None:
        return []
    if isinstance(value, str):
        return value.split() if claim in _SPACED else [value]
    if isinstance(value, list):
        texts = [each for each in value if isinstance(each, str)]
        if len(texts) == len(value):
            return texts
    raise Unauthenticated(f"the token's '{claim}' is neither a text nor a list of texts")
