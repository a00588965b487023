"""The change feed as Server-Sent Events: what there is, then what comes, nothing lost or twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from gateway_http import Served, served
from sharing_meshes import ADA, CARL, DORA, people, plain, publish, shop

from mesh_defs.gateway.changes import feed, following

EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Served]:
    root = shop(tmp_path)
    publish(root, "log", plain("range(5000) t(i)"))
    publish(root, "people", people("range(4) t(i)"))
    with served(root) as mesh:
        yield mesh


def events(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """The events of a stream, comments left out."""
    assert answer.status_code == 200, answer.read()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    event: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            event |= {name: value}
        elif "data" in event:
            yield event
            event = {}
        else:
            event = {}


@contextmanager
def following_of(
    mesh: Served, who: str, path: str, **headers: str
) -> Iterator[Iterator[dict[str, str]]]:
    with mesh.client(who).stream("GET", path, headers={**EVENTS, **headers}) as answer:
        yield events(answer)


def rows(event: dict[str, str]) -> list[dict]:
    return json.loads(event["data"])["data"]["changes"]


def test_events_are_cloud_events_with_positions(mesh: Served) -> None:
    with following_of(mesh, DORA, "/shop/people/changes?since=-1&until=0") as stream:
        first, last = stream
    told = json.loads(first["data"])
    assert {name: told[name] for name in ("specversion", "id", "source", "type", "subject")} == {
        "specversion": "1.0",
        "id": "0",
        "source": "mesh://shop/people/people",
        "type": "mesh.port.changed",
        "subject": "mesh://shop/people/people?version=0",
    }
    assert datetime.fromisoformat(told["time"]).tzinfo is not None
    assert (first["id"], first["event"]) == ("0", "mesh.port.changed")
    assert [row["id"] for row in told["data"]["changes"]] == [0, 1, 2, 3]
    assert told["data"]["state"]["version"] == 0
    assert (last["event"], "version 0" in last["data"]) == ("end", True)


def test_a_dropped_connection_goes_on_where_it_was(mesh: Served) -> None:
    whole: list[int] = []
    position: dict[str, str] = {}
    connections = 0
    while True:
        path = "/shop/log/changes?since=-1&until=0"
        with following_of(mesh, DORA, path, **position) as stream:
            connections += 1
            event = next(stream)  # and no more: the connection is dropped after one
        if event["event"] == "end":
            break
        whole += [row["id"] for row in rows(event)]
        position = {"Last-Event-ID": event["id"]}
    assert whole == list(range(5000))
    assert connections > 2


def test_new_versions_come_as_they_are_published(mesh: Served) -> None:
    root = mesh.gateway.settings.root
    with following_of(mesh, DORA, "/shop/people/changes?since=0") as stream:
        publish(root, "people", people("range(1, 6) t(i)"))
        found = rows(next(stream))
        assert [(row["id"], row["_change_type"]) for row in found] == [
            (0, "delete"), (4, "insert"), (5, "insert"),
        ]  # fmt: skip
        publish(root, "people", people("range(1, 6) t(i)", "other.example"))
        event = next(stream)
        assert (event["id"], len(rows(event))) == ("2", 10)


def test_without_a_position_it_begins_with_what_comes_next(mesh: Served) -> None:
    root = mesh.gateway.settings.root
    with following_of(mesh, DORA, "/shop/people/changes") as stream:
        publish(root, "people", people("range(5) t(i)"))
        assert [row["id"] for row in rows(next(stream))] == [4]


def test_a_version_without_visible_changes_moves_the_position(mesh: Served) -> None:
    root = mesh.gateway.settings.root
    publish(root, "people", people("range(4) t(i)", "m_il.example"))
    with following_of(mesh, ADA, "/shop/people/changes?since=0&until=1") as stream:
        event = next(stream)
        assert (event["id"], rows(event)) == ("1", [])
        assert next(stream)["event"] == "end"


def test_readers_of_pages_and_of_events_see_the_same(mesh: Served) -> None:
    root = mesh.gateway.settings.root
    publish(root, "people", people("range(2, 9) t(i)"))
    for who in (ADA, DORA):
        with following_of(mesh, who, "/shop/people/changes?since=-1&until=1") as stream:
            streamed = [row for event in stream if event["event"] != "end" for row in rows(event)]
        assert streamed == mesh.client(who).get("/shop/people/changes?since=-1").json()


def test_it_ends_when_access_ends(mesh: Served) -> None:
    secret = mesh.token(DORA, urls=("mesh://shop/people",))
    client = mesh.with_token(secret)
    tokens = mesh.gateway.state.tokens
    with client.stream("GET", "/shop/people/changes?since=-1", headers=EVENTS) as answer:
        stream = events(answer)
        assert len(rows(next(stream))) == 4
        tokens.revoke(tokens.find(secret), "person:admin", "a test", datetime.now(UTC))
        last = next(stream)
        assert (last["event"], "revoked" in last["data"]) == ("end", True)
        assert list(stream) == []


def test_it_ends_when_the_rules_change(mesh: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "HEARTBEAT_SECONDS", 0.0)
    root = mesh.gateway.settings.root
    with following_of(mesh, DORA, "/shop/people/changes?since=-1") as stream:
        assert len(rows(next(stream))) == 4
        (root / "domains/shop/access.cedar").write_text(
            '@id("nobody") forbid (principal, action == Action::"subscribe", resource);\n'
        )
        last = next(stream)
        assert (last["event"], "may not subscribe" in last["data"]) == ("end", True)


def test_only_so_many_follow_at_once(mesh: Served) -> None:
    followers = mesh.gateway.changes.followers
    free = followers._free
    followers._free = 1
    path = "/shop/people/changes?since=-1"
    with following_of(mesh, DORA, path) as stream:
        next(stream)
        refused = mesh.client(DORA).get(path, headers=EVENTS)
        assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
    given_back = threading.Event()
    for _ in range(600):
        if followers._free == 1:
            given_back.set()
            break
        given_back.wait(0.05)
    assert given_back.is_set()
    followers._free = free


def test_a_reader_who_goes_leaves_a_receipt_and_nothing_else(
    mesh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "_BATCH_ROWS", 10)
    with following_of(mesh, DORA, "/shop/log/changes?since=-1") as stream:
        next(stream)
    wait = threading.Event()
    for _ in range(600):
        found = [each["event"] for each in mesh.events()]
        if len(found) == 2:
            break
        wait.wait(0.05)
    assert found[0] == "begun"
    assert found[1] in ("aborted", "completed")


def test_only_who_may_subscribe_may_follow(mesh: Served) -> None:
    assert mesh.client(CARL).get("/shop/people/changes", headers=EVENTS).status_code == 403
    assert mesh.client().get("/shop/people/changes", headers=EVENTS).status_code == 401
    for last in ("x", "99", "1.1", "0.1.0123456789abcdeg"):
        answer = mesh.client(DORA).get(
            "/shop/people/changes", headers={**EVENTS, "Last-Event-ID": last}
        )
        assert answer.status_code == 400, last
