"""Asking for access over HTTP, answering, reading under a grant, revoking it meanwhile; leases."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml
from access_meshes import PEOPLE as SALES_PEOPLE
from gateway_http import Served, served
from http_meshes import LARGE, LARGE_ROWS, large_mesh
from issuers import Issuer, believed, issuing
from meshes import MESH_YAML

PEOPLE = SALES_PEOPLE.replace("people:\n", "people:\n  boss@shop.example: {roles: [auditor]}\n")
Log = Callable[[str], httpx.Client]

GUEST = "person:guest@shop.example"
ADA = "person:ada@shop.example"
BOSS = "person:boss@shop.example"  # may control the products of the shop


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as found:
        yield found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, issuer: Issuer) -> Path:
    gateway = {"identity": {"issuers": [believed(issuer)]}}
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["gateway"] = gateway
    more = {"mesh.yaml": yaml.safe_dump(profile), "principals.yaml": PEOPLE}
    return large_mesh(tmp_path_factory.mktemp("grants"), **more)


@pytest.fixture
def mesh(root: Path) -> Iterator[Served]:
    """A gateway of its own for each test, whose grants and requests begin with none."""
    shutil.rmtree(root / ".mesh" / "gateway", ignore_errors=True)
    with served(root) as found:
        yield found


@pytest.fixture
def own(mesh: Served, issuer: Issuer) -> Callable[[str], httpx.Client]:
    """A client of who logged in: its token is not for reading alone, as service tokens are."""

    def client(who: str) -> httpx.Client:
        now = int(time.time())
        mail = {"email": who.partition(":")[2], "email_verified": True}
        return mesh.with_token(issuer.token(**mail, iat=now, nbf=now, exp=now + 3600))

    return client


def ask(own: Log, who: str = GUEST, **more: object) -> httpx.Response:
    wish = {"url": "mesh://shop/large/large", "purpose": "analytics", "days": 30, **more}
    return own(who).post("/-/requests", json=wish)


def granted(mesh: Served, own: Log, who: str = GUEST) -> str:
    """The id of a new grant on the large port."""
    asked = ask(own, who)
    assert asked.status_code == 201, asked.text
    number = asked.json()["request"]["id"]
    approved = mesh.client("admin").post(f"/-/requests/{number}/approve", json={})
    assert approved.status_code == 200, approved.text
    return approved.json()["grant"]["id"]


def test_from_403_to_reading_and_back(mesh: Served, own: Log) -> None:
    guest = own(GUEST)
    denied = guest.get(LARGE)
    assert denied.status_code == 403
    assert "mesh request mesh://shop/large/large" in denied.json()["fix"]
    asked = ask(own, message="for the report")
    assert asked.status_code == 201
    number = asked.json()["request"]["id"]
    assert asked.json()["grant"] is None
    assert ask(own).status_code == 409, "the same was asked already"
    alone = guest.post(f"/-/requests/{number}/approve", json={})
    assert alone.status_code == 403
    assert "their own request" in alone.json()["detail"]
    stranger = own(ADA).post(f"/-/requests/{number}/approve", json={})
    assert stranger.status_code == 403
    owner = own(BOSS)
    pending = owner.get("/-/requests").json()["requests"]
    assert [(each["id"], each["you_may_answer"]) for each in pending] == [(number, True)]
    assert own(ADA).get("/-/requests").json()["requests"] == []
    approved = owner.post(f"/-/requests/{number}/approve", json={"days": 2})
    assert approved.status_code == 200
    grant = approved.json()["grant"]["id"]
    answer = guest.get(LARGE, params={"limit": 1})
    assert answer.status_code == 200
    assert answer.headers["Mesh-Grant"] == grant
    terms = guest.get("/shop/large/large").json()["grants"]
    assert [(each["grant"], each["purpose"]) for each in terms] == [(grant, "analytics")]
    assert [each["id"] for each in guest.get("/-/grants").json()["grants"]] == [grant]
    assert own("person:other@shop.example").get(LARGE).status_code in (401, 403)
    not_theirs = own(ADA).post(f"/-/grants/{grant}/revoke", json={"reason": "no"})
    assert not_theirs.status_code == 403
    revoked = owner.post(f"/-/grants/{grant}/revoke", json={"reason": "over"})
    assert revoked.status_code == 200
    assert guest.get(LARGE, params={"limit": 1}).status_code == 403
    assert guest.get("/shop/large/large").json()["grants"] == []
    again = owner.post(f"/-/grants/{grant}/revoke", json={"reason": "over"})
    assert again.status_code == 409


def test_denied_and_withdrawn_requests_open_nothing(mesh: Served, own: Log) -> None:
    guest = own(GUEST)
    number = ask(own).json()["request"]["id"]
    assert guest.post(f"/-/requests/{number}/withdraw").status_code == 200
    second = ask(own).json()["request"]["id"]
    owner = own(BOSS)
    denied = owner.post(f"/-/requests/{second}/deny", json={"reason": "no need"})
    assert denied.status_code == 200
    shown = guest.get("/-/requests", params={"all": "true"}).json()["requests"]
    assert {each["id"]: each["state"] for each in shown} == {
        number: "withdrawn",
        second: "denied",
    }
    assert owner.post(f"/-/requests/{second}/approve", json={}).status_code == 409
    assert guest.get(LARGE, params={"limit": 1}).status_code == 403


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"url": "mesh://shop/nope"}, 404),
        ({"url": "mesh://shop/secret"}, 404),
        ({"url": "mesh://shop/large/nope"}, 404),
        ({"url": "file:///etc/passwd"}, 404),
        ({"url": "mesh://shop/" + "x" * 300}, 404),
        ({"url": "mesh://shop/large/large?version=0"}, 400),
        ({"days": 0}, 400),
        ({"days": 4000}, 400),
        ({"days": "7"}, 400),
        ({"purpose": "';--"}, 400),
        ({"role": "admin"}, 400),
        ({"message": "x" * 3000}, 400),
        ({"principal": "person:admin"}, 400),
    ],
)
def test_what_cannot_be_asked_for_is_told(mesh: Served, own: Log, wish: dict, status: int) -> None:
    answer = ask(own, **wish)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert str(mesh.gateway.settings.root) not in answer.text


def test_hidden_products_and_those_that_are_not_there_answer_alike(mesh: Served, own: Log) -> None:
    hidden = ask(own, url="mesh://shop/secret")
    absent = ask(own, url="mesh://shop/absent")
    assert hidden.text.replace("secret", "absent") == absent.text


def test_nobody_asks_without_a_name(mesh: Served, own: Log) -> None:
    for path in ("/-/requests", "/-/grants"):
        assert mesh.client().get(path).status_code == 401
    wish = {"url": "mesh://shop/large/large", "purpose": "analytics", "days": 1}
    assert mesh.client().post("/-/requests", json=wish).status_code == 401


def test_a_revoked_grant_ends_what_is_being_read(mesh: Served, own: Log) -> None:
    """Also while the client takes nothing, so that the pieces stand still."""
    grant = granted(mesh, own)
    guest = own(GUEST)
    with guest.stream("GET", LARGE, params={"format": "ndjson"}) as answer:
        pieces = answer.iter_raw()
        got = len(next(pieces))
        revoked = mesh.client("admin").post(f"/-/grants/{grant}/revoke", json={"reason": "leak"})
        assert revoked.status_code == 200
        end = mesh.await_event("aborted", answer.headers["Mesh-Receipt"])
        assert end["reason"] == "it was ended: Ended"
        assert end["rows"] < LARGE_ROWS
        with pytest.raises(httpx.RemoteProtocolError):
            got += sum(map(len, pieces))
        assert got <= end["bytes"]


def test_many_readers_end_together(mesh: Served, own: Log) -> None:
    grant = granted(mesh, own)
    guest = own(GUEST)
    ended: list[BaseException] = []
    started = threading.Barrier(4)

    def read() -> None:
        try:
            with guest.stream("GET", LARGE, params={"format": "ndjson"}) as answer:
                pieces = answer.iter_raw()
                next(pieces)
                started.wait(30)
                mesh.await_event("aborted", answer.headers["Mesh-Receipt"])
                for _ in pieces:
                    pass
        except httpx.HTTPError as error:
            ended.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    started.wait(30)
    mesh.client("admin").post(f"/-/grants/{grant}/revoke", json={"reason": "leak"})
    for thread in threads:
        thread.join(60)
    assert len(ended) == 3


def lease(client: httpx.Client, path: str = "/shop/odd/odd", **body: object) -> dict:
    answer = client.post(f"{path}/connect", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_lease_reads_its_port_for_its_time_and_nothing_else(mesh: Served, own: Log) -> None:
    ada = own(ADA)
    made = lease(ada, ttl=600)
    until = datetime.fromisoformat(made["expires_at"])
    assert 0 < (until - datetime.now(UTC)).total_seconds() <= 600
    assert made["url"] == "mesh://shop/odd/odd"
    holder = mesh.with_token(made["token"])
    assert holder.get("/shop/odd/odd/data").status_code == 200
    assert holder.get("/shop/odd").status_code == 200
    assert ada.get("/shop/sales/sales/data").status_code == 200
    outside = holder.get("/shop/sales/sales/data")
    assert outside.status_code == 403
    assert "its token is for mesh://shop/odd/odd" in outside.json()["detail"]
    assert made["token"] not in outside.text


def test_a_lease_gets_itself_nothing_more(mesh: Served, own: Log) -> None:
    holder = mesh.with_token(lease(own(ADA))["token"])
    wish = {"url": "mesh://shop/large/large", "purpose": "analytics", "days": 1}
    assert holder.post("/-/requests", json=wish).status_code == 403
    number = ask(own).json()["request"]["id"]
    for verb, body in (("approve", {}), ("deny", {"reason": "no"}), ("withdraw", None)):
        assert holder.post(f"/-/requests/{number}/{verb}", json=body).status_code == 403
    grant = granted(mesh, own, ADA)
    assert holder.post(f"/-/grants/{grant}/revoke", json={"reason": "no"}).status_code == 403
    again = holder.post("/shop/odd/odd/connect", json={"ttl": 86_400})
    assert again.status_code in (400, 403), again.text
    other = holder.post("/shop/sales/sales/connect", json={})
    assert other.status_code == 403


def test_a_lease_ends_with_what_it_came_of(mesh: Served, own: Log) -> None:
    grant = granted(mesh, own)
    made = lease(own(GUEST), "/shop/large/large", purpose="analytics")
    holder = mesh.with_token(made["token"])
    assert holder.get(LARGE, params={"limit": 1}).status_code == 200
    mesh.client("admin").post(f"/-/grants/{grant}/revoke", json={"reason": "over"})
    assert holder.get(LARGE, params={"limit": 1}).status_code in (401, 403)
    assert own(GUEST).post("/shop/large/large/connect", json={}).status_code == 403


def test_how_long_a_lease_lasts_is_limited(mesh: Served, own: Log) -> None:
    ada = own(ADA)
    assert ada.post("/shop/odd/odd/connect", json={"ttl": 0}).status_code == 400
    too_long = ada.post("/shop/odd/odd/connect", json={"ttl": 10_000_000})
    assert too_long.status_code == 400
    assert "86400" in too_long.json()["detail"]
    assert mesh.client().post("/shop/odd/odd/connect", json={}).status_code == 401
