"""Asking for access, and answering: the one way, whether by command, by HTTP or by a page.

``admin`` tells that the caller holds the gateway's admin token, or is alone with the mesh; such a
caller may answer anything. Everything here is told to those whom the profile's ``notify`` names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mesh_defs.errors import AccessDenied, InvalidRequest, MeshError
from mesh_defs.faults import did_you_mean
from mesh_defs.gateway.notify.events import Teller
from mesh_defs.gateway.offered import answering, approving_rule, offered
from mesh_defs.gateway.purposes import checked_purpose
from mesh_defs.gateway.state.counter import changing
from mesh_defs.gateway.state.grants import no_grant
from mesh_defs.gateway.state.requests import Wish, no_request
from mesh_defs.policy.access.principals import LOCAL, VARIABLE
from mesh_defs.product.access import require
from mesh_defs.urls import parse

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from mesh_defs.errors import UnknownRecord
    from mesh_defs.gateway.offered import Offered
    from mesh_defs.gateway.state.database import State
    from mesh_defs.gateway.state.grants import Grant
    from mesh_defs.gateway.state.requests import Request
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.urls import MeshUrl

LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was made; ``grant`` is there when a rule approved it at once. ``owner`` is the
    product's, ``answered_by`` are those of the mesh who may answer."""

    request: Request
    grant: Grant | None
    owner: str
    answered_by: tuple[str, ...]


def ask(
    state: State,
    access: MeshAccess,
    principal: Principal,
    url: MeshUrl | str,
    purpose: str,
    days: int,
    now: datetime,
    *,
    role: str | None = None,
    message: str | None = None,
) -> Asked:
    """Ask for a port (a product's URL alone is its main port) for ``purpose`` and ``days``, perhaps
    with ``role``, one that its contract names.

    Raises `AccessDenied` for who is not known or may not discover it, `InvalidRequest` for what is
    not on offer, `WrongState` when the same was asked already, `UnknownAddress`, `NotPublished`,
    `InvalidMesh`.
    """
    check_named(access, principal)
    found = offered(access, url)
    require(access.access.decide(principal, found.subject, "discover", now=now))
    _check_purpose(found, purpose)
    _check_days(found, days)
    _check_role(found, role)
    text = _text(message, "message") if message is not None else None
    port = found.subject.port
    teller = _teller(state, access, found.identity)
    wish = Wish(str(principal), found.identity, port, found.major, purpose, days, role, text)
    with changing(state.database) as connection:
        request = state.requests.add(connection, wish, now)
        rule = approving_rule(found, request, principal)
        grant = None
        if rule is not None:
            request, grant = _grant(
                state, connection, found, request, now + timedelta(days=days), "a rule", now, rule
            )
        teller.tell(connection, "requested" if grant is None else "approved", request, now)
    return Asked(request, grant, found.owner, answering(access, found.subject, principal))


def approve(
    state: State,
    access: MeshAccess,
    principal: Principal,
    number: str,
    now: datetime,
    *,
    until: datetime | None = None,
    admin: bool = False,
) -> Grant:
    """Approve the request ``number``, until then (default: for as long as was asked).

    Raises `AccessDenied` for who may not control the product, or has asked for it, `UnknownRecord`,
    also for a product that they may not know of, `WrongState`, `InvalidRequest` for another
    ``until`` than the product allows, or what is no longer on offer, `UnknownAddress`,
    `InvalidMesh`.
    """
    request = state.requests.get(number, now)
    _may_answer(access, principal, request, "approve", admin=admin, now=now)
    found = offered(access, request.url)
    _check_role(found, request.role)
    end = until if until is not None else now + timedelta(days=request.days)
    longest = timedelta(days=found.offer.longest_days)
    if not now < end <= now + longest:
        raise InvalidRequest(
            f"access may end at any time in the next {found.offer.longest_days} days, not at "
            f"{end.isoformat()}. Fix: choose another end, or change access.longest_days of "
            f"mesh://{request.identity}"
        )
    teller = _teller(state, access, request.identity)
    with changing(state.database) as connection:
        request = state.requests.find(connection, number, now)
        request, grant = _grant(state, connection, found, request, end, str(principal), now)
        teller.tell(connection, "approved", request, now)
    return grant


def deny(
    state: State,
    access: MeshAccess,
    principal: Principal,
    number: str,
    reason: str,
    now: datetime,
    *,
    admin: bool = False,
) -> Request:
    """Deny the request ``number``. Raises `AccessDenied`, `UnknownRecord`, `WrongState`,
    `InvalidRequest` without a reason."""
    why = _text(reason, "reason")
    request = state.requests.get(number, now)
    _may_answer(access, principal, request, "deny", admin=admin, now=now)
    teller = _teller(state, access, request.identity)
    with changing(state.database) as connection:
        request = state.requests.find(connection, number, now)
        by = str(principal)
        request = state.requests.decide(connection, request, "denied", by, now, reason=why)
        teller.tell(connection, "denied", request, now)
    return request


def withdraw(
    state: State,
    access: MeshAccess,
    principal: Principal,
    number: str,
    now: datetime,
    *,
    admin: bool = False,
) -> Request:
    """Take back a request of one's own. Raises `AccessDenied`, `UnknownRecord`, `WrongState`."""
    teller = _teller(state, access, state.requests.get(number, now).identity)
    with changing(state.database) as connection:
        request = state.requests.find(connection, number, now)
        if request.principal != str(principal) and not admin:
            if not access.knows(principal, _port(request.url)):
                raise no_request(number)
            raise AccessDenied(f"{principal} may not withdraw {number}: it is somebody else's")
        request = state.requests.decide(connection, request, "withdrawn", str(principal), now)
        teller.tell(connection, "withdrawn", request, now)
    return request


def revoke(
    state: State,
    access: MeshAccess,
    principal: Principal,
    number: str,
    reason: str,
    now: datetime,
    *,
    admin: bool = False,
) -> Grant:
    """End the grant ``number`` at once, for who reads under it at this moment as well. Its holder
    may give it back. Raises `AccessDenied`, `UnknownRecord`, `WrongState`, `InvalidRequest`."""
    why = _text(reason, "reason")
    grant = state.grants.get(number)
    if grant.principal != str(principal) and not admin:
        _may_control(access, principal, grant.url, f"revoke {number}", no_grant(number), now)
    teller = _teller(state, access, grant.identity)
    with changing(state.database) as connection:
        grant = state.grants.find(connection, number)
        grant = state.grants.revoke(connection, grant, str(principal), why, now)
        request = state.requests.find(connection, grant.request_id, now)
        teller.tell(connection, "revoked", request, now, why)
    return grant


def holders(state: State, identity: str, port: str | None, now: datetime) -> tuple[Grant, ...]:
    """The grants in force on ``<domain>/<product>``, or on one port of it."""
    return tuple(state.grants.listed(now, identity=identity, port=port))


def may_answer(
    access: MeshAccess, principal: Principal, url: str, now: datetime, *, admin: bool = False
) -> bool:
    """Whether ``principal`` may answer requests for the product of ``url``."""
    if admin:
        return True
    try:
        return access.decide(principal, _port(url), "control", now=now).allowed
    except MeshError:
        return False


def _grant(
    state: State,
    connection: Connection,
    found: Offered,
    request: Request,
    until: datetime,
    by: str,
    now: datetime,
    rule: str | None = None,
) -> tuple[Request, Grant]:
    # Decided first, so that what is not pending makes no grant.
    state.requests.decide(connection, request, "approved", by, now)
    grant = state.grants.add(connection, request, until, by, now, terms=found.terms, rule=rule)
    return state.requests.granted(connection, request, grant.id, now), grant


def _teller(state: State, access: MeshAccess, identity: str) -> Teller:
    return Teller(state.outbox, access.settings, identity)


def check_named(access: MeshAccess, principal: Principal) -> None:
    """Raise `AccessDenied` for who is nobody, or whom nobody knows."""
    if principal.name and principal.known:
        return
    why = f"say who you are with {VARIABLE}, or log in"
    if principal.name:
        why = access.principals.unknown_reason(principal)
    raise AccessDenied(f"{principal} may not ask for access: {why}")


def _may_answer(
    access: MeshAccess,
    principal: Principal,
    request: Request,
    verb: str,
    *,
    admin: bool,
    now: datetime,
) -> None:
    if request.principal == str(principal) and not admin:
        raise AccessDenied(
            f"{principal} may not {verb} {request.id}: it is their own request. "
            "Fix: ask another person who controls the product"
        )
    if not admin:
        unknown, what = no_request(request.id), f"{verb} {request.id}"
        _may_control(access, principal, request.url, what, unknown, now)


def _may_control(
    access: MeshAccess,
    principal: Principal,
    url: str,
    what: str,
    unknown: UnknownRecord,
    now: datetime,
) -> None:
    """Raises `AccessDenied`, and ``unknown`` where its text would name a port that they may not
    know of."""
    address = _port(url)
    if may_answer(access, principal, url, now):
        return
    if not access.knows(principal, address):
        raise unknown
    decision = access.decide(principal, address, "control", now=now)
    raise AccessDenied(
        f"{principal} may not {what}: {decision.reason}. Fix: let them control "
        f"{address} by a rule in access.cedar, or be the gateway's admin"
    )


def _port(url: str) -> MeshUrl:
    """The port of a request or grant, whatever major version of it."""
    return replace(parse(url), major=None)


def is_alone(principal: Principal) -> bool:
    """Whether ``principal`` is who uses a mesh that declares nobody: its admin, at its files."""
    return principal == LOCAL


def _check_purpose(found: Offered, purpose: str) -> None:
    if found.purposes and purpose not in found.purposes:
        raise InvalidRequest(
            f"unknown purpose '{purpose}'; allowed: {', '.join(found.purposes)}. "
            f"Fix: {did_you_mean(purpose, found.purposes)}"
        )
    checked_purpose(purpose)


def _check_days(found: Offered, days: int) -> None:
    longest = found.offer.longest_days
    if not 1 <= days <= longest:
        raise InvalidRequest(
            f"{days} days; allowed: 1 to {longest}. Fix: ask for up to {longest} days"
        )


def _check_role(found: Offered, role: str | None) -> None:
    roles = found.subject.roles
    if role is not None and role not in roles:
        named = f"allowed: {', '.join(roles)}" if roles else "its contract names none"
        raise InvalidRequest(
            f"unknown role '{role}' of {found.subject.url}; {named}. "
            f"Fix: {did_you_mean(role, roles)}"
        )


def _text(text: str, what: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST_TEXT:
        raise InvalidRequest(f"a {what} has 1 to {LONGEST_TEXT} characters")
    return text
