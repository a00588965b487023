"""My access: what one may read and until when, what one has asked for, what waits for one's answer;
asking and answering by forms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from mesh_defs.gateway import asking
from mesh_defs.gateway.errors import BadRequest, Refused
from mesh_defs.gateway.http.calls import PLAIN
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.render import HEADERS, page
from mesh_defs.gateway.portal.visit import Fields, Known, Visit, check_form
from mesh_defs.urls import parse

if TYPE_CHECKING:
    from mesh_defs.gateway.state.requests import Request

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
_PAGE = "/-/access"
_SEE_OTHER = 303
_MOST = 200
_DONE = {
    "asked": "You have asked. The owner is told.",
    "granted": "A rule of the product has approved at once: you may read it now.",
    "approve": "Approved.",
    "deny": "Denied. Who asked is told why.",
    "withdraw": "Taken back.",
    "revoke": "Ended.",
}
Verb = Literal["approve", "deny", "withdraw", "revoke"]
Done = Annotated[
    Literal["asked", "granted", "approve", "deny", "withdraw", "revoke"] | None, Query()
]


@router.get(_PAGE, response_class=HTMLResponse)
@router.head(_PAGE)
def access(visit: Known, done: Done = None) -> Response:
    """Grants, requests, and those that wait for an answer."""
    mesh, who, now = visit.mesh, visit.who, visit.now
    principal = str(who.principal)
    mine = mesh.state.requests.listed(now, pending=False, principal=principal, most=_MOST)
    waiting = _waiting(visit)
    return page(
        visit,
        "access.html",
        here="access",
        grants=mesh.state.grants.listed(now, every=True, principal=principal, most=_MOST),
        requests=mine,
        waiting=waiting,
        done=_DONE[done] if done is not None else None,
        limited=who.scope is not None,
    )


def _waiting(visit: Visit) -> list[Request]:
    """The pending requests that who visits may answer; their own are somebody else's to answer."""
    mesh, who, now = visit.mesh, visit.who, visit.now
    if who.scope is not None:
        return []
    ports = {
        (identity, port)
        for identity, port in mesh.state.requests.ports(now)
        if asking.may_answer(
            mesh.catalog.access, who.principal, f"mesh://{identity}/{port}", now, admin=who.admin
        )
    }
    found = mesh.state.requests.listed(now, ports=ports, principal=str(who.principal), most=_MOST)
    own = str(who.principal)
    return [
        each
        for each in found
        if (each.identity, each.port) in ports and (who.admin or each.principal != own)
    ]


@router.post(f"{_PAGE}/ask")
def ask(visit: Known, fields: Fields) -> Response:
    """Ask for access. Raises as `mesh_defs.gateway.asking.ask`."""
    _checked(visit, fields)
    address = parse(fields.get("url", "")[:400])
    hidden = visit.mesh.reads.hidden(visit.who, address)
    if hidden is not None:
        raise hidden
    asked = asking.ask(
        visit.mesh.state,
        visit.mesh.catalog.access,
        visit.who.principal,
        address,
        fields.get("purpose", "").strip(),
        _days(fields),
        visit.now,
        role=fields.get("role") or None,
        message=fields.get("message", "").strip() or None,
    )
    return _see("granted" if asked.grant is not None else "asked")


@router.post(f"{_PAGE}/{{number}}/{{verb}}")
def answer(
    visit: Known, fields: Fields, number: Annotated[str, Path(max_length=100)], verb: Verb
) -> Response:
    """Approve, deny or withdraw a request, or end a grant. Raises as `mesh_defs.gateway.asking`."""
    _checked(visit, fields)
    mesh, who, now = visit.mesh, visit.who, visit.now
    rules, reason = mesh.catalog.access, fields.get("reason", "")
    if verb == "approve":
        until = now + timedelta(days=_days(fields)) if fields.get("days") else None
        asking.approve(mesh.state, rules, who.principal, number, now, until=until, admin=who.admin)
    elif verb == "deny":
        asking.deny(mesh.state, rules, who.principal, number, reason, now, admin=who.admin)
    elif verb == "withdraw":
        asking.withdraw(mesh.state, rules, who.principal, number, now, admin=who.admin)
    else:
        asking.revoke(mesh.state, rules, who.principal, number, reason, now, admin=who.admin)
    return _see(verb)


def _checked(visit: Visit, fields: dict[str, str]) -> None:
    """Raise `Refused` for a form of another page, and for a token that is for reading alone."""
    check_form(visit, fields)
    if visit.who.scope is not None:
        raise Refused(
            "the token that you signed in with is for reading alone. Fix: sign in with one of your "
            "own"
        )


def _days(fields: dict[str, str]) -> int:
    text = fields.get("days", "")
    if not text.isascii() or not text.isdecimal() or len(text) > 4:
        raise BadRequest("found no number of days. Fix: write one, such as 90")
    return int(text)


def _see(done: str) -> Response:
    where = f"{_PAGE}?{urlencode({'done': done})}"
    return RedirectResponse(where, _SEE_OTHER, {"Cache-Control": HEADERS["Cache-Control"]})
