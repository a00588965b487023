"""The second wall, alone: whatever text reaches the engine reads granted files and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import duckdb
import pytest
from hostile_queries import HOSTILE, SECRET, VIEW, Folder, text_of

from mesh_defs.contract.data import Rows
from mesh_defs.gateway.errors import GatewayError, Overloaded
from mesh_defs.gateway.query.answer import Limits
from mesh_defs.gateway.query.engine import Engine
from mesh_defs.gateway.query.faults import BadQuery, Cancelled, QueryFailed, TooLarge
from mesh_defs.gateway.query.instance import Instance, Size
from mesh_defs.gateway.query.watch import OWN_MB, Watch

LONG = (
    f'SELECT count(*) FROM "{VIEW}" a, "{VIEW}" b, "{VIEW}" c, "{VIEW}" d WHERE a.id + b.id > c.id'
)
MANY = f'SELECT a.id FROM "{VIEW}" a, "{VIEW}" b, "{VIEW}" c'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("files"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(tmp_path / "scratch", memory_mb=128, running=2, wait=0.05, process_mb=None)
    yield engine
    engine.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def told(engine: Engine, folder: Folder, sql: str) -> str:
    """What comes out of the engine, rows or an error."""
    try:
        return text_of(engine.run(sql, folder.relations, limits=Limits(seconds=5)))
    except GatewayError as error:
        return str(error)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_gets_nothing_without_the_first_wall(
    hostile: str, engine: Engine, folder: Folder
) -> None:
    before = folder.digests()
    sql = hostile.format(root=folder.root, open=folder.open)
    assert SECRET not in told(engine, folder, sql.replace("shop.sales.sales", f'"{VIEW}"'))
    assert folder.digests() == before
    assert "JFK" in told(engine, folder, f'SELECT * FROM "{VIEW}" LIMIT 1')


def test_the_secret_would_be_found_where_it_is_granted(engine: Engine, folder: Folder) -> None:
    granted = {VIEW: Rows.parquet([str(folder.raw)])}
    assert SECRET in text_of(engine.run(f'SELECT * FROM "{VIEW}"', granted))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_connection_itself_is_locked(hostile: str, tmp_path: Path, folder: Folder) -> None:
    """Even what is no SELECT, past every look at the text, reads no file that was not granted."""
    if "TO '{open}'" in hostile:
        pytest.skip("a granted file can be written by COPY alone, which the engine runs for nobody")
    if "RECURSIVE" in hostile:
        pytest.skip("reads nothing and has no end, which the engine's time limit gives it")
    if "storage := 'file'" in hostile:
        pytest.skip("ends the process when it is closed, so that the engine runs it for nobody")
    instance = Instance(frozenset(folder.relations.items()), tmp_path, Size(64, 64, 1))
    before = folder.digests()
    sql = hostile.format(root=folder.root, open=folder.open)
    try:
        found = str(instance.connection.execute(sql).fetchall())
    except duckdb.Error as error:
        found = str(error)
    finally:
        instance.close()
    # An error quotes the path and the text of the query; the secret is in neither.
    assert SECRET not in found
    assert folder.digests() == before


def test_a_granted_file_is_not_overwritten(engine: Engine, folder: Folder) -> None:
    before = folder.digests()
    for options in ("", ", USE_TMP_FILE false"):
        sql = f"COPY (SELECT 1 AS id) TO '{folder.open}' (FORMAT parquet{options})"
        with pytest.raises(BadQuery, match="COPY"):
            engine.run(sql, folder.relations)
    assert folder.digests() == before


def test_files_with_the_letters_of_patterns_are_read_and_only_they(
    engine: Engine, folder: Folder, tmp_path: Path
) -> None:
    odd = tmp_path / "it's [x]*?.parquet"
    odd.write_bytes(folder.open.read_bytes())
    (tmp_path / "it's x1.parquet").write_bytes(folder.raw.read_bytes())
    relations = {"odd": Rows.parquet([str(odd)])}
    assert SECRET not in text_of(engine.run("SELECT * FROM odd", relations))
    assert SECRET not in told(engine, folder, f"SELECT * FROM read_parquet('{tmp_path}/it*')")


def test_no_python_value_is_a_relation(engine: Engine, folder: Folder) -> None:
    import pyarrow as pa

    secrets = pa.table({"secret": [SECRET]})
    assert secrets.num_rows == 1
    assert SECRET not in told(engine, folder, "SELECT * FROM secrets")


def test_an_instance_in_which_a_log_was_begun_is_used_no_more(
    tmp_path: Path, folder: Folder
) -> None:
    instance = Instance(frozenset(folder.relations.items()), tmp_path, Size(64, 64, 1))
    assert instance.clean
    instance.connection.execute("SELECT * FROM enable_logging('QueryLog')")
    assert not instance.clean
    instance.close()


def test_an_instance_serves_the_same_files_alone(engine: Engine, folder: Folder) -> None:
    raw = {"raw": Rows.parquet([str(folder.raw)])}
    text_of(engine.run("SELECT 1", raw))
    assert SECRET not in told(engine, folder, "SELECT * FROM raw")
    both = {**raw, **folder.relations}
    assert SECRET in text_of(engine.run("SELECT * FROM raw LIMIT 1", both))
    assert SECRET not in told(engine, folder, f"SELECT * FROM read_parquet('{folder.raw}')")


def test_parameters_are_values_and_never_text(engine: Engine, folder: Folder) -> None:
    sql = f'SELECT count(*) AS n FROM "{VIEW}" WHERE origin = $1 AND id < $2'
    assert text_of(engine.run(sql, folder.relations, ["JFK", 10])) == "[{'n': 10}]"
    assert text_of(engine.run(sql, folder.relations, ["' OR 1=1 --", 10])) == "[{'n': 0}]"


def test_errors_quote_no_value_of_a_row(engine: Engine, folder: Folder) -> None:
    granted = {VIEW: Rows.parquet([str(folder.raw)])}
    with pytest.raises(QueryFailed) as error:
        text_of(engine.run(f'SELECT email::INTEGER FROM "{VIEW}"', granted))
    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None
    with pytest.raises(QueryFailed, match="nothere"):
        engine.run(f'SELECT nothere FROM "{VIEW}"', granted)


@pytest.mark.parametrize("limits", [Limits(rows=5000), Limits(bytes=50_000)])
def test_more_rows_or_bytes_than_allowed_end_it(
    limits: Limits, engine: Engine, folder: Folder
) -> None:
    answer = engine.run(MANY, folder.relations, limits=limits)
    with pytest.raises(TooLarge, match="more than"):
        list(answer)
    assert "JFK" in told(engine, folder, f'SELECT * FROM "{VIEW}" LIMIT 1')


def test_time_ends_it_before_its_first_row(engine: Engine, folder: Folder) -> None:
    with pytest.raises(TooLarge, match="too long"):
        list(engine.run(LONG, folder.relations, limits=Limits(seconds=0.2)))


def test_memory_ends_it(engine: Engine, folder: Folder) -> None:
    sql = f'SELECT list(a.origin || b.id) FROM "{VIEW}" a, "{VIEW}" b, "{VIEW}" c'
    with pytest.raises(TooLarge, match="memory"):
        list(engine.run(sql, folder.relations))


def test_what_no_limit_of_the_engine_sees_is_ended_too(tmp_path: Path, folder: Folder) -> None:
    engine = Engine(tmp_path / "scratch", memory_mb=128, process_mb=480)
    # What the process holds: little when the query begins, then more than it may.
    engine._watch._resident = chain([100.0], repeat(5000.0)).__next__
    try:
        with pytest.raises(TooLarge, match="than there is"):
            list(engine.run(LONG, folder.relations))
    finally:
        engine.close()


def test_the_youngest_is_ended_and_the_others_go_on() -> None:
    class Running:
        deadline = time.monotonic() + 1000
        stopped = False

        def __init__(self) -> None:
            self.reason = threading.Event()

        def stop(self, reason: GatewayError) -> None:
            self.reason.set()

    old, young = Running(), Running()
    held = [50.0]
    watch = Watch(100, resident=lambda: held[0] if not young.reason.is_set() else 50.0)
    with watch._changed:
        watch.add(old)
        watch.add(young)
        held[0] = 51.0 + 2 * OWN_MB + 50
    assert young.reason.wait(10)
    assert not old.reason.is_set()
    watch.close(Cancelled("done"))


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("own_mb", [0, 100])
def test_what_others_hold_ends_no_query(own_mb: int, waits: bool) -> None:
    class Running:
        deadline = float("inf") if waits else time.monotonic() + 1000
        stopped = False
        ended = False

        def stop(self, reason: GatewayError) -> None:
            self.ended = True

    looked = threading.Semaphore(0)
    held = [300.0]

    def resident() -> float:
        looked.release()
        return held[0]

    only = Running()
    watch = Watch(100, own_mb, resident)
    watch.add(only)
    # While a query waits for its reader it is others who take more, however much.
    held[0] = 300.0 + (10_000 if waits else own_mb + OWN_MB)
    for _ in range(5):
        assert looked.acquire(timeout=10)
    assert not only.ended
    watch.close(Cancelled("done"))


def test_another_thread_cancels_what_computes(engine: Engine, folder: Folder) -> None:
    answers = []
    seen = threading.Event()
    watch = engine._watch
    add = watch.add

    def added(answer: object) -> None:
        answers.append(answer)
        add(answer)  # type: ignore[arg-type]
        seen.set()

    watch.add = added  # type: ignore[method-assign, assignment]

    def cancel() -> None:
        assert seen.wait(10)
        answers[0].cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(Cancelled):
        list(engine.run(LONG, folder.relations))
    thread.join()


def test_what_is_closed_in_the_middle_frees_its_slot(engine: Engine, folder: Folder) -> None:
    for _ in range(4):  # twice as many as there are slots
        with engine.run(MANY, folder.relations) as answer:
            assert next(answer).num_rows > 0
        with pytest.raises(Cancelled):
            next(answer)


def test_over_its_slots_the_engine_says_when_to_come_back(engine: Engine, folder: Folder) -> None:
    held = [engine.run(MANY, folder.relations, who=who) for who in ("ada", "bob")]
    with pytest.raises(Overloaded) as error:
        engine.run("SELECT 1", folder.relations)
    assert error.value.retry_after is not None
    for answer in held:
        answer.close()
    assert text_of(engine.run("SELECT 1 AS one", folder.relations)) == "[{'one': 1}]"


def test_instances_are_kept_up_to_a_number(tmp_path: Path, folder: Folder) -> None:
    engine = Engine(tmp_path / "scratch", kept=2, process_mb=None)
    for index in range(5):
        text_of(engine.run("SELECT 1", {f"v{index}": Rows.parquet([str(folder.open)])}))
    assert len(engine._idle) == 2
    engine.close()


def test_the_answer_is_a_reader_of_arrows(engine: Engine, folder: Folder) -> None:
    answer = engine.run(f'SELECT id FROM "{VIEW}" ORDER BY id', folder.relations)
    table = answer.reader().read_all()
    assert table.column("id").to_pylist() == list(range(1000))
    assert (answer.rows, answer.bytes) == (1000, table.nbytes)


def test_a_closed_engine_ends_what_runs(tmp_path: Path, folder: Folder) -> None:
    engine = Engine(tmp_path / "scratch", process_mb=None)
    answer = engine.run(MANY, folder.relations)
    next(answer)
    engine.close()
    with pytest.raises(Cancelled):
        list(answer)
    with pytest.raises(Cancelled):
        engine.run("SELECT 1", folder.relations)
    assert list((tmp_path / "scratch").iterdir()) == []
