"""Background processes: started apart, found again, ended exactly, never another's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mesh_defs.errors import MeshError
from mesh_defs.processes import group_runs, identity
from mesh_defs.supervisor import Spec, Supervisor

WAIT = "import threading; print('here', flush=True); threading.Event().wait()"
IGNORE = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
SPAWN = (
    "import subprocess, sys, threading; command = [sys.executable, '-c', sys.argv[1]]; "
    "child = subprocess.Popen(command, stdout=subprocess.DEVNULL); "
    "print(child.pid, flush=True); threading.Event().wait()"
)
FOREVER = (sys.executable, "-c", WAIT)
STUBBORN = (sys.executable, "-c", IGNORE + WAIT)
PARENT = (sys.executable, "-c", SPAWN, WAIT)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path, tmp_path / ".mesh")
    yield made
    made.stop(grace_seconds=0)


def spec(name: str, command: tuple[str, ...]) -> Spec:
    return Spec(name, command, "stamp", "", {})


def first_word(supervisor: Supervisor, name: str) -> str:
    """What a process has written, once it has: from then on it handles signals as it means to."""
    log = supervisor.logs / f"{name}.log"
    while "\n" not in log.read_text():
        assert name in supervisor.running(), log.read_text()
    return log.read_text().split()[0]


def test_a_process_is_found_again_by_another_supervisor(supervisor: Supervisor) -> None:
    started = supervisor.start(spec("one", FOREVER))
    again = Supervisor(supervisor.root, supervisor.root / ".mesh")
    assert again.running() == {"one": started}
    assert os.getsid(started.pid) == started.pid != os.getsid(0)
    first_word(supervisor, "one")
    assert [p.name for p in again.stop()] == ["one"]
    assert identity(started.pid) is None
    assert again.recorded() == {}
    assert again.stop() == []


def test_only_what_is_named_is_ended(supervisor: Supervisor) -> None:
    supervisor.start(spec("one", FOREVER))
    supervisor.start(spec("two", FOREVER))
    first_word(supervisor, "one")
    supervisor.stop(["one", "three"])
    assert list(supervisor.running()) == ["two"]


def test_what_ignores_the_request_is_killed_with_its_group(supervisor: Supervisor) -> None:
    stubborn = supervisor.start(spec("stubborn", STUBBORN))
    first_word(supervisor, "stubborn")
    supervisor.stop(grace_seconds=0.2)
    _, status = os.waitpid(stubborn.pid, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_children_of_a_process_end_with_it(supervisor: Supervisor) -> None:
    parent = supervisor.start(spec("parent", PARENT))
    child = int(first_word(supervisor, "parent"))
    assert os.getpgid(child) == parent.pid
    supervisor.stop()
    assert identity(child) is None
    assert not group_runs(parent.pid)


def test_a_dead_process_is_not_running_but_recorded(supervisor: Supervisor) -> None:
    process = supervisor.start(spec("one", FOREVER))
    os.kill(process.pid, signal.SIGKILL)
    os.waitpid(process.pid, 0)
    assert supervisor.running() == {}
    assert list(supervisor.recorded()) == ["one"]
    restarted = supervisor.start(spec("one", FOREVER))
    assert supervisor.running() == {"one": restarted}


def test_a_number_that_another_process_has_got_is_never_signalled(supervisor: Supervisor) -> None:
    stranger = subprocess.Popen(FOREVER, start_new_session=True, stdout=subprocess.PIPE)
    assert stranger.stdout is not None
    stranger.stdout.readline()
    try:
        recorded = supervisor.start(spec("one", FOREVER))
        os.kill(recorded.pid, signal.SIGKILL)
        os.waitpid(recorded.pid, 0)
        # The record now names the stranger's number, with the start of the process that had it.
        supervisor._write({"one": replace(recorded, pid=stranger.pid)})
        assert supervisor.running() == {}
        assert supervisor.stop(grace_seconds=0) == []
        assert stranger.poll() is None
        assert identity(stranger.pid) is not None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_damaged_record_says_what_to_do(supervisor: Supervisor) -> None:
    supervisor.folder.mkdir(parents=True)
    (supervisor.folder / "processes.json").write_text("{")
    with pytest.raises(MeshError, match="is damaged"):
        supervisor.running()
    (supervisor.folder / "processes.json").unlink()


def test_the_lock_is_held_by_one_and_tells_the_other(supervisor: Supervisor) -> None:
    told: list[str] = []
    entered = threading.Event()
    waiting = threading.Event()

    def wait(pid: str) -> None:
        told.append(pid)
        waiting.set()

    def second() -> None:
        with supervisor.lock(wait):
            entered.set()

    with supervisor.lock(told.append):
        other = threading.Thread(target=second)
        other.start()
        assert waiting.wait(30)
        assert not entered.is_set()
    other.join(30)
    assert entered.is_set()
    assert told == [str(os.getpid())]


def test_a_lock_whose_file_was_removed_is_taken_anew(supervisor: Supervisor) -> None:
    waiting = threading.Event()
    seen: list[bool] = []

    def second() -> None:
        with supervisor.lock(lambda _: waiting.set()):
            seen.append((supervisor.folder / "lock").exists())

    with supervisor.lock(lambda _: None):
        other = threading.Thread(target=second)
        other.start()
        assert waiting.wait(30)
        (supervisor.folder / "lock").unlink()
    other.join(30)
    assert seen == [True]


def test_the_log_keeps_what_a_process_says_and_has_an_end(supervisor: Supervisor) -> None:
    talk = (sys.executable, "-c", "print('\\n'.join(map(str, range(100))))")
    process = supervisor.start(spec("talk", talk))
    os.waitpid(process.pid, 0)
    tail = supervisor.log_tail("talk", 3).splitlines()
    assert tail[:3] == ["97", "98", "99"]
    assert tail[3].endswith("talk.log")
