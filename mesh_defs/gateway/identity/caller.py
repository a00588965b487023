"""Who calls the gateway, by which credential, and how far that credential reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.errors import AccessDenied, MeshError
from mesh_defs.gateway.purposes import checked_purpose
from mesh_defs.policy.access.principals import ANONYMOUS
from mesh_defs.urls import NAME, NAME_RULE, is_mesh_url

if TYPE_CHECKING:
    from datetime import datetime

    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.urls import MeshUrl

SCOPE_FORM = "mesh://<domain>[/<product>[/<port>]]"
_SCHEME = "mesh://"


def scope_names(url: str) -> tuple[str, ...]:
    """Domain, product and port of a scope's ``url``, of which the last ones may be left out. Raises
    `MeshError` for another form."""
    names = url.removeprefix(_SCHEME).split("/")
    if not is_mesh_url(url) or len(names) > 3 or not all(NAME.match(name) for name in names):
        raise MeshError(
            f"'{url}' is no scope; the form is {SCOPE_FORM}, each name of {NAME_RULE}. "
            "Fix: name a domain, a product or a port, without version"
        )
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a service token or a lease is limited to: nothing outside ``urls`` (of domains, products
    or ports) and ``actions``; and ``purpose`` alone, where it is not None."""

    urls: tuple[str, ...]
    actions: tuple[str, ...]
    purpose: str | None = None

    def why_not(self, address: MeshUrl, action: str) -> str | None:
        """Why ``action`` on ``address`` is outside; None when it is inside. An address without port
        is its whole product."""
        if action not in self.actions:
            return f"its token is for {_listed(self.actions)}, not to {action}"
        return None if self.covers(address) else f"its token is for {_listed(self.urls)}"

    def covers(self, address: MeshUrl) -> bool:
        """Whether ``address`` is of what it names."""
        asked = (address.domain, address.product, *([address.port] if address.port else ()))
        reach = (scope_names(url) for url in self.urls)
        return any(asked[: len(names)] == names for names in reach)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. ``credential`` is how that was shown: ``anonymous``, ``oidc``, ``token:<id>``,
    ``lease:<id>`` or ``admin``; at ``expires_at`` (UTC) it is no longer good. ``scope`` None does
    not limit. ``issued`` is whom the credential itself tells of, without what principals.yaml adds
    (None: nobody, or the admin token)."""

    principal: Principal
    credential: str
    expires_at: datetime | None = None
    admin: bool = False
    scope: Scope | None = None
    issued: Principal | None = None

    @property
    def anonymous(self) -> bool:
        """Whether nobody said who calls."""
        return self.credential == ANONYMOUS_CREDENTIAL

    @property
    def brings(self) -> tuple[tuple[str, ...], str | None]:
        """The roles and the home domain of the credential itself, which what is made of it keeps;
        what principals.yaml declares is looked up whenever that is used."""
        return (self.issued.roles, self.issued.domain) if self.issued is not None else ((), None)

    def may(self, address: MeshUrl, action: str) -> str | None:
        """Why the credential does not reach to ``action`` on ``address`` (with its port written out
        where a port is meant); None when it does, which says nothing of the rules of access."""
        return self.scope.why_not(address, action) if self.scope is not None else None

    def purpose(self, asked: str | None) -> str | None:
        """The purpose of a request that asks for ``asked``: that of the token where it has one.
        Raises `AccessDenied` for another, `InvalidRequest` for what is no purpose."""
        checked_purpose(asked)
        bound = self.scope.purpose if self.scope is not None else None
        if bound is None or asked is None or asked == bound:
            return asked if bound is None else bound
        raise AccessDenied(
            f"{self.principal} may not read for '{asked}': its token is for the purpose "
            f"'{bound}'. Fix: leave the purpose out, or use a token for '{asked}'"
        )

    def expired(self, now: datetime) -> bool:
        """Whether the credential has ended at ``now`` (aware)."""
        return self.expires_at is not None and now >= self.expires_at


ANONYMOUS_CREDENTIAL, OIDC_CREDENTIAL, ADMIN_CREDENTIAL = "anonymous", "oidc", "admin"
NOBODY = Caller(ANONYMOUS, ANONYMOUS_CREDENTIAL)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(words) or "nothing"
