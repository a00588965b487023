"""A command that a signal stops while it works, for tests of Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from commands import COMMAND, environment

# A join of billions of pairs, none of which is one: minutes of work, and no memory.
SLOW = "SELECT count(*) AS n FROM range(1000000000) a(i) JOIN range(100) b(j) ON hash(i, j) = 0"
BEGUN = "begun"


def started(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """``mesh`` with ``arguments`` in ``root``, under way."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(process: subprocess.Popen[str], seen: Callable[[], object]) -> None:
    """Wait until ``seen`` is true; it is a failure when ``process`` ends before."""
    while not seen():
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            pytest.fail(str(process.communicate()))


def stopped(
    root: Path,
    *arguments: str,
    seen: Callable[[], object],
    number: int = signal.SIGINT,
) -> tuple[int, str, str]:
    """The exit code, output and errors of ``mesh`` with ``arguments``, to which signal ``number``
    is sent once ``seen`` is true."""
    process = started(root, *arguments)
    try:
        until(process, seen)
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out, errors
