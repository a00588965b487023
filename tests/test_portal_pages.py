"""The pages of the portal: complete, light, with nothing from elsewhere, for who may see them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from portal_people import ADA, BOSS, GUEST, Skeleton, Town, town

PUBLIC = ["/", "/-/find", "/-/find?q=odd", "/-/map", "/-/governance", "/-/sign-in", "/shop/odd"]
OF_ONE = [
    "/shop/odd/odd",
    "/shop/odd?version=0",
    "/-/lineage/shop/odd",
    "/-/lineage/shop/odd?port=odd&column=word",
    "/-/changes/shop/odd",
    "/-/rows/shop/odd/odd",
    "/-/access",
]
MOST_BYTES = 300_000


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("pages")) as found:
        yield found


@pytest.mark.parametrize("who", [None, ADA, "admin"])
@pytest.mark.parametrize("path", PUBLIC + OF_ONE)
def test_a_page_is_whole_and_its_own(place: Town, path: str, who: str | None) -> None:
    answer = place.visitor(who).get(path)
    closed = who is None and path.startswith(("/-/access", "/-/rows"))
    assert answer.status_code == (401 if closed else 200), answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "private, no-store"
    skeleton = Skeleton(answer.text)
    assert skeleton.wrong == []
    tags = [tag for tag, _ in skeleton.elements]
    assert [tags.count(each) for each in ("main", "h1", "title")][:2] == [1, 1]
    assert len(answer.content) < MOST_BYTES
    labels = set(re.findall(r' for="([^"]+)"', answer.text))
    assert labels <= set(re.findall(r' id="([^"]+)"', answer.text))
    ids = re.findall(r' id="([^"]+)"', answer.text)
    assert len(ids) == len(set(ids)), "an id stands twice"


@pytest.mark.parametrize("path", [*PUBLIC, "/shop/odd/odd", "/-/map?domain=shop"])
def test_every_link_leads_somewhere(place: Town, path: str) -> None:
    visitor = place.visitor(ADA)
    html = visitor.get(path).text
    for link in sorted(set(re.findall(r'(?:href|src|data-load)="(/[^"]*)"', html))):
        answer = visitor.get(link.replace("&amp;", "&"))
        assert answer.status_code == 200, f"{path} leads to {link}: {answer.status_code}"
    for anchor in re.findall(r'href="#([^"]+)"', html):
        assert f'id="{anchor}"' in html


def test_files_are_light_and_kept_for_ever(place: Town) -> None:
    visitor = place.visitor()
    html = visitor.get("/").text
    found = set(re.findall(r'"(/-/static/[^"]+)"', html))
    assert {path.rpartition(".")[2] for path in found} == {"css", "js", "svg"}
    for path in found:
        answer = visitor.get(path)
        assert "immutable" in answer.headers["Cache-Control"]
        assert len(answer.content) < 30_000
        stale = re.sub(r"static/\w+", "static/0000000000000000", path)
        assert visitor.get(stale).status_code == 404
    assert visitor.get("/-/static/x/..%2Frender.py").status_code == 404


@pytest.mark.parametrize("who", [None, GUEST, ADA])
def test_what_may_not_be_known_of_is_nowhere(place: Town, who: str | None) -> None:
    visitor = place.visitor(who)
    for path in [*PUBLIC, *OF_ONE, "/-/find?q=secret", "/-/map?domain=shop"]:
        text = visitor.get(path).text.replace("q=secret", "").replace('value="secret"', "")
        text = text.replace("<title>secret", "").replace("<q>secret</q>", "")
        assert "secret" not in re.sub(r'name="next"[^>]*>', "", text), path
    hidden, nothing = visitor.get("/shop/secret"), visitor.get("/shop/nothing")
    assert hidden.status_code == nothing.status_code == (401 if who is None else 404)
    shape = [re.sub("secret|nothing|[0-9a-f]{64}", "", each.text) for each in (hidden, nothing)]
    assert shape[0] == shape[1]
    assert "shop/secret" in place.visitor(BOSS).get("/-/map").text


def test_the_same_address_is_a_page_and_a_document(place: Town) -> None:
    client = place.mesh.client()
    assert client.get("/shop/odd").headers["Content-Type"] == "application/json"
    page = client.get("/shop/odd", headers={"Accept": "text/html,application/xml;q=0.9,*/*;q=0.8"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert client.get("/shop/nothing").headers["Content-Type"] == "application/problem+json"
    found = client.get("/shop/nothing", headers={"Accept": "text/html"})
    assert (found.status_code, found.headers["Content-Type"]) == (401, "text/html; charset=utf-8")


def test_errors_are_pages_that_say_what_to_do(place: Town) -> None:
    visitor = place.visitor(ADA)
    for path, status in (
        ("/shop/nothing", 404),
        ("/-/find?q=a&wrong=b", 400),
        ("/-/find?start=-1", 400),
    ):
        answer = visitor.get(path)
        assert answer.status_code == status
        assert "What to do:" in answer.text
        assert Skeleton(answer.text).wrong == []
    refused = place.visitor(GUEST).get("/-/rows/shop/large/large")
    assert refused.status_code == 403
    assert "mesh request" in refused.text


def test_a_part_is_less_than_its_page(place: Town) -> None:
    visitor = place.visitor(ADA)
    for path, part in (
        ("/-/find?q=odd", "results"),
        ("/-/lineage/shop/odd", "lineage"),
        ("/-/changes/shop/odd", "changes"),
    ):
        whole, piece = visitor.get(path).text, visitor.get(path, **{"Portal-Fragment": part}).text
        assert "<html" in whole
        assert "<html" not in piece
        assert len(piece) < len(whole)


def test_asking_answering_and_reading_by_forms(place: Town) -> None:
    guest, boss = place.visitor(GUEST), place.visitor(BOSS)
    product = "/shop/large/large"
    assert "You may not read it" in guest.get(product).text
    wish = {"url": "mesh://shop/large/large", "purpose": "analytics", "days": "30"}
    asked = guest.post("/-/access/ask", product, **wish, message="<b>please</b>")
    assert (asked.status_code, asked.headers["Location"]) == (303, "/-/access?done=asked")
    number = re.search(r"/-/access/(req_\w+)/withdraw", guest.get("/-/access").text)[1]
    waiting = boss.get("/-/access").text
    assert f"/-/access/{number}/approve" in waiting
    assert "&lt;b&gt;please&lt;/b&gt;" in waiting
    assert number not in place.visitor(ADA).get("/-/access").text
    assert guest.post(f"/-/access/{number}/approve", "/-/access").status_code == 403
    assert boss.post(f"/-/access/{number}/approve", "/-/access", days="2").status_code == 303
    assert "You read it for <b>analytics</b>" in guest.get(product).text
    rows = guest.get("/-/rows/shop/large/large?purpose=analytics")
    assert rows.status_code == 200
    receipt = re.search(r"receipt <code>([^<]+)</code>", rows.text)[1]
    assert place.mesh.await_event("completed", receipt)["protocol"] == "portal"
    grant = re.search(r"/-/access/(grant_\w+)/revoke", guest.get("/-/access").text)[1]
    given_back = guest.post(f"/-/access/{grant}/revoke", "/-/access", reason="done")
    assert given_back.status_code == 303
    assert guest.get("/-/rows/shop/large/large").status_code == 403


def test_who_signed_in_with_a_token_for_reading_only_looks(place: Town) -> None:
    visitor = place.visitor()
    assert visitor.sign_in(place.mesh.token(f"person:{ADA}")).status_code == 303
    page = visitor.get("/-/access").text
    assert "a token for reading alone" in page
    wish = {"url": "mesh://shop/large", "purpose": "analytics", "days": "9"}
    assert visitor.post("/-/access/ask", "/-/access", **wish).status_code == 403


def test_saying_something_of_a_product(place: Town) -> None:
    ada, boss = place.visitor(ADA), place.visitor(BOSS)
    path = "/-/feedback/shop/odd"
    question = {"kind": "question", "text": "What is <i>odd</i>?", "stars": "5"}
    assert ada.post(path, "/shop/odd", **question).status_code == 303
    assert ada.post(path, "/shop/odd", kind="rating", stars="4", text="").status_code == 303
    assert ada.post(path, "/shop/odd", kind="praise", text="x").status_code == 400
    assert place.visitor(ADA).post("/-/feedback/shop/secret", "/", **question).status_code == 404
    shown = boss.get("/shop/odd").text
    assert "What is &lt;i&gt;odd&lt;/i&gt;?" in shown
    assert "4 of 5 stars" in shown
    number = re.search(r"/-/feedback/shop/odd/(\w+)", shown)[1]
    assert ada.post(f"{path}/{number}", "/shop/odd", text="me").status_code == 403
    assert boss.post(f"{path}/{number}", "/shop/odd", text="Strange.").status_code == 303
    assert "Strange." in ada.get("/shop/odd").text
    assert f"person:{ADA}" not in place.visitor().get("/shop/odd").text
