"""``mesh check`` on 1,000 generated products under all policies of the reference mesh.

    uv run python benchmarks/check.py [--rounds 3] [--products 1000]

Seconds are the whole command's, in a process of its own; CPU seconds tell what a busy machine
hides. Ends with ``check: <ratio> (bar 1.0)``, the ratio of the median to 10 s; the exit code is 1
when it is over the bar, or when something is found in a mesh without a fault.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._harness import conclude, median, table
from benchmarks._products import generate

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 10.0
BAR = 1.0
ROUNDS = 3
PRODUCTS = 1000


def _check(root: Path) -> tuple[float, float, str]:
    """Wall and CPU seconds of one ``mesh check --json``, and what it printed."""
    before, started = _cpu(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "mesh_defs.cli", "check", "--json"],
        cwd=root,
        env={**os.environ, "MESH_ROOT": str(root), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return time.perf_counter() - started, _cpu() - before, done.stdout


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Generate, measure, print, conclude."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    given = parser.parse_args()
    problems: list[str] = []
    wall: list[float] = []
    cpu: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        generate(root, given.products, ROOT / "mesh.yaml")
        for _ in range(given.rounds):
            seconds, used, text = _check(root)
            wall.append(seconds)
            cpu.append(used)
        found = json.loads(text)
    faults = [*found["faults"], *found["warnings"]]
    problems += [f"found in a mesh without a fault: {fault}" for fault in faults[:5]]
    if found["products"] != given.products:
        problems.append(f"{found['products']} products were looked at")
    table(
        [f"mesh check, {given.products:,} products", "median s", "all"],
        [
            [name, f"{median(values):.2f}", " ".join(f"{value:.2f}" for value in values)]
            for name, values in (("seconds", wall), ("CPU seconds", cpu))
        ],
    )
    return conclude("check", median(wall) / SECONDS, BAR, *problems)


if __name__ == "__main__":
    sys.exit(main())
