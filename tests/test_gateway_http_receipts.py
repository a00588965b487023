"""Every read over HTTP leaves its receipt: begun, completed, aborted or refused."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from access_meshes import READERS
from gateway_http import Served, served
from http_meshes import LARGE, LARGE_ROWS, QUERIERS, large_mesh

ADA = "person:ada@shop.example"
GUEST = "person:guest@shop.example"
BOSS = "service:reports"
PLAIN = {"Accept-Encoding": "identity"}
SALES = "/shop/sales/sales/data"
OPEN = """
@id("large")
permit (principal in Role::"auditor", action, resource) when { resource.domain == "shop" };
"""


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = large_mesh(tmp_path_factory.mktemp("receipts"), READERS + QUERIERS + OPEN)
    with served(root) as found:
        yield found


def of(mesh: Served, answer: httpx.Response) -> list[dict[str, Any]]:
    """What the receipt of ``answer`` says, in order."""
    number = answer.headers["Mesh-Receipt"]
    return [each for each in mesh.events() if each["receipt"] == number]


def test_a_small_read_is_one_record_that_says_what_was_read(mesh: Served) -> None:
    params = {"columns": "id,email", "purpose": "analytics"}
    answer = mesh.client(ADA).get(SALES, params=params, headers=PLAIN)
    (only,) = of(mesh, answer)
    assert only["event"] == "completed"
    assert only["principal"] == ADA
    assert only["credential"].startswith("token:")
    assert only["purpose"] == "analytics"
    assert only["identity"] == "shop/sales"
    assert (only["port"], only["version"], only["contract_version"]) == ("sales", 0, "1.0.0")
    assert only["masked"] == ["email", "phone", "born", "meal"]
    assert only["row_filter"] is False
    assert (only["rows"], only["bytes"]) == (12, len(answer.content))
    assert only["protocol"] == "http"
    assert answer.headers["Mesh-Masked"] == "email, phone, born, meal"


def test_a_stream_begins_and_ends_with_what_was_sent(mesh: Served) -> None:
    answer = mesh.client(BOSS).get(LARGE, params={"format": "ndjson"}, headers=PLAIN)
    assert answer.status_code == 200
    begun, ended = of(mesh, answer)
    assert (begun["event"], ended["event"]) == ("begun", "completed")
    assert ended["rows"] == LARGE_ROWS == answer.content.count(b"\n")
    assert ended["bytes"] == len(answer.content)


def test_it_is_complete_before_the_last_bytes_leave(mesh: Served) -> None:
    """Whoever has all bytes, has them after the receipt."""
    with mesh.client(BOSS).stream("GET", LARGE, params={"format": "ndjson"}) as answer:
        rows = 0
        for line in answer.iter_lines():
            rows += bool(line)
            if rows == LARGE_ROWS:
                assert of(mesh, answer)[-1]["event"] == "completed"
    assert rows == LARGE_ROWS


def test_a_query_leaves_one_for_every_port(mesh: Served) -> None:
    sql = "SELECT count(*) n FROM shop.sales s JOIN shop.odd o ON s.id = o.id"
    answer = mesh.client(ADA).post("/query", content=sql)
    assert answer.status_code == 200, answer.text
    numbers = answer.headers["Mesh-Receipt"].split(", ")
    found = {each["identity"]: each for each in mesh.events() if each["receipt"] in numbers}
    assert set(found) == {"shop/sales", "shop/odd"}
    assert {each["event"] for each in found.values()} == {"completed"}
    assert "count" not in json.dumps(found)


def test_a_refusal_leaves_one(mesh: Served) -> None:
    for path in (SALES, LARGE):
        before = len(mesh.events())
        assert mesh.client(GUEST).get(path).status_code == 403
        (only,) = mesh.events()[before:]
        assert only["event"] == "refused"
        assert only["principal"] == GUEST


def test_nobody_in_particular_leaves_none(mesh: Served) -> None:
    before = len(mesh.events())
    assert mesh.client(None).get(SALES).status_code == 401
    assert len(mesh.events()) == before


def test_a_wrong_selection_leaves_none_since_nothing_was_read(mesh: Served) -> None:
    before = len(mesh.events())
    assert mesh.client(ADA).get(SALES, params={"where": "nope"}).status_code == 400
    assert len(mesh.events()) == before


def test_a_client_that_goes_away_gives_it_up(mesh: Served) -> None:
    with mesh.client(BOSS).stream("GET", LARGE, params={"format": "ndjson"}) as answer:
        next(answer.iter_raw())
    ended = mesh.await_event("aborted", answer.headers["Mesh-Receipt"])
    assert ended["reason"] == "the client went away"
    assert 0 < ended["rows"] < LARGE_ROWS
    assert mesh.gateway.limiter.crowded is False


def test_who_takes_nothing_is_cut_off_when_others_wait(
    mesh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mesh.gateway.limiter, "stalled_seconds", 1.0)
    where = urlsplit(mesh.base)
    with socket.create_connection((where.hostname, where.port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        head = f"GET {LARGE}?format=ndjson HTTP/1.1\r\nHost: localhost\r\n"
        client.sendall(f"{head}Authorization: Bearer {mesh.token(BOSS)}\r\n\r\n".encode())
        text = client.recv(4096).decode("latin-1")
        number = text.lower().partition("mesh-receipt: ")[2].partition("\r\n")[0]
        with mesh.gateway.limiter.queued():
            ended = mesh.await_event("aborted", number)
        assert ended["reason"] == "the client stopped reading"
    answer = mesh.client(BOSS).get(LARGE, params={"limit": 1})
    assert answer.status_code == 200


def test_what_its_owner_sees_and_what_others_see_of_receipts(mesh: Served) -> None:
    for who in (ADA, GUEST):
        mesh.client(who).get(SALES)
    mine = mesh.client(ADA).get("/shop/sales/receipts").json()["receipts"]
    assert mine
    assert {each["principal"] for each in mine} == {ADA}
    everybody = mesh.client("admin").get("/shop/sales/receipts").json()["receipts"]
    assert {GUEST, ADA} <= {each["principal"] for each in everybody}
    assert mesh.client(ADA).get("/shop/sales/usage").status_code == 403
    usage = mesh.client("admin").get("/shop/sales/usage").json()["usage"]
    assert ADA in json.dumps(usage)
    assert mesh.client(ADA).get("/shop/secret/receipts").status_code == 404


def test_no_receipt_was_changed_or_lost(mesh: Served) -> None:
    assert mesh.gateway.state.receipts.verify().sound
