"""What people say of a product on its page, and what its owner answers, by forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

from fastapi import APIRouter, Path, Response
from fastapi.responses import RedirectResponse

from mesh_defs.errors import UnknownRecord
from mesh_defs.gateway.describe import view
from mesh_defs.gateway.errors import BadRequest, Refused
from mesh_defs.gateway.feedback import answer, controls, say, settle, told
from mesh_defs.gateway.http.calls import PLAIN, AnyProduct
from mesh_defs.gateway.portal.people import ForPeople
from mesh_defs.gateway.portal.render import HEADERS
from mesh_defs.gateway.portal.visit import Fields, Known, Visit, check_form

if TYPE_CHECKING:
    from mesh_defs.urls import MeshUrl

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
_SEE_OTHER = 303
Kind = Literal["rating", "question", "problem"]
Standing = Literal["open", "acknowledged", "solved"]
Number = Annotated[str, Path(max_length=100)]


def feedback_of(visit: Visit, identity: str) -> dict[str, Any]:
    """What was said, and whether who visits may say something, and answer."""
    mesh, who = visit.mesh, visit.who
    limited = who.anonymous or who.scope is not None
    may_answer = not limited and (
        who.admin or controls(mesh.catalog.access, who.principal, identity, visit.now)
    )
    said = told(mesh.state, identity, names=not who.anonymous)
    return {**said, "may_say": not limited, "may_answer": may_answer}


@router.post("/-/feedback/{domain}/{product}")
def give(visit: Known, fields: Fields, address: AnyProduct) -> Response:
    """Rate, ask, or report a problem. Raises as `mesh_defs.gateway.feedback.say`."""
    identity = _checked(visit, fields, address)
    kind = _one_of(fields, "kind", get_args(Kind))
    stars = _one_of(fields, "stars", ("1", "2", "3", "4", "5")) if kind == "rating" else None
    say(
        visit.mesh.state,
        visit.mesh.catalog.access,
        visit.who.principal,
        identity,
        cast("Kind", kind),
        visit.now,
        text=fields.get("text", "").strip() or None,
        stars=int(stars) if stars is not None else None,
    )
    return _back(identity)


@router.post("/-/feedback/{domain}/{product}/{number}")
def reply(visit: Known, fields: Fields, address: AnyProduct, number: Number) -> Response:
    """Answer what was said, or say how a problem stands. Raises as
    `mesh_defs.gateway.feedback.answer` and `settle`."""
    identity = _checked(visit, fields, address)
    mesh, who, now = visit.mesh, visit.who, visit.now
    if mesh.state.feedback.get(number).identity != identity:
        raise UnknownRecord(f"mesh://{identity} has no rating, question or problem '{number}'")
    rules = mesh.catalog.access
    if fields.get("text", "").strip():
        answer(mesh.state, rules, who.principal, number, fields["text"], now, admin=who.admin)
    if fields.get("state"):
        word = cast("Standing", _one_of(fields, "state", get_args(Standing)))
        settle(mesh.state, rules, who.principal, number, word, now, admin=who.admin)
    return _back(identity)


def _checked(visit: Visit, fields: dict[str, str], address: MeshUrl) -> str:
    """The product's name, which who visits may know of, and may speak of."""
    check_form(visit, fields)
    identity = view(visit.mesh, visit.who, address, visit.now).identity
    if visit.who.scope is not None:
        raise Refused(
            "the token that you signed in with is for reading alone. Fix: sign in with one of your "
            "own"
        )
    return identity


def _one_of(fields: dict[str, str], name: str, allowed: tuple[str, ...]) -> str:
    found = fields.get(name, "")
    if found not in allowed:
        raise BadRequest(f"found no {name}; allowed: {', '.join(allowed)}. Fix: choose one")
    return found


def _back(identity: str) -> Response:
    headers = {"Cache-Control": HEADERS["Cache-Control"]}
    return RedirectResponse(f"/{identity}#owner", _SEE_OTHER, headers)
