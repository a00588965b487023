"""Saying something of a product over HTTP, and answering; and what was measured of it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from access_meshes import PEOPLE as SALES_PEOPLE
from gateway_http import Served, served
from http_meshes import LARGE_READERS, READERS, http_mesh
from issuers import Issuer, believed, issuing
from meshes import MESH_YAML

from mesh_defs.gateway.asking import LONGEST_TEXT

PEOPLE = SALES_PEOPLE.replace("people:\n", "people:\n  boss@shop.example: {roles: [auditor]}\n")
ADA, BOSS, GUEST = (f"person:{name}@shop.example" for name in ("ada", "boss", "guest"))
SALES = "/shop/sales/feedback"
HOSTILE = "<img src=x onerror=alert(1)> {{7*7}} '; drop table mesh_feedback; --\x1b[2J\u202e"
Log = Callable[[str], httpx.Client]


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as found:
        yield found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Path:
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["gateway"] = {"identity": {"issuers": [believed(issuer)]}}
    more = {"mesh.yaml": yaml.safe_dump(profile), "principals.yaml": PEOPLE}
    return http_mesh(tmp_path_factory.mktemp("said"), READERS + LARGE_READERS, **more)


@pytest.fixture
def mesh(root: Path) -> Iterator[Served]:
    shutil.rmtree(root / ".mesh" / "gateway", ignore_errors=True)
    with served(root) as found:
        yield found


@pytest.fixture
def own(mesh: Served, issuer: Issuer) -> Log:
    """A client of who logged in."""

    def client(who: str) -> httpx.Client:
        now = int(time.time())
        mail = {"email": who.partition(":")[2], "email_verified": True}
        return mesh.with_token(issuer.token(**mail, iat=now, nbf=now, exp=now + 3600))

    return client


def given(answer: httpx.Response) -> dict:
    assert answer.status_code in (200, 201), answer.text
    return answer.json()["feedback"]


def test_rating_asking_and_reporting(own: Log) -> None:
    ada = own(ADA)
    rated = given(ada.post(SALES, json={"kind": "rating", "stars": 4, "text": "good"}))
    assert (rated["stars"], rated["principal"], rated["version"]) == (4, ADA, 0)
    asked = given(ada.post(SALES, json={"kind": "question", "text": "Are returns in it?"}))
    reported = given(ada.post(SALES, json={"kind": "problem", "text": "Yesterday is missing."}))
    told = own(BOSS).get(SALES).json()
    assert (told["ratings"]["mean"], told["ratings"]["count"]) == (4.0, 1)
    assert [one["id"] for one in told["questions"]] == [asked["id"]]
    assert [one["id"] for one in told["problems"]] == [reported["id"]]
    assert told["you_may_answer"] is True
    assert ada.get(SALES).json()["you_may_answer"] is False


def test_it_stands_in_the_discovery_document(own: Log) -> None:
    given(own(ADA).post(SALES, json={"kind": "problem", "text": "late"}))
    told = own(BOSS).get("/shop/sales/discovery").json()["feedback"]
    assert [(one["text"], one["principal"]) for one in told["problems"]] == [("late", ADA)]
    assert (told["ratings"]["count"], told["questions"]) == (0, [])


def test_who_controls_it_answers_and_nobody_else(own: Log) -> None:
    ada, boss = own(ADA), own(BOSS)
    number = given(ada.post(SALES, json={"kind": "problem", "text": "late"}))["id"]
    for path, body in (("answers", {"text": "no"}), ("state", {"state": "solved"})):
        refused = ada.post(f"{SALES}/{number}/{path}", json=body)
        assert refused.status_code == 403, refused.text
    assert given(boss.post(f"{SALES}/{number}/answers", json={"text": "soon"}))["answers"]
    found = given(boss.post(f"{SALES}/{number}/state", json={"state": "acknowledged"}))
    assert (found["state"], found["settled_by"]) == ("acknowledged", BOSS)
    assert boss.post(f"{SALES}/{number}/state", json={"state": "acknowledged"}).status_code == 409
    assert boss.post(f"{SALES}/{number}/state", json={"state": "gone"}).status_code == 400
    found = given(boss.post(f"{SALES}/{number}/state", json={"state": "solved"}))
    assert own(ADA).get(SALES).json()["problems"][0]["state"] == "solved"


def test_anonymous_may_not(mesh: Served) -> None:
    nobody = mesh.client()
    body = {"kind": "rating", "stars": 1}
    assert nobody.post(SALES, json=body).status_code == 401
    assert nobody.post(f"{SALES}/ask_1/answers", json={"text": "x"}).status_code == 401
    assert nobody.post(f"{SALES}/ask_1/state", json={"state": "solved"}).status_code == 401


def test_a_token_that_is_for_reading_may_not(mesh: Served) -> None:
    answer = mesh.client(ADA).post(SALES, json={"kind": "rating", "stars": 1})
    assert answer.status_code == 403
    assert "for reading what it names" in answer.text


def test_of_what_one_may_not_know_nothing_is_said(own: Log, mesh: Served) -> None:
    hidden, none = "/shop/secret/feedback", "/shop/nothing/feedback"
    ada, boss = own(ADA), own(BOSS)
    for method, body in (("GET", None), ("POST", {"kind": "rating", "stars": 5})):
        answers = [ada.request(method, path, json=body) for path in (hidden, none)]
        assert [one.status_code for one in answers] == [404, 404]
        texts = [one.text.replace("secret", "nothing") for one in answers]
        assert texts[0] == texts[1]
    number = given(boss.post(hidden, json={"kind": "question", "text": "who knows?"}))["id"]
    # Its id does not help, below another product either.
    assert ada.post(f"{SALES}/{number}/answers", json={"text": "I"}).status_code == 404
    assert boss.post(f"{SALES}/{number}/answers", json={"text": "I"}).status_code == 404
    assert mesh.client().get(hidden).status_code in (401, 404)


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "rating"},
        {"kind": "rating", "stars": 0},
        {"kind": "rating", "stars": 6},
        {"kind": "rating", "stars": 4.5},
        {"kind": "rating", "stars": True},
        {"kind": "question"},
        {"kind": "question", "text": "   "},
        {"kind": "question", "text": "x" * (LONGEST_TEXT + 1)},
        {"kind": "question", "text": "why?", "stars": 3},
        {"kind": "problem", "text": "half \0 of it"},
        {"kind": "praise", "text": "well"},
        {"kind": "question", "text": "why?", "principal": "person:boss@shop.example"},
    ],
)
def test_what_is_not_well_formed_is_refused(own: Log, body: dict) -> None:
    ada = own(ADA)
    answer = ada.post(SALES, json=body)
    assert answer.status_code in (400, 422), answer.text
    told = ada.get(SALES).json()
    assert (told["ratings"]["count"], told["questions"], told["problems"]) == (0, [], [])


def test_half_a_character_is_refused(own: Log) -> None:
    raw = b'{"kind": "question", "text": "\\ud800"}'
    answer = own(ADA).post(SALES, content=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)


def test_hostile_text_stays_text(own: Log) -> None:
    ada, boss = own(ADA), own(BOSS)
    number = given(ada.post(SALES, json={"kind": "question", "text": HOSTILE}))["id"]
    given(boss.post(f"{SALES}/{number}/answers", json={"text": HOSTILE}))
    answer = ada.get(SALES)
    assert answer.headers["content-type"] == "application/json"
    (told,) = answer.json()["questions"]
    assert (told["text"], told["answers"][0]["text"]) == (HOSTILE, HOSTILE)


def test_facts_are_measured_for_who_reads_it_all(own: Log) -> None:
    given(own(ADA).post("/shop/odd/feedback", json={"kind": "rating", "stars": 3}))
    answer = own(ADA).get("/shop/odd/trust")
    assert answer.status_code == 200, answer.text
    (port,) = answer.json()["ports"]
    facts = {one["id"]: one for one in port["facts"]}
    assert facts["promises_kept"]["value"] is not None
    assert facts["completeness"]["value"] is not None
    assert (facts["ratings"]["value"], facts["ratings"]["details"]["count"]) == (3.0, 1)
    assert facts["consumers"]["details"] == {"products": [], "holders": {}}
    assert "score" not in json.dumps(facts).lower()


def test_facts_tell_no_more_than_one_may_read(own: Log) -> None:
    answer = own(GUEST).get("/shop/sales/trust")
    assert answer.status_code == 200, answer.text
    facts = {one["id"]: one for one in answer.json()["ports"][0]["facts"]}
    for name in ("completeness", "volume_stability"):
        assert (facts[name]["value"], facts[name]["series"]) == (None, [])
        assert facts[name]["how"].startswith("Not shown")
    assert facts["promises_kept"]["value"] == 1.0
    assert own(ADA).get("/shop/secret/trust").status_code == 404
