"""No principal, and nobody nameless, takes all there is: others are served while it holds its
share."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from access_meshes import READERS
from gateway_http import Served, served
from http_meshes import LARGE, QUERIERS, http_mesh, large_mesh
from loopback import PLAIN
from meshes import MESH_YAML

from mesh_defs.contract.data import Rows
from mesh_defs.errors import Unauthenticated
from mesh_defs.gateway.answers import run_sql
from mesh_defs.gateway.errors import Overloaded
from mesh_defs.gateway.limits import MOST_FILES, Slots
from mesh_defs.gateway.query.engine import Engine

ADA = "person:ada@shop.example"
BOSS = "service:reports"
OPEN = """
@id("large")
permit (principal in Role::"reader", action, resource) when { resource.domain == "shop" };
"""
CHANGES = "/shop/large/large/changes?since=-1&limit=100000"
NONE: dict[str, Rows] = {}
MANY = "SELECT i, repeat(md5(i::VARCHAR), 8) AS text FROM range(200000) t(i)"


def profiled(**gateway: object) -> dict[str, str]:
    """``mesh.yaml`` with this gateway in its profile."""
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["gateway"] = gateway
    return {"mesh.yaml": yaml.safe_dump(profile)}


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = {"concurrent": 2, "open": 8, "stalled_seconds": 1}
    files = profiled(limits=limits)
    root = large_mesh(tmp_path_factory.mktemp("fair"), READERS + QUERIERS + OPEN, **files)
    with served(root) as found:
        yield found


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextlib.contextmanager
def stopped(mesh: Served, url: str, count: int, secret: str = "") -> Iterator[list[socket.socket]]:
    """So many requests of which nobody takes more than a socket holds."""
    base = urlsplit(mesh.base)
    shown = f"Authorization: Bearer {secret}\r\n" if secret else ""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            one.connect((base.hostname, base.port))
            one.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n{shown}\r\n".encode())
            opened.append(one)
        yield opened


@pytest.mark.parametrize("public", [True, False])
def test_nobody_nameless_runs_sql_even_where_it_names_no_port(tmp_path: Path, public: bool) -> None:
    taken: list[str] = []
    with served(http_mesh(tmp_path, **profiled(public_discovery=public))) as mesh:
        take = mesh.gateway.engine._slots.take
        mesh.gateway.engine._slots.take = lambda who, **more: (taken.append(who), take(who, **more))
        for sql in ("select 1 as x", "select 1 from range(10)", "select id from shop.sales", "no"):
            answer = mesh.client().post("/query", content=sql)
            assert answer.status_code == 401, answer.text
            assert "WWW-Authenticate" in answer.headers
        nobody = mesh.gateway.authenticate(None)
        with pytest.raises(Unauthenticated):
            run_sql(mesh.gateway, nobody, "select 1 as x", purpose=None, protocol="http")
        assert taken == []
        assert mesh.client(ADA).post("/query", content="select 1 as x").json() == [{"x": 1}]
        assert taken == [ADA]


def test_one_principal_has_half_of_the_signed_files(mesh: Served) -> None:
    mine, other = (
        mesh.client(who).get("/shop/large/files").json()["files"][0]["url"] for who in (ADA, BOSS)
    )
    files = mesh.gateway.limiter.files
    with stopped(mesh, urlsplit(mine).path, MOST_FILES + 6):
        until(lambda: files._held[ADA] == MOST_FILES // 2 and files.crowded)
        answer = httpx.get(other, headers={"Range": "bytes=0-99"}, **PLAIN)
        assert (answer.status_code, len(answer.content)) == (206, 100)
    until(lambda: files._free == MOST_FILES and not files.crowded)
    assert not files._held


def test_who_stops_reading_a_file_leaves_it_to_who_waits(mesh: Served) -> None:
    url = mesh.client(ADA).get("/shop/large/files").json()["files"][0]["url"]
    files = mesh.gateway.limiter.files
    with stopped(mesh, urlsplit(url).path, 1):
        until(lambda: files._held[ADA] == 1)
        with mesh.gateway.limiter.queued():  # somebody waits
            until(lambda: files._free == MOST_FILES)


def test_one_principal_has_half_of_the_files_by_ranges(mesh: Served) -> None:
    downloads = mesh.gateway.limiter.downloads
    path = f"{LARGE}?format=parquet"
    with stopped(mesh, path, MOST_FILES + 6, mesh.token(ADA)):
        until(lambda: downloads._held[ADA] == MOST_FILES // 2)
        for params in ({"limit": 5}, {}):
            answer = mesh.client(BOSS).get(LARGE, params={"format": "parquet", **params})
            assert answer.status_code == 200, answer.text
            assert answer.content[:4] == b"PAR1"
    until(lambda: downloads._free == MOST_FILES and not downloads.crowded)
    assert not downloads._held


def test_a_page_of_changes_that_nobody_takes_keeps_no_read_from_others(
    mesh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two may be read at once, and four be on their way to one principal."""
    monkeypatch.setattr(mesh.gateway.limiter, "stalled_seconds", 1000.0)
    limiter = mesh.gateway.limiter
    with stopped(mesh, CHANGES, 4, mesh.token(ADA)) as opened:
        until(lambda: limiter._opened._held[ADA] == 4 and limiter._slots._free == 2)
        answer = mesh.client(BOSS).get(LARGE, params={"limit": 3})
        assert (answer.status_code, len(answer.json())) == (200, 3)
        page = mesh.client(BOSS).get(CHANGES.replace("100000", "2"))
        assert (page.status_code, len(page.json())) == (200, 2)
        text = body(opened[0])
        numbers = [row["id"] for row in json.loads(text)]
        assert sorted(numbers) == list(range(100_000)), "none is lost on the way"
    until(lambda: limiter._opened._free == 8 and limiter._slots._free == 2)


def test_who_takes_nothing_of_its_changes_is_ended(mesh: Served) -> None:
    limiter = mesh.gateway.limiter
    with stopped(mesh, CHANGES, 1, mesh.token(ADA)):
        until(lambda: limiter._opened._held[ADA] == 1 and limiter._slots._free == 2)
        with limiter.queued():
            until(lambda: limiter._opened._free == 8)


def body(connection: socket.socket) -> bytes:
    """The body of an answer in chunks (RFC 9112, section 7.1), all of which must come."""
    found = bytearray()
    connection.settimeout(30)
    while not found.endswith(b"0\r\n\r\n"):
        piece = connection.recv(1 << 20)
        assert piece, "the connection was cut"
        found += piece
    head, _, rest = bytes(found).partition(b"\r\n\r\n")
    assert b"chunked" in head.lower()
    out, at = b"", 0
    while size := int(rest[at : (end := rest.index(b"\r\n", at))], 16):
        out += rest[end + 2 : end + 2 + size]
        at = end + 2 + size + 2
    return out


def test_one_principal_leaves_a_slot_of_the_engine_to_others(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "scratch", running=3, wait=0.05, process_mb=None)
    with contextlib.closing(engine):
        held = [engine.run(MANY, NONE, who=ADA) for _ in range(2)]
        with pytest.raises(Overloaded):
            engine.run(MANY, NONE, who=ADA)
        with engine.run("SELECT 7 AS n", NONE, who=BOSS) as answer:
            assert answer.reader().read_all().to_pylist() == [{"n": 7}]
        for each in held:
            each.close()
        assert engine._slots._free == 3
        assert not engine._slots._held


def test_where_one_query_runs_at_a_time_it_may_be_anybody_s(tmp_path: Path) -> None:
    with contextlib.closing(Engine(tmp_path / "x", running=1, process_mb=None)) as engine:
        for who in (ADA, BOSS):
            engine.run("SELECT 1", NONE, who=who).close()


def test_an_extract_is_its_caller_s_turn_at_the_engine(
    mesh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    take = mesh.gateway.engine._slots.take

    def noted(who: str, **more: object) -> None:
        asked.append(who)
        take(who, **more)

    monkeypatch.setattr(mesh.gateway.engine._slots, "take", noted)
    params = {"format": "parquet", "where": "id % 7 = 3", "order": "text"}
    assert mesh.client(ADA).get(LARGE, params=params).status_code == 200
    assert asked
    assert set(asked) == {ADA}


def test_one_key_has_half_of_the_queue() -> None:
    slots = Slots(2, 2, each=1)
    slots.take("greedy")
    waiting = threading.Thread(target=slots.take, args=("greedy",))
    waiting.start()
    until(lambda: slots.crowded)
    with pytest.raises(Overloaded):
        slots.take("greedy")
    slots.take("modest")
    slots.give_back("greedy")
    waiting.join(20)
    assert not waiting.is_alive()


def test_who_must_not_block_waits_for_its_turn_as_others_do() -> None:
    slots = Slots(1, 4)

    async def waits() -> None:
        slots.take("ada")
        turn = asyncio.ensure_future(slots.wait("bob"))
        left = asyncio.ensure_future(slots.wait("carl"))
        await asyncio.sleep(0)
        assert slots.crowded
        left.cancel()
        with pytest.raises(asyncio.CancelledError):
            await left
        # Another thread gives it back.
        await asyncio.get_running_loop().run_in_executor(None, slots.give_back)
        await turn
        slots._seconds = 0.01
        with pytest.raises(Overloaded, match="too long"):
            await slots.wait("dora")
        slots.give_back()
        assert (slots._free, slots.crowded) == (1, False)

    asyncio.run(waits())
