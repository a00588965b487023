"""The command ``mesh`` in a process of its own that is a copy of a warm one.

Most of what a short command costs is the import of others' packages. A copy has them already; all
else it does itself: nothing of ``mesh_defs`` is imported before, and arguments, folder,
environment, input, output and exit are its own. A test about the process (what it imports, how it
takes signals) starts a cold one.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from pathlib import Path

# None of these has a thread: a copy would wait for it in vain.
PACKAGES = (
    "cedarpy",
    "open_data_contract_standard.model",
    "rich.table",
    "sqlalchemy",
    "typer",
    "yaml",
)
ORCHESTRATION = ("dagster", "alembic.command")
_MOST = 1 << 17  # bytes of one message


def run(
    arguments: list[str], cwd: Path, environment: Mapping[str, str], answer: str, timeout: float
) -> subprocess.CompletedProcess[str]:
    """What ``python -m mesh_defs.cli`` with ``arguments`` says, and how it ends."""
    warm = _warm(PACKAGES + (ORCHESTRATION if arguments[:1] == ["up"] else ()))
    ours, theirs = _pair()
    (read_in, write_in), (read_out, write_out), (read_err, write_err) = (
        os.pipe() for _ in range(3)
    )
    given = [theirs.detach(), read_in, write_out, write_err]
    socket.send_fds(warm, [b"run"], given)
    for end in given:
        os.close(end)
    with ours, ThreadPoolExecutor(3) as threads:
        ours.settimeout(timeout)
        ours.send(json.dumps([arguments, str(cwd), dict(environment)]).encode())
        said = [threads.submit(_all_of, end) for end in (read_out, read_err)]
        threads.submit(_type, write_in, answer)
        pid = int(ours.recv(_MOST))
        try:
            code = int(ours.recv(_MOST))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise
        output, errors = (each.result() for each in said)
    return subprocess.CompletedProcess(arguments, code, output, errors)


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@cache
def _warm(packages: tuple[str, ...]) -> socket.socket:
    """Where a process listens that has imported ``packages``; it ends with this one."""
    ours, theirs = _pair()
    with theirs:
        subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), *packages],
            env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # no terminal, as for every command whose output is read
        )
    return ours


def _all_of(end: int) -> str:
    with os.fdopen(end, encoding="utf-8") as said:
        return said.read()


def _type(end: int, answer: str) -> None:
    try:
        os.write(end, answer.encode())
    except BrokenPipeError:  # it ended without asking
        return
    finally:
        os.close(end)


def _serve(listening: socket.socket) -> list[str] | None:
    """Copies of this process, one for each call. Returns in a copy, with its arguments; here only
    when nobody can call any more, with None."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that `_call` forks
    while True:
        message, ends, _, _ = socket.recv_fds(listening, _MOST, 4)
        if not message:
            return None
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _call(socket.socket(fileno=ends[0]), ends[1:])
        for end in ends:
            os.close(end)


def _call(caller: socket.socket, ends: list[int]) -> list[str]:
    """The command's process, forked from one that tells the caller its id and its exit code."""
    arguments, cwd, environment = json.loads(caller.recv(_MOST))
    pid = os.fork()
    if pid:
        for end in ends:
            os.close(end)
        caller.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        caller.send(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    caller.close()
    for number, end in enumerate(ends):
        os.dup2(end, number)
        os.close(end)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.path[:1] = [cwd, *environment["PYTHONPATH"].split(os.pathsep)]
    return list(arguments)


if __name__ == "__main__":
    for package in sys.argv[2:]:
        import_module(package)
    if len(threads := list(Path("/proc/self/task").iterdir())) > 1:
        raise SystemExit(f"{sys.argv[2:]} start {len(threads) - 1} threads, which no copy has")
    gc.freeze()  # what is here already is not looked through, so it stays shared
    called = _serve(socket.socket(fileno=int(sys.argv[1])))
    if called is not None:
        sys.argv[1:] = called
        runpy.run_module("mesh_defs.cli", run_name="__main__", alter_sys=True)
