"""Signing in to the pages: what the browser holds, how it ends, and forms of other pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from portal_people import ADA, GUEST, Town, Visitor, town

from mesh_defs.gateway.identity.local import admin_token_file
from mesh_defs.gateway.portal.session import sign_in
from mesh_defs.gateway.state.tokens import NewToken

ACCESS = "/-/access"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("sessions")) as found:
        yield found


def cookie(visitor: Visitor) -> str:
    return visitor.client.cookies["mesh_session"]


def test_signing_in_leads_to_where_one_was_going(place: Town) -> None:
    visitor = place.visitor()
    shown = visitor.get(ACCESS)
    assert shown.status_code == 401
    assert 'name="next" value="/-/access"' in shown.text
    answer = visitor.sign_in(place.token(ADA), next=ACCESS)
    assert (answer.status_code, answer.headers["Location"]) == (303, ACCESS)
    page = visitor.get(ACCESS)
    assert page.status_code == 200
    assert f"person:{ADA}" in page.text


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"]
)
def test_signing_in_leads_nowhere_else(place: Town, elsewhere: str) -> None:
    visitor = place.visitor()
    answer = visitor.sign_in(place.token(ADA), next=elsewhere)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_the_cookie_is_out_of_reach_and_holds_no_token(place: Town) -> None:
    token = place.token(ADA)
    visitor = place.visitor()
    set_cookie = visitor.sign_in(token).headers.get_list("set-cookie")
    session = next(each for each in set_cookie if each.startswith("mesh_session="))
    attributes = {part.strip().lower() for part in session.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert not any(part.startswith(("max-age", "expires")) for part in attributes)
    assert token not in session
    assert re.fullmatch(r"[0-9a-f]{12}\.[0-9a-f]{64}", cookie(visitor))


def test_the_cookie_is_no_token(place: Town) -> None:
    visitor = place.visitor(ADA)
    number, _, secret = cookie(visitor).partition(".")
    for text in (cookie(visitor), f"mesh_{number}_{secret}"):
        client = place.mesh.with_token(text)
        assert client.get("/-/requests").status_code == 401
    plain = place.mesh.with_token(None)
    plain.cookies.set("mesh_session", cookie(visitor))
    assert plain.get("/-/requests").status_code == 401, "programs show tokens, not cookies"
    assert plain.get("/shop/sales/sales/data").status_code == 401


@pytest.mark.parametrize(
    "change", [lambda c: c[:-1] + ("0" if c[-1] != "0" else "1"), lambda c: ""]
)
def test_another_cookie_is_nobodys(place: Town, change) -> None:
    visitor = place.visitor(ADA)
    visitor.client.cookies.set("mesh_session", change(cookie(visitor)), domain="127.0.0.1")
    held = [c.value for c in visitor.client.cookies.jar if c.name == "mesh_session"]
    stranger = place.visitor()
    stranger.client.headers["Cookie"] = f"mesh_session={change(held[0])}"
    assert stranger.get(ACCESS).status_code == 401
    assert stranger.get("/").status_code == 200, "who is nobody sees what is public"


def test_signing_out_ends_the_session_wherever_it_is_held(place: Town) -> None:
    visitor, copy = place.visitor(ADA), place.visitor()
    copy.client.headers["Cookie"] = f"mesh_session={cookie(visitor)}"
    assert copy.get(ACCESS).status_code == 200
    assert visitor.post("/-/sign-out", "/").status_code == 303
    assert copy.get(ACCESS).status_code == 401
    assert visitor.get(ACCESS).status_code == 401


def test_a_revoked_token_ends_its_sessions(place: Town) -> None:
    tokens, now = place.mesh.gateway.state.tokens, datetime.now(UTC)
    wanted = NewToken("short", f"person:{GUEST}", ("mesh://shop",), now + timedelta(hours=1))
    issued = tokens.create(wanted, "person:admin", now)
    visitor = place.visitor()
    assert visitor.sign_in(issued.secret).status_code == 303
    assert visitor.get(ACCESS).status_code == 200
    tokens.revoke(issued.token, "person:admin", "a test", datetime.now(UTC))
    assert visitor.get(ACCESS).status_code == 401


def test_a_session_ends_no_later_than_its_token(place: Town) -> None:
    opened = sign_in(place.mesh.gateway, place.token(ADA, seconds=60), datetime.now(UTC))
    # Clocks may differ by 30 seconds, as for the token itself.
    assert opened.token.expires_at <= datetime.now(UTC) + timedelta(seconds=92)
    later = sign_in(place.mesh.gateway, place.mesh.admin(), datetime.now(UTC))
    assert later.token.expires_at <= datetime.now(UTC) + timedelta(hours=8)


def test_another_admin_token_ends_the_sessions_of_the_old_one(place: Town) -> None:
    visitor = place.visitor()
    visitor.client.headers["Cookie"] = f"mesh_session={cookie(place.visitor('admin'))}"
    assert visitor.get(ACCESS).status_code == 200
    file = admin_token_file(place.mesh.gateway.settings)
    old = file.read_text()
    try:
        file.write_text(old[:-2] + ("0" if old[-2] != "0" else "1") + "\n")
        assert visitor.get(ACCESS).status_code == 401
        file.unlink()
        assert visitor.get(ACCESS).status_code == 401
    finally:
        file.write_text(old)
        file.chmod(0o600)
    assert visitor.get(ACCESS).status_code == 200


def test_a_lease_and_a_wrong_token_open_nothing(place: Town) -> None:
    now = datetime.now(UTC)
    wanted = NewToken("lease", f"person:{ADA}", ("mesh://shop/sales",), now + timedelta(hours=1))
    lease = place.mesh.gateway.state.tokens.lease(wanted, "oidc", now)
    for token in (lease.secret, "mesh_wrong", place.token(ADA) + "x", "", "<script>"):
        answer = place.visitor().sign_in(token)
        assert answer.status_code == 401
        assert 'role="alert"' in answer.text
        assert not token or token not in answer.text


FORMS = [
    ("/-/access/ask", {"url": "mesh://shop/large", "purpose": "analytics", "days": "9"}),
    ("/-/access/req_0/approve", {}),
    ("/-/feedback/shop/sales", {"kind": "question", "text": "why?"}),
    ("/-/sign-out", {}),
]


@pytest.mark.parametrize(("path", "fields"), FORMS)
def test_forms_of_other_pages_do_nothing(place: Town, path: str, fields: dict) -> None:
    visitor, other = place.visitor(ADA), place.visitor(GUEST)
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": ""}):
        assert visitor.post(path, "/", headers=headers, **fields).status_code == 403
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert visitor.post(path, "/", headers=cross, **fields).status_code == 403
    theirs = re.search(r'name="form" value="([0-9a-f]+)"', other.get("/").text)[1]
    for form in (theirs, "", "0" * 64):
        assert visitor.post(path, "/", **{**fields, "form": form}).status_code == 403
    bare = visitor.client.post(path, data={**fields, "more": "x"}, headers={"Origin": visitor.base})
    assert bare.status_code == 403
    assert visitor.get(ACCESS).status_code == 200, "nobody was signed out"
    pending = place.mesh.gateway.state.requests.listed(datetime.now(UTC))
    assert not [each for each in pending if each.principal == f"person:{ADA}"]


def test_who_did_not_open_the_page_cannot_sign_others_in(place: Town) -> None:
    visitor = place.visitor()
    sent = {"token": place.token(ADA), "form": "0" * 64}
    answer = visitor.client.post("/-/sign-in", data=sent, headers={"Origin": visitor.base})
    assert answer.status_code == 403
    assert "mesh_session" not in visitor.client.cookies


def test_under_tls_the_cookie_is_for_this_host_and_tls_alone() -> None:
    from starlette.responses import Response

    from mesh_defs.gateway.portal.session import cookie_name
    from mesh_defs.gateway.portal.visit import set_cookie

    base = "https://mesh.example"
    answer = Response()
    set_cookie(answer, cookie_name(base), "x", base)
    told = answer.headers["set-cookie"].lower()
    assert told.startswith("__host-mesh_session=x;")
    assert "secure" in told
    assert "domain=" not in told
