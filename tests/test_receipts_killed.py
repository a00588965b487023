"""Receipts survive what processes do not: killed ones, several at once, many threads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from commands import environment
from sqlalchemy import event
from state_places import ONE_SERVER, append, entry, place_in, server

from mesh_defs.errors import MeshError
from mesh_defs.gateway.state.database import State
from mesh_defs.gateway.state.facts import Entry
from mesh_defs.gateway.state.place import Place

pytestmark = ONE_SERVER

# Appends from several threads for as long as it lives, and says each number once it was told that
# the receipt is on the disk.
ENDLESS = """
import sys, threading
from pathlib import Path
sys.path.insert(0, {tests!r})
from state_places import place_in, entry
from mesh_defs.gateway.state.database import State

state = State(place_in(Path(sys.argv[1]), sys.argv[2] or None))
said = threading.Lock()

def work():
    while True:
        made = entry()
        number = state.receipts.put(made).result()
        with said:
            print(number, made.receipt, flush=True)

for _ in range(4):
    threading.Thread(target=work).start()
"""


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_in(tmp_path, server() if request.param == "postgres" else None)


def endless(place: Place) -> subprocess.Popen[str]:
    program = ENDLESS.format(tests=str(Path(__file__).parent))
    return subprocess.Popen(
        [sys.executable, "-c", program, str(place.folder.parent), place.dsn or ""],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_after(process: subprocess.Popen[str], lines: int) -> dict[int, str]:
    """What ``process`` had said when it was killed, ``lines`` at least."""
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    os.kill(process.pid, signal.SIGKILL)
    said += process.stdout.readlines()
    assert process.wait(timeout=60) == -signal.SIGKILL
    whole = [line.split() for line in said if line.endswith("\n")]
    return {int(number): receipt for number, receipt in whole}


def test_what_was_told_to_be_written_outlives_kill_9(place: Place) -> None:
    told: dict[int, str] = {}
    for lines in (1, 40, 90):
        processes = [endless(place) for _ in range(2)]
        for process in processes:
            told |= killed_after(process, lines)
        with State(place) as state:
            found = state.receipts.verify()
            assert found.problems == ()
            kept = {each.seq: each.body["receipt"] for each in state.receipts.listed(most=10**6)}
        assert found.receipts == len(kept) == max(kept)
        assert told.items() <= kept.items()
    assert len(told) >= 2 * (1 + 40 + 90)


def test_many_callers_share_a_commit(tmp_path: Path) -> None:
    with State(place_in(tmp_path)) as state:
        append(state, 1)
        commits = []
        event.listen(state.database.engine, "commit", commits.append)
        together = threading.Barrier(64)

        def write(number: int) -> int:
            together.wait()
            return state.receipts.put(entry(number)).result()

        with ThreadPoolExecutor(64) as pool:
            numbers = sorted(pool.map(write, range(64)))
        assert numbers == list(range(2, 66))
        assert len(commits) < 64 / 2
        assert state.receipts.verify().sound


def test_a_commit_that_fails_is_told_to_all_who_wait_and_leaves_the_chain_whole(
    tmp_path: Path,
) -> None:
    with State(place_in(tmp_path)) as state:
        append(state, 2)
        bad = entry()
        object.__setattr__(bad, "seconds", float("nan"))
        with pytest.raises(ValueError, match="Out of range float"):
            state.receipts.put(bad).result()
        assert append(state, 2) == [3, 4]
        assert state.receipts.verify().sound


def test_nobody_can_take_back_what_is_being_written(tmp_path: Path) -> None:
    with State(place_in(tmp_path)) as state:
        future: Future[int] = state.receipts.put(entry())
        assert not future.cancel()
        assert future.result() == 1


def test_closing_writes_what_waits_and_then_refuses(tmp_path: Path) -> None:
    state = State(place_in(tmp_path))
    futures = [state.receipts.put(entry(number)) for number in range(500)]
    state.close()
    assert [future.result(timeout=0) for future in futures] == list(range(1, 501))
    with pytest.raises(MeshError, match="is closed"):
        state.receipts.put(entry())
    assert json.loads((tmp_path / "gateway/audit.head").read_text())["seq"] == 500


def test_verification_goes_on_while_others_append(place: Place) -> None:
    with State(place) as state, State(place) as other:
        append(state, 50)
        done = threading.Event()
        made: list[Entry] = []

        def write() -> None:
            while not done.is_set():
                made.append(entry(len(made)))
                other.receipts.put(made[-1]).result()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = [state.receipts.verify() for _ in range(10)]
        finally:
            done.set()
            writer.join()
        assert [each.problems for each in found] == [()] * 10
        assert state.receipts.verify().receipts == 50 + len(made)
