"""Asking for access and answering over HTTP, and credentials for tools that cannot log in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from mesh_defs.gateway import asking
from mesh_defs.gateway.errors import BadRequest, Refused
from mesh_defs.gateway.http.calls import CALLED, AnyPort, AnyProduct, Known, Mesh
from mesh_defs.gateway.http.problems import PROBLEMS
from mesh_defs.gateway.state.tokens import NewToken
from mesh_defs.urls import MeshUrl, parse

if TYPE_CHECKING:
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.product.access import MeshAccess

router = APIRouter(tags=["access"], dependencies=CALLED, responses=PROBLEMS)
_PRIVATE = {"Cache-Control": "no-store"}
_LONGEST = 2000
_ID = Annotated[str, Field(max_length=100)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Wish(_Body):
    """What is asked for."""

    url: str = Field(max_length=400, description="the port's or product's global URL")
    purpose: str = Field(max_length=100, description="what it is to be used for")
    days: int = Field(ge=1, le=3660, description="for how long")
    role: str | None = Field(default=None, max_length=100, description="a role of its contract")
    message: str | None = Field(default=None, max_length=_LONGEST, description="to the owner")


class Approval(_Body):
    """An approval."""

    days: int | None = Field(
        default=None, ge=1, le=3660, description="for how long (default: as asked)"
    )


class Reason(_Body):
    """Why a request is denied, or a grant revoked."""

    reason: str = Field(min_length=1, max_length=_LONGEST)


class Lease(_Body):
    """A credential for a tool that cannot log in."""

    ttl: int = Field(default=3600, ge=1, le=10**9, description="seconds that it is good for")
    purpose: str | None = Field(default=None, max_length=100, description="for this purpose alone")


@router.post("/-/requests", status_code=201, summary="Ask for access")
def ask(mesh: Mesh, who: Known, wish: Wish) -> JSONResponse:
    """Ask the owner of a port for access. A rule of the product may approve at once: then the
    answer has the grant."""
    _unlimited(who)
    address = parse(wish.url)
    hidden = mesh.reads.hidden(who, address)
    if hidden is not None:
        raise hidden
    asked = asking.ask(
        mesh.state,
        _access(mesh),
        who.principal,
        address,
        wish.purpose,
        wish.days,
        _now(),
        role=wish.role,
        message=wish.message,
    )
    body: dict[str, Any] = {"request": asked.request.as_dict(), "owner": asked.owner}
    body["grant"] = asked.grant.terms() if asked.grant is not None else None
    return JSONResponse(body, 201, _PRIVATE)


@router.get("/-/requests", summary="Requests: yours, and those that you may answer")
def requests(
    mesh: Mesh, who: Known, every: Annotated[bool, Query(alias="all")] = False
) -> JSONResponse:
    """Pending requests; with ``all`` those that were answered too. A token with a scope is told of
    its principal's own, inside its scope."""
    now = _now()
    answers = _answered(mesh, who, now, pending=not every) if who.scope is None else set()
    found = mesh.state.requests.listed(
        now, pending=not every, principal=str(who.principal), ports=answers
    )
    shown = [
        {**each.as_dict(), "you_may_answer": (each.identity, each.port) in answers}
        for each in found
        if _reaches(who, each.identity, each.port)
    ]
    return JSONResponse({"requests": shown}, headers=_PRIVATE)


@router.post("/-/requests/{number}/approve", summary="Approve a request")
def approve(mesh: Mesh, who: Known, number: _ID, approval: Approval) -> JSONResponse:
    """Make a grant of it. Who asked cannot approve."""
    _unlimited(who)
    now = _now()
    until = now + timedelta(days=approval.days) if approval.days is not None else None
    grant = asking.approve(
        mesh.state, _access(mesh), who.principal, number, now, until=until, admin=who.admin
    )
    return JSONResponse({"grant": grant.as_dict(now)}, headers=_PRIVATE)


@router.post("/-/requests/{number}/deny", summary="Deny a request")
def deny(mesh: Mesh, who: Known, number: _ID, why: Reason) -> JSONResponse:
    """Deny it, with a reason that who asked is told."""
    _unlimited(who)
    request = asking.deny(
        mesh.state, _access(mesh), who.principal, number, why.reason, _now(), admin=who.admin
    )
    return JSONResponse({"request": request.as_dict()}, headers=_PRIVATE)


@router.post("/-/requests/{number}/withdraw", summary="Take back a request of your own")
def withdraw(mesh: Mesh, who: Known, number: _ID) -> JSONResponse:
    """Take back what you asked for."""
    _unlimited(who)
    request = asking.withdraw(
        mesh.state, _access(mesh), who.principal, number, _now(), admin=who.admin
    )
    return JSONResponse({"request": request.as_dict()}, headers=_PRIVATE)


@router.get("/-/grants", summary="Your grants, with their terms")
def grants(
    mesh: Mesh, who: Known, every: Annotated[bool, Query(alias="all")] = False
) -> JSONResponse:
    """The grants that you hold; with ``all`` those that ended too. A token with a scope is told of
    those inside it."""
    now = _now()
    found = mesh.state.grants.listed(now, every=every, principal=str(who.principal))
    shown = [each.as_dict(now) for each in found if _reaches(who, each.identity, each.port)]
    return JSONResponse({"grants": shown}, headers=_PRIVATE)


@router.post("/-/grants/{number}/revoke", summary="Revoke a grant, or give it back")
def revoke(mesh: Mesh, who: Known, number: _ID, why: Reason) -> JSONResponse:
    """End it at once, for who reads under it at this moment as well."""
    _unlimited(who)
    now = _now()
    grant = asking.revoke(
        mesh.state, _access(mesh), who.principal, number, why.reason, now, admin=who.admin
    )
    return JSONResponse({"grant": grant.as_dict(now)}, headers=_PRIVATE)


@router.post("/{domain}/{product}/connect", status_code=201, summary="A lease on a product")
def connect_product(mesh: Mesh, who: Known, address: AnyProduct, lease: Lease) -> JSONResponse:
    """A short-lived credential for a tool that cannot log in: it reads this product alone."""
    return _connect(mesh, who, address, lease)


@router.post("/{domain}/{product}/{port}/connect", status_code=201, summary="A lease on a port")
def connect(mesh: Mesh, who: Known, address: AnyPort, lease: Lease) -> JSONResponse:
    """A short-lived credential for a tool that cannot log in: it reads this port alone."""
    return _connect(mesh, who, address, lease)


def _connect(mesh: Gateway, who: Caller, address: MeshUrl, lease: Lease) -> JSONResponse:
    longest = mesh.profile.limits.lease_seconds
    if lease.ttl > longest:
        raise BadRequest(f"found ttl {lease.ttl}; allowed: up to {longest}. Fix: ask for less")
    now = _now()
    with mesh.reads.open(who, address, purpose=lease.purpose, protocol="lease") as reading:
        url, grant = reading.url, reading.grant
    scope = f"mesh://{url.identity}/{url.port}"
    roles, domain = who.brings
    wanted = NewToken(
        "lease",
        str(who.principal),
        (scope,),
        now + timedelta(seconds=lease.ttl),
        actions=("discover", "read", "query", "subscribe"),
        purpose=reading.decision.purpose,
        roles=roles,
        domain=domain,
    )
    issued = mesh.state.tokens.lease(
        wanted,
        who.credential,
        now,
        parent_expires_at=who.expires_at,
        grant_id=grant.id if grant is not None else None,
    )
    return JSONResponse(
        {
            "token": issued.secret,
            "id": issued.token.id,
            "url": scope,
            "expires_at": issued.token.expires_at.isoformat(),
            "purpose": issued.token.purpose,
            "http": f"{mesh.base}/{url.identity}/{url.port}",
            "flight": mesh.flight,
            "sharing": f"{mesh.base}/-/sharing",
        },
        201,
        _PRIVATE,
    )


def _answered(mesh: Gateway, who: Caller, now: datetime, *, pending: bool) -> set[tuple[str, str]]:
    """The ports, by identity and name, whose requests ``who`` may answer."""
    access = _access(mesh)
    return {
        (identity, port)
        for identity, port in mesh.state.requests.ports(now, pending=pending)
        if asking.may_answer(
            access, who.principal, f"mesh://{identity}/{port}", now, admin=who.admin
        )
    }


def _reaches(who: Caller, identity: str, port: str) -> bool:
    """Whether the credential of ``who`` is for that port at all."""
    domain, _, product = identity.partition("/")
    return who.scope is None or who.scope.covers(MeshUrl(domain, product, port))


def _unlimited(who: Caller) -> None:
    """Raise `Refused` for a token that is for reading alone: it must not get itself more."""
    if who.scope is not None:
        raise Refused(
            f"{who.credential} is for reading what it names, and for nothing else. Fix: ask with "
            "your own token"
        )


def _access(mesh: Gateway) -> MeshAccess:
    return mesh.catalog.access


def _now() -> datetime:
    return datetime.now(UTC)
