"""For which names requests are answered. A page of another site can have its own name lead to this
machine (DNS rebinding): its script is then let read what the gateway answers, as of its own site.
What tells such a request is the name that it was sent to."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mesh_defs.faults import one_line, short
from mesh_defs.gateway.errors import Misdirected
from mesh_defs.gateway_profile import ANY_HOST

if TYPE_CHECKING:
    from starlette.types import Scope

    from mesh_defs.gateway_profile import GatewayProfile

_LOCAL = "localhost"
_LONGEST = 80


class Hosts:
    """The names that requests to a gateway at ``base`` may be for: its own, and those that its
    profile lists. Addresses of the internet protocol are nobody's to rebind."""

    def __init__(self, profile: GatewayProfile, base: str) -> None:
        listed = [_plain(each) for each in profile.hosts]
        own = urlsplit(base).hostname or ""
        self._names = frozenset((_LOCAL, _plain(profile.host), _plain(own), *listed))
        # Under TLS the client has compared the name with the certificate, and what a proxy calls a
        # gateway that has been told no name at all, nobody knows.
        unnamed = profile.behind_proxy and profile.url is None and not listed
        self._any = ANY_HOST in listed or profile.tls is not None or unnamed

    def check(self, scope: Scope) -> None:
        """Raise `Misdirected` for a request that is for another host. Without the header it comes
        from no browser."""
        if self._any:
            return
        for name, value in scope["headers"]:
            if name == b"host" and not self._known(value.decode("latin-1")):
                found = short(one_line(value.decode("latin-1")), _LONGEST)
                raise Misdirected(
                    f"this gateway does not answer for the host '{found}'. Fix: use its own "
                    "address; who runs it lists further names in mesh.yaml, as 'hosts:' of gateway"
                )

    def _known(self, header: str) -> bool:
        host = _host_of(header)
        return host in self._names or _is_address(host)


def _host_of(header: str) -> str:
    """The host of a header ``Host`` (RFC 9110, section 7.2), without its port."""
    text = header.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return _plain(text.partition(":")[0])


def _plain(name: str) -> str:
    """Names are the same in any case, and with the dot of the root behind them."""
    return name.lower().removesuffix(".")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
