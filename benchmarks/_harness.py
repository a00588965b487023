"""What all benchmarks share: measuring in turn, a child process for peak memory, one last line."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROUNDS = 5


def cache(name: str) -> Path:
    """A folder for generated data, kept between runs of the benchmark ``name``."""
    folder = Path(tempfile.gettempdir()) / f"mesh-benchmarks-{os.getuid()}" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def in_turn(
    contenders: Mapping[str, Callable[[], object]], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Wall seconds of each contender in each round, one after the other, so that whatever else the
    machine does falls on all alike. One round before does not count: it warms the page cache."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def peak_memory_mb() -> float:
    """The most memory that this process ever held, in megabytes (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("this system does not tell the peak memory (VmHWM) of a process")


def in_child(script: str, *arguments: str) -> dict[str, object]:
    """Run ``script`` again in a fresh process; its last line of output is a JSON object.

    Raises `subprocess.CalledProcessError` when it fails.
    """
    done = subprocess.run(
        [sys.executable, script, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print ``rows`` in columns as wide as they need."""
    texts = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in texts) for at in range(len(header))]
    for row in texts:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def timings(seconds: Mapping[str, Sequence[float]]) -> None:
    """Print the median, fastest and slowest round of each contender."""
    table(
        ("", "median s", "fastest s", "slowest s"),
        [
            (name, f"{median(each):.3f}", f"{min(each):.3f}", f"{max(each):.3f}")
            for name, each in seconds.items()
        ],
    )


def conclude(name: str, ratio: float, bar: float, *problems: str) -> int:
    """Print the problems and the last line; the exit code: 0 at or below the bar, 1 above it or
    when there is a problem."""
    for problem in problems:
        print(f"problem: {problem}")
    print(f"{name}: {ratio:.2f} (bar {bar})")
    return 1 if ratio > bar or problems else 0


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)
