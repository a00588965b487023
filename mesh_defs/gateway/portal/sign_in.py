"""Signing in by a token, and out again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from mesh_defs.errors import InvalidRequest, Unauthenticated
from mesh_defs.gateway.http.calls import PLAIN
from mesh_defs.gateway.portal.people import ForPeople, inside
from mesh_defs.gateway.portal.render import HEADERS, page
from mesh_defs.gateway.portal.session import cookie_name, end_session, form_cookie_name, sign_in
from mesh_defs.gateway.portal.visit import (
    Fields,
    Visiting,
    check_form,
    drop_cookie,
    set_cookie,
)

router = APIRouter(include_in_schema=False, dependencies=PLAIN, route_class=ForPeople)
_PAGE = "/-/sign-in"
_SEE_OTHER = 303
_NO_PEER = "unknown"
Next = Annotated[str, Query(alias="next", max_length=2000)]


@router.get(_PAGE, response_class=HTMLResponse)
@router.head(_PAGE)
def show(visit: Visiting, then: Next = "/") -> Response:
    """Where a token is shown."""
    return page(visit, "sign_in.html", here="sign-in", next=inside(then), problem=None)


@router.post(_PAGE)
def enter(visit: Visiting, fields: Fields) -> Response:
    """Open a session for who shows a token. Raises `Refused` for a form of another page,
    `Overloaded` after too many wrong ones."""
    check_form(visit, fields)
    then = inside(fields.get("next", "/")[:2000])
    base = visit.mesh.base
    try:
        opened = sign_in(visit.mesh, fields.get("token", "").strip(), visit.now)
    except (Unauthenticated, InvalidRequest) as error:
        client = visit.request.client
        visit.mesh.limiter.failure(client.host if client is not None else _NO_PEER)
        problem = str(error)
        return page(visit, "sign_in.html", 401, here="sign-in", next=then, problem=problem)
    response = RedirectResponse(then, _SEE_OTHER, {"Cache-Control": HEADERS["Cache-Control"]})
    set_cookie(response, cookie_name(base), opened.secret, base)
    drop_cookie(response, form_cookie_name(base), base)
    return response


@router.post("/-/sign-out")
def leave(visit: Visiting, fields: Fields) -> Response:
    """End the session, wherever its cookie is held."""
    check_form(visit, fields)
    if visit.cookie is not None:
        end_session(visit.mesh, visit.cookie, visit.now)
    response = RedirectResponse("/", _SEE_OTHER, {"Cache-Control": HEADERS["Cache-Control"]})
    drop_cookie(response, cookie_name(visit.mesh.base), visit.mesh.base)
    return response
