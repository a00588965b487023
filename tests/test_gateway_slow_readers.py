"""Readers that are slow, or stopped, keep nobody else waiting, and lose no row."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from access_meshes import READERS
from gateway_http import Served, served
from http_meshes import LARGE, LARGE_ROWS, QUERIERS, large_mesh
from meshes import MESH_YAML

from mesh_defs.contract.data import Rows
from mesh_defs.gateway.answers import Selection, choose_rows, read_rows
from mesh_defs.gateway.errors import Overloaded
from mesh_defs.gateway.limits import Limiter, Slots
from mesh_defs.gateway.query import hold
from mesh_defs.gateway.query.answer import Answer, Limits
from mesh_defs.gateway.query.engine import Engine
from mesh_defs.gateway.query.faults import Cancelled, TooLarge
from mesh_defs.gateway_limits import Limits as ProfileLimits
from mesh_defs.urls import MeshUrl

ADA = "person:ada@shop.example"
BOSS = "service:reports"
# Text of all rows waits for its reader: no buffer of a socket holds so much.
THROUGH_THE_ENGINE = {"format": "ndjson", "where": "id + 0 >= 0"}
ALL_ROWS = {"format": "ndjson"}
OPEN = """
@id("large")
permit (principal in Role::"auditor", action, resource) when { resource.domain == "shop" };
"""
ROWS = 200_000
MANY = f"SELECT i, repeat(md5(i::VARCHAR), 8) AS text FROM range({ROWS}) t(i)"
NONE: dict[str, Rows] = {}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    limits = "    gateway: {limits: {concurrent: 4, queue: 64, stalled_seconds: 1}}\n"
    files = {"mesh.yaml": MESH_YAML.rstrip() + "\n" + limits}
    return large_mesh(tmp_path_factory.mktemp("slow"), READERS + QUERIERS + OPEN, **files)


@pytest.fixture(scope="module")
def mesh(root: Path) -> Iterator[Served]:
    with served(root) as found:
        assert found.gateway.limiter.stalled_seconds == 1.0
        yield found


@contextlib.contextmanager
def slow_readers(
    mesh: Served, params: dict[str, str], count: int
) -> Iterator[list[tuple[bytes, Iterator[bytes]]]]:
    """Answers of which nobody took more than the first bytes, with those and the rest."""
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            client = mesh.client(BOSS, **{"Accept-Encoding": "identity"})
            answer = stack.enter_context(client.stream("GET", LARGE, params=params))
            assert answer.status_code == 200, answer.read()
            pieces = answer.iter_raw()
            opened.append((next(pieces), pieces))
        yield opened


@pytest.mark.parametrize("roomy", [True, False], ids=["in memory", "on disk"])
@pytest.mark.parametrize("params", [THROUGH_THE_ENGINE, ALL_ROWS], ids=["engine", "files"])
def test_many_slow_readers_keep_nobody_waiting_and_get_all_rows(
    mesh: Served, params: dict[str, str], roomy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are four places, and three slots of the engine; who waits is refused after 20 s."""
    monkeypatch.setattr(mesh.gateway.engine._room, "_roomy", lambda: roomy)
    monkeypatch.setattr(mesh.gateway.limiter, "stalled_seconds", 1000.0)
    with slow_readers(mesh, params, 8) as opened:
        sql = "SELECT count(*) AS n FROM shop.sales GROUP BY id % 2 ORDER BY n"
        for _ in range(2):
            answer = mesh.client(ADA).post("/query", params={"format": "json"}, content=sql)
            assert answer.status_code == 200, answer.text
        for first, rest in opened:
            text = first + b"".join(rest)
            numbers = [int(line[6:].split(b",")[0]) for line in text.splitlines()]
            assert numbers == list(range(LARGE_ROWS))
    assert mesh.gateway.engine._space._used == 0


def test_who_stops_reading_is_ended_after_the_seconds_of_the_profile(mesh: Served) -> None:
    with slow_readers(mesh, THROUGH_THE_ENGINE, 1):
        with mesh.gateway.limiter.queued():  # somebody waits
            begun = mesh.events()[-1]
            ended = mesh.await_event("aborted", begun["receipt"])
        assert ended["reason"] == "the client stopped reading"
        assert 0 < ended["rows"] < LARGE_ROWS
        until_free(mesh.gateway.limiter)


def until_free(limiter: Limiter) -> None:
    """All places are free, at the latest when this thread had its turn at each."""
    for _ in range(limiter._opened._free):
        limiter.place(ADA).close()


def test_while_nobody_waits_a_reader_may_stop_for_ten_times_as_long() -> None:
    limiter = Limiter(ProfileLimits(stalled_seconds=30))
    assert not limiter.stalled(299)
    assert limiter.stalled(300)
    with limiter.queued():
        assert not limiter.stalled(29)
        assert limiter.stalled(30)


def test_one_principal_has_half_of_the_open_answers() -> None:
    limiter = Limiter(ProfileLimits(open=4, queue=1))
    held = [limiter.place("greedy") for _ in range(2)]
    for place in held:
        place.pause()
    limiter._opened._seconds = 0.01
    with pytest.raises(Overloaded) as refused:
        limiter.place("greedy")
    assert refused.value.retry_after
    other = [limiter.place("modest") for _ in range(2)]
    held[0].close()
    held[0].close()
    held[0] = limiter.place("greedy")
    for place in (*held, *other):
        place.close()
    assert limiter._opened._free == 4
    assert not limiter._opened._held


def test_a_paused_place_is_another_s_until_its_turn_comes() -> None:
    limiter = Limiter(ProfileLimits(concurrent=1))
    slow, other = limiter.place("slow"), None
    slow.pause()
    other = limiter.place("other")
    resumed = threading.Event()

    def resume() -> None:
        slow.resume()
        resumed.set()

    thread = threading.Thread(target=resume)
    thread.start()
    assert not resumed.wait(0.05)
    other.close()
    assert resumed.wait(20)
    thread.join(20)
    slow.close()
    assert limiter._slots._free == 1


def test_a_place_that_is_cancelled_waits_no_more() -> None:
    limiter = Limiter(ProfileLimits(concurrent=1))
    slow = limiter.place("slow")
    slow.pause()
    with limiter.slot("other"):
        slow.cancel()
        with pytest.raises(Cancelled):
            slow.resume()
    slow.close()
    assert (limiter._slots._free, limiter._opened._free) == (1, 32)


def test_who_has_half_waits_while_others_pass() -> None:
    slots = Slots(2, 10, each=1)
    slots.take("greedy")
    thread = threading.Thread(target=slots.take, args=("greedy",))
    thread.start()
    slots.take("modest")
    slots.give_back("modest")
    slots.give_back("greedy")
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(hold, "GRACE_SECONDS", 0.0)
    engine = Engine(tmp_path / "scratch", running=1, wait=0.05, process_mb=None)
    yield engine
    engine.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def one(engine: Engine, sql: str) -> object:
    """The one value that ``sql`` gives."""
    with engine.run(sql, NONE) as answer:
        return answer.reader().read_all().column(0)[0].as_py()


def paused(engine: Engine, limits: Limits | None = None) -> tuple[Answer, list[int]]:
    """An answer whose reader took its first batch, and the numbers in that."""
    answer = engine.run(MANY, NONE, limits=limits)
    first = next(answer).column("i").to_pylist()
    answer.pause()
    return answer, first


@pytest.mark.parametrize("roomy", [True, False], ids=["in memory", "on disk"])
def test_a_paused_answer_s_slot_is_another_s(engine: Engine, roomy: bool) -> None:
    engine._room._roomy = lambda: roomy
    answer, numbers = paused(engine)
    for _ in range(3):
        assert one(engine, "SELECT 7") == 7
    answer.resume()
    for batch in answer:
        numbers += batch.column("i").to_pylist()
    assert numbers == list(range(ROWS))
    assert answer.rows == ROWS
    answer.close()
    assert engine._space._used == 0


def test_who_reads_keeps_the_slot(engine: Engine) -> None:
    answer, _ = paused(engine)
    answer.resume()
    with pytest.raises(Overloaded):
        engine.run("SELECT 1", NONE)
    answer.close()
    assert one(engine, "SELECT 7") == 7


def test_a_reader_that_comes_back_waits_for_its_turn(engine: Engine) -> None:
    answer, numbers = paused(engine)
    other = engine.run(MANY, NONE)
    answer.resume()
    read = threading.Thread(
        target=lambda: numbers.extend(n for b in answer for n in b.column("i").to_pylist())
    )
    read.start()
    assert sum(batch.num_rows for batch in other) == ROWS
    read.join(60)
    assert numbers == list(range(ROWS))


def test_what_is_too_large_for_the_disk_ends_with_the_reason(tmp_path: Path) -> None:
    engine = Engine(tmp_path / "scratch", running=1, wait=0.05, temp_mb=16, process_mb=None)
    engine._room._roomy = lambda: False
    answer, _ = paused(engine)
    answer.set_aside(park=False)
    answer.resume()
    with pytest.raises(TooLarge, match="slow"):
        list(answer)
    answer.close()
    assert engine._space._used == 0
    assert one(engine, "SELECT 7") == 7
    engine.close()


def test_what_waits_on_disk_is_lost_when_it_is_ended(engine: Engine) -> None:
    answer, _ = paused(engine)
    answer.set_aside(park=False)
    assert engine._space._used > 0
    answer.cancel()
    with pytest.raises(Cancelled):
        next(answer)
    assert engine._space._used == 0
    answer.close()


def test_rows_on_disk_count_to_what_an_answer_may_have(engine: Engine) -> None:
    answer, _ = paused(engine, Limits(rows=ROWS - 1))
    answer.set_aside(park=False)
    answer.resume()
    with pytest.raises(TooLarge, match="more than"):
        list(answer)
    answer.close()
    assert engine._space._used == 0


def test_times_with_a_zone_are_in_utc_and_need_no_engine(mesh: Served) -> None:
    """Of a connection's settings a cursor has only those that are global."""
    sql = "SELECT current_setting('TimeZone') AS zone"
    assert one(mesh.gateway.engine, sql) == "UTC"
    caller = mesh.gateway.authenticate(f"Bearer {mesh.token(BOSS)}")
    where = MeshUrl("shop", "odd", None)
    reads = [
        choose_rows(mesh.gateway, caller, where, Selection(), purpose=None, protocol="http")
        for _ in range(2)
    ]
    first = read_rows(mesh.gateway, caller, reads[0])
    assert "timestamp[us, tz=UTC]" in [str(kind) for kind in first.answer.schema.types]
    rows = sum(batch.num_rows for batch in first.answer)
    first.answer.close()
    first.done()
    mesh.gateway.engine.close()  # none is needed for what was described before
    again = read_rows(mesh.gateway, caller, reads[1])
    assert sum(batch.num_rows for batch in again.answer) == rows > 0
    again.answer.close()
    again.done()
