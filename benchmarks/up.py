"""``mesh up --once`` on the reference mesh: from nothing, and again when all is up to date.

    uv run python benchmarks/up.py

Each time in a copy of the mesh whose ``.mesh/`` is empty at first. Seconds are the whole command's;
memory is the largest process's (VmHWM). Ends with ``up: <seconds> (bar 60)``, the median of the
builds from nothing; the exit code is 1 when that, the second time's 10 s or 2 GB is exceeded.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._harness import conclude, median, table

ROOT = Path(__file__).resolve().parent.parent
BAR = 60.0
AGAIN_BAR = 10.0
MEMORY_BAR_MB = 2000.0
ROUNDS = 3
PARTS = ("mesh.yaml", "workspace.yaml", "domains", "dbt_projects", "operational", "schemas")


def _copy(folder: Path) -> None:
    """The mesh, without anything that was built."""
    ignored = shutil.ignore_patterns("__pycache__", "target", "logs")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignored)
        else:
            shutil.copy(source, folder / part)


def _up(folder: Path) -> float:
    """Seconds of one ``mesh up --once``; raises when it fails."""
    environment = {**os.environ, "MESH_ROOT": str(folder), "NO_COLOR": "1"}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "mesh_defs.cli", "up", "--once"],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def main() -> int:
    """Measure, print, conclude."""
    first: list[float] = []
    again: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _copy(folder)
            first.append(_up(folder))
            again.append(_up(folder))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6
    table(
        ["mesh up --once", "median s", "all"],
        [
            [name, f"{median(values):.1f}", " ".join(f"{v:.1f}" for v in values)]
            for name, values in (("from nothing", first), ("up to date", again))
        ],
    )
    print(f"peak memory {peak:.0f} MB (bar {MEMORY_BAR_MB:.0f})")
    problems = []
    if median(again) > AGAIN_BAR:
        problems.append(f"the second time took {median(again):.1f} s (bar {AGAIN_BAR})")
    if peak > MEMORY_BAR_MB:
        problems.append(f"peak memory {peak:.0f} MB")
    return conclude("up", median(first), BAR, *problems)


if __name__ == "__main__":
    sys.exit(main())
