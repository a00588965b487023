"""What every route needs: the gateway, who calls, and the address that the path names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.routing import APIRoute

from mesh_defs.errors import Unauthenticated, UnknownAddress
from mesh_defs.faults import did_you_mean, one_line, short
from mesh_defs.gateway.core import Gateway
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.identity.caller import Caller
from mesh_defs.gateway.purposes import checked_purpose
from mesh_defs.urls import MeshUrl, parse, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from fastapi.dependencies.models import Dependant

PURPOSE_HEADER = "Mesh-Purpose"
_NO_PEER = "unknown"
_SHOWN = 60
_FIX = 200


async def gateway_of(request: Request) -> Gateway:
    """The gateway that the application was made for."""
    return _gateway(request)


def _gateway(request: Request) -> Gateway:
    found: Gateway = request.app.state.gateway
    return found


def caller_of(request: Request) -> Caller:
    """Who calls. Raises `Unauthenticated`, `Overloaded`."""
    gateway = _gateway(request)
    peer = request.client.host if request.client is not None else _NO_PEER
    try:
        caller = gateway.authenticate(request.headers.get("Authorization"))
    except Unauthenticated:
        gateway.limiter.failure(peer)
        raise
    gateway.limiter.request(peer if caller.anonymous else str(caller.principal))
    return caller


async def known_caller(caller: Annotated[Caller, Depends(caller_of)]) -> Caller:
    """Who calls, who must have said so. Raises `Unauthenticated`."""
    if caller.anonymous:
        raise Unauthenticated(
            "only who says who it is may do this. Fix: send a token, as 'Authorization: Bearer "
            "<token>'"
        )
    return caller


async def plain_query(request: Request) -> None:
    """Raise `BadRequest` for a parameter that the route does not know, or that comes twice: what
    was meant to leave rows out must never be ignored."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = list(dict.fromkeys(_query_params(route.dependant)))
    names = Counter(name for name, _ in request.query_params.multi_items())
    told = []
    for name, times in names.items():
        if name not in known:
            shown = short(one_line(name), _SHOWN)
            told.append(f"'{shown}' (allowed: {', '.join(known) or 'no parameters'})")
        elif times > 1:
            told.append(f"'{name}' {times} times (allowed: once)")
    if told:
        wrong = next((name for name in names if name not in known), None)
        fix = did_you_mean(wrong, known) if wrong is not None else "write it once"
        raise BadRequest(f"found the query parameter {'; '.join(told)}. Fix: {short(fix, _FIX)}")


def _query_params(dependant: Dependant) -> Iterator[str]:
    """The query parameters of a route, with those of what it depends on."""
    yield from (each.alias for each in dependant.query_params)
    for each in dependant.dependencies:
        yield from _query_params(each)


Mesh = Annotated[Gateway, Depends(gateway_of)]
PLAIN = [Depends(plain_query)]
# Who calls is found out, and counted, before what is wrong with the query is told.
CALLED = [Depends(caller_of), *PLAIN]
Who = Annotated[Caller, Depends(caller_of)]
Known = Annotated[Caller, Depends(known_caller)]

NAME = "[a-z][a-z0-9_]{0,127}"
_MAJOR = "(@[0-9]{1,6})?"
DomainName = Annotated[str, Path(pattern=f"^{NAME}$", description="the domain")]
ProductName = Annotated[
    str, Path(pattern=f"^{NAME}{_MAJOR}$", description="the product, or product@major")
]
PortName = Annotated[str, Path(pattern=f"^{NAME}{_MAJOR}$", description="the port, or port@major")]
Version = Annotated[int | None, Query(ge=0, le=2**53, description="a version of the data, from 0")]
AsOf = Annotated[
    str | None,
    Query(
        max_length=64, description="the version that was current then, such as 2026-01-31T12:00Z"
    ),
]
Purpose = Annotated[
    str | None, Query(max_length=100, description="for what it is used (or header Mesh-Purpose)")
]


def address_of(
    domain: str,
    product: str,
    port: str | None,
    version: int | None,
    as_of: str | None,
) -> MeshUrl:
    """The address of path and query. Raises `UnknownAddress`, `BadRequest`."""
    if version is not None and as_of is not None:
        raise BadRequest("found both version and as_of; allowed: one of them. Fix: leave one out")
    text = f"mesh://{domain}/{product}"
    if port is not None:
        if "@" in product:
            raise UnknownAddress(
                f"'{product}/{port}' has its major version in the middle. Fix: write "
                f"{product.partition('@')[0]}/{port}@{product.partition('@')[2]}"
            )
        text += f"/{port}"
    address = parse(text)
    return replace(address, version=version, as_of=moment_of(as_of))


def moment_of(as_of: str | None) -> datetime | None:
    """The time that ``as_of`` names. Raises `BadRequest`."""
    if as_of is None:
        return None
    try:
        return parse_time(as_of, "as_of")
    except UnknownAddress:
        raise BadRequest(
            f"found as_of={short(one_line(as_of), _SHOWN)}; allowed: a time such as "
            "2026-01-31T12:00:00Z. Fix: write it like that"
        ) from None


async def any_product(domain: DomainName, product: ProductName) -> MeshUrl:
    """The product that a path names, whatever version. Raises as `address_of`."""
    return address_of(domain, product, None, None, None)


async def any_port(domain: DomainName, product: ProductName, port: PortName) -> MeshUrl:
    """The port that a path names, whatever version. Raises as `address_of`."""
    return address_of(domain, product, port, None, None)


async def product_address(
    domain: DomainName, product: ProductName, version: Version = None, as_of: AsOf = None
) -> MeshUrl:
    """The version of a product that path and query name. Raises as `address_of`."""
    return address_of(domain, product, None, version, as_of)


async def port_address(
    domain: DomainName,
    product: ProductName,
    port: PortName,
    version: Version = None,
    as_of: AsOf = None,
) -> MeshUrl:
    """The version of a port that path and query name. Raises as `address_of`."""
    return address_of(domain, product, port, version, as_of)


async def purpose_of(request: Request, purpose: Purpose = None) -> str | None:
    """The purpose of a request: of its query, else of its header. Raises as `header_purpose`."""
    return checked_purpose(purpose) if purpose is not None else await header_purpose(request)


async def header_purpose(request: Request) -> str | None:
    """The purpose that a header says. Raises `BadRequest` for two of them, `InvalidRequest` for
    what is no purpose."""
    found = set(request.headers.getlist(PURPOSE_HEADER))
    if len(found) > 1:
        raise BadRequest(f"found {len(found)} headers {PURPOSE_HEADER}. Fix: send one")
    return checked_purpose(next(iter(found), None))


AnyProduct = Annotated[MeshUrl, Depends(any_product)]
AnyPort = Annotated[MeshUrl, Depends(any_port)]
OfProduct = Annotated[MeshUrl, Depends(product_address)]
OfPort = Annotated[MeshUrl, Depends(port_address)]
ForPurpose = Annotated[str | None, Depends(purpose_of)]
HeaderPurpose = Annotated[str | None, Depends(header_purpose)]
