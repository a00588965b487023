"""Who calls, for what, and as of when: what the headers of a Flight call say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.errors import Unauthenticated, UnknownAddress
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.purposes import checked_purpose
from mesh_defs.urls import parse_time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller

PURPOSE_HEADER = "mesh-purpose"
AS_OF_HEADER = "mesh-as-of"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One call. ``as_of`` is the processing time at which all products are read that name no
    version; ``cancelled`` tells whether the client went away, as long as the call lasts."""

    caller: Caller
    purpose: str | None
    as_of: datetime | None
    cancelled: Callable[[], bool]

    @property
    def who(self) -> str:
        """The principal, as limits count it."""
        return str(self.caller.principal)

    def known(self) -> Call:
        """The same call, of somebody who said who it is. Raises `Unauthenticated`."""
        if self.caller.anonymous:
            raise Unauthenticated(
                "only who says who it is may read. Fix: send a token, as 'authorization: Bearer "
                "<token>', or as the password of any user"
            )
        return self


def call_of(
    gateway: Gateway,
    headers: Mapping[str, Sequence[str | bytes]],
    peer: str,
    cancelled: Callable[[], bool],
) -> Call:
    """The call that came from ``peer`` with ``headers``. Raises `Unauthenticated`, `Overloaded`,
    `BadRequest`, `InvalidRequest`."""
    address = address_of(peer)
    try:
        caller = gateway.authenticate(authorization(headers))
    except Unauthenticated:
        gateway.limiter.failure(address)
        raise
    if caller.anonymous and not gateway.profile.public_discovery:
        raise Unauthenticated("nothing is told without a token. Fix: send one, as the password")
    moment = header(headers, AS_OF_HEADER)
    try:
        as_of = parse_time(moment, f"the header {AS_OF_HEADER}") if moment is not None else None
    except UnknownAddress as error:
        raise BadRequest(str(error)) from None
    return Call(caller, checked_purpose(header(headers, PURPOSE_HEADER)), as_of, cancelled)


def authorization(headers: Mapping[str, Sequence[str | bytes]]) -> str | None:
    """The header that says who calls. Raises `BadRequest`."""
    shown = header(headers, "authorization")
    if shown is not None and shown[:6].lower() == "basic ":
        # Arrow's drivers in Go leave out the padding of base64 (RFC 4648, section 3.2).
        shown = shown.rstrip()
        shown += "=" * (-len(shown[6:].lstrip()) % 4)
    return shown


def header(headers: Mapping[str, Sequence[str | bytes]], name: str) -> str | None:
    """The one value of a header; None when there is none. Raises `BadRequest`."""
    values = {
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for value in headers.get(name, ())
    }
    if len(values) > 1:
        raise BadRequest(f"found {len(values)} headers '{name}'. Fix: send one")
    value = next(iter(values), None)
    if value is not None and name != "authorization" and len(value) > _LONGEST:
        raise BadRequest(f"found a header '{name}' of more than {_LONGEST} characters")
    return value


def address_of(peer: str) -> str:
    """The address of a peer as gRPC writes it (``ipv4:127.0.0.1:4711``), without its port."""
    return peer.partition(":")[2].rpartition(":")[0] or peer
