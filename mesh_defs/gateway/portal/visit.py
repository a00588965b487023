"""One visit of a page: who looks, through which gateway, and what forms there are tied to."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request

from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.errors import BadRequest, Refused
from mesh_defs.gateway.http.calls import caller_of
from mesh_defs.gateway.identity.caller import NOBODY, Caller
from mesh_defs.gateway.portal.session import (
    cookie_name,
    form_cookie_name,
    form_token,
    now_utc,
    session_caller,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.responses import Response

    from mesh_defs.gateway.core import Gateway

_NO_PEER = "unknown"
_MOST_FIELDS = 50
_FORM_TYPE = "application/x-www-form-urlencoded"
_FORM_COOKIE = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks at which page, when. ``cookie`` is the session's; ``tied`` what forms are tied to:
    the session or, of who has none, a cookie of its own; ``fresh`` tells that it is new, and
    ``ended`` that a session was shown which is good no more."""

    request: Request
    mesh: Gateway
    who: Caller
    now: datetime
    cookie: str | None
    tied: str
    fresh: bool
    ended: bool

    @property
    def form(self) -> str:
        """What forms of this page send back."""
        return form_token(self.tied)

    @property
    def fragment(self) -> str | None:
        """The part of a page that is asked for; None: the whole page."""
        return self.request.headers.get("Portal-Fragment")

    @property
    def here(self) -> str:
        """The path of the page, with its query."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def leave(self, response: Response) -> None:
        """Put the cookies into ``response`` that are new."""
        base = self.mesh.base
        if self.fresh and self.who.anonymous:
            set_cookie(response, form_cookie_name(base), self.tied, base)
        if self.ended:
            drop_cookie(response, cookie_name(base), base)


def visit_of(request: Request) -> Visit:
    """The visit that ``request`` is, found out once. Raises `Unauthenticated` for a wrong
    ``Authorization``, `Overloaded`."""
    found: Visit | None = getattr(request.state, "visit", None)
    if found is None:
        found = request.state.visit = _visit(request)
    return found


def _visit(request: Request) -> Visit:
    mesh: Gateway = request.app.state.gateway
    now = now_utc()
    found = request.cookies.get(cookie_name(mesh.base))
    ended = False
    if found is not None and request.headers.get("Authorization") is None:
        who = _by_session(request, mesh, found, now)
        ended = who is NOBODY
        cookie = None if ended else found
    else:
        who, cookie = caller_of(request), None
    tied = cookie or request.cookies.get(form_cookie_name(mesh.base), "")
    fresh = cookie is None and not _FORM_COOKIE.match(tied)
    tied = secrets.token_hex(32) if fresh else tied
    return Visit(request, mesh, who, now, cookie, tied, fresh, ended)


def _by_session(request: Request, mesh: Gateway, cookie: str, now: datetime) -> Caller:
    peer = request.client.host if request.client is not None else _NO_PEER
    try:
        who = session_caller(mesh, cookie, now)
    except Unauthenticated:
        mesh.limiter.failure(peer)
        who = NOBODY
    mesh.limiter.request(peer if who.anonymous else str(who.principal))
    return who


def looking(request: Request) -> Caller:
    """Who looks at something that is both a page and an answer for programs."""
    return visit_of(request).who


def signed_in(visit: Annotated[Visit, Depends(visit_of)]) -> Visit:
    """A visit of somebody. Raises `Unauthenticated`."""
    if visit.who.anonymous:
        raise Unauthenticated("this page is for who has signed in. Fix: sign in")
    return visit


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once. Raises `BadRequest`."""
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
        raise BadRequest(f"found no form; allowed: {_FORM_TYPE}. Fix: send it from its page")
    try:
        text = (await request.body()).decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadRequest("found a form that cannot be read. Fix: send it from its page") from None
    return dict(pairs)


def check_form(visit: Visit, fields: Mapping[str, str]) -> None:
    """Raise `Refused` for a form that is not of a page of ours, shown to who sends it."""
    origin = visit.request.headers.get("Origin", "")
    site = visit.request.headers.get("Sec-Fetch-Site", "same-origin")
    token = fields.get("form", "")
    same = hmac.compare_digest(token.encode(), visit.form.encode())
    if visit.fresh or not same or origin not in _own(visit) or site != "same-origin":
        raise Refused(
            "the form was not sent from its own page, or the page is too old. Fix: open the page "
            "again, and send it from there"
        )


def _own(visit: Visit) -> set[str]:
    """The origins of our pages: the gateway's address, and the one that this request went to."""
    base = urlsplit(visit.mesh.base)
    host = visit.request.headers.get("Host", "")
    return {f"{base.scheme}://{base.netloc}", f"{visit.request.url.scheme}://{host}"}


def set_cookie(response: Response, name: str, value: str, base: str) -> None:
    """Have the browser keep ``value`` until it is closed, out of reach of scripts and other
    sites."""
    response.set_cookie(
        name, value, path="/", secure=base.startswith("https://"), httponly=True, samesite="strict"
    )


def drop_cookie(response: Response, name: str, base: str) -> None:
    """Have the browser forget a cookie."""
    response.delete_cookie(
        name, path="/", secure=base.startswith("https://"), httponly=True, samesite="strict"
    )


Visiting = Annotated[Visit, Depends(visit_of)]
Known = Annotated[Visit, Depends(signed_in)]
Fields = Annotated[dict[str, str], Depends(form_of)]
Looking = Annotated[Caller, Depends(looking)]
