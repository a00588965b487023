"""Processes of the machine: which one a number stands for, and whether its group still lives."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_PROC = Path("/proc")
_BOOT = _PROC / "sys/kernel/random/boot_id"
_DEAD = frozenset("ZXx")


def identity(pid: int) -> str | None:
    """What tells the process ``pid`` from every other that had or will have its number; None when
    no such process runs (a zombie does not run).

    On Linux the boot's id and the start time in clock ticks since boot, which no change of the
    clock moves (proc_pid_stat(5), field 22); elsewhere the start time that ``ps`` shows.
    """
    if _BOOT.exists():
        fields = _stat(pid)
        if fields is None or fields[0] in _DEAD:
            return None
        return f"{_BOOT.read_text().strip()}:{fields[19]}"
    shown = _ps("-o", "stat=,lstart=", "-p", str(pid)).split(None, 1)
    return shown[1].strip() if len(shown) == 2 and shown[0][0] not in _DEAD else None


def group_runs(group: int) -> bool:
    """Whether any process of the process group ``group`` runs (zombies do not)."""
    if _BOOT.exists():
        members = (_stat(int(e.name)) for e in _PROC.iterdir() if e.name.isdecimal())
        return any(m is not None and m[2] == str(group) and m[0] not in _DEAD for m in members)
    lines = (line.split() for line in _ps("-A", "-o", "pgid=,stat=").splitlines())
    return any(len(f) == 2 and f[0] == str(group) and f[1][0] not in _DEAD for f in lines)


def signal_group(group: int, number: int) -> None:
    """Send signal ``number`` to every process of ``group``; a group that is gone is fine."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def _stat(pid: int) -> list[str] | None:
    """The fields of ``/proc/<pid>/stat`` from the third (state) on, or None."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The second field, the command in parentheses, may itself hold blanks and parentheses.
    return text.rpartition(")")[2].split()


def _ps(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  fixed command, numbers as arguments
        ["/bin/ps", *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout
