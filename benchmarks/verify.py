"""Verification of 10 million rows, 15 columns and 25 rules, against one scan of every column.

    uv run python benchmarks/verify.py

Both read the same Parquet file, written as the container writes it, through a connection that is
locked down as the container's is. Ends with ``verify: <ratio> (bar 2.0)``; the exit code is 1 when
the ratio is over the bar, when the peak memory reaches 1 GB, or when a verdict is wrong.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._bookings import (
    AIRCRAFT,
    BOOKINGS,
    COLUMNS,
    FLEET,
    ROWS,
    SPOILED,
    STILL_HOLD,
    bookings_contract,
)
from benchmarks._harness import (
    cache,
    conclude,
    in_child,
    in_turn,
    median,
    peak_memory_mb,
    timings,
)
from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.verdicts import Verdict
from mesh_defs.contract.verify import verify
from mesh_defs.drivers.compute.duckdb import DuckDBCompute

BAR = 2.0
MEMORY_BAR_MB = 1000.0
MEMORY_GB = 0.5
NOW = datetime(2024, 1, 1, tzinfo=UTC)


def generate(folder: Path) -> dict[str, str]:
    """The three files, written once by the container's own compute."""
    files = {name: folder / f"{name}.parquet" for name in ("bookings", "fleet", "spoiled")}
    queries = {"bookings": BOOKINGS, "fleet": FLEET}
    queries["spoiled"] = SPOILED.format(source=str(files["bookings"]).replace("'", "''"))
    for name, query in queries.items():
        if not files[name].exists():
            print(f"generating {files[name]}", file=sys.stderr)
            unfinished = folder / f"unfinished-{name}.parquet"
            compute = DuckDBCompute(folder / "spill")
            compute.stage(query, unfinished)
            compute.close()
            unfinished.rename(files[name])
    return {name: str(path) for name, path in files.items()}


def _measure(files: dict[str, str]) -> dict[str, object]:
    contract = bookings_contract()
    compute = DuckDBCompute(cache("verify") / "spill", memory_gb=MEMORY_GB)
    compute.lock(list(files.values()), [])
    rows = Rows.parquet([files["bookings"]])
    aircraft = {AIRCRAFT: Rows.parquet([files["fleet"]])}
    surroundings = Surroundings(relations=aircraft, now=NOW)
    hashes = ", ".join(f'sum(hash("{name}"))' for name in COLUMNS)
    seconds = in_turn(
        {
            "verify": lambda: verify(compute.connection, contract, Staged.only(rows), surroundings),
            "scan": lambda: compute.connection.execute(
                f"SELECT {hashes} FROM {rows.sql}"
            ).fetchall(),
        }
    )
    peak = peak_memory_mb()
    good = verify(compute.connection, contract, Staged.only(rows), surroundings)
    both = Rows.parquet([files["bookings"], files["spoiled"]])
    later = replace(surroundings, now=datetime(2024, 1, 10, tzinfo=UTC))
    spoiled = verify(compute.connection, contract, Staged.only(both), later)
    return {
        "seconds": seconds,
        "peak_mb": peak,
        "decided": {verdict.rule: verdict.decided_by for verdict in good},
        "problems": [*_problems(good, True), *_problems(spoiled, False)],
    }


def _problems(verdicts: tuple[Verdict, ...], good: bool) -> list[str]:
    found = []
    for verdict in verdicts:
        wanted = "passed" if good or verdict.rule in STILL_HOLD else "failed"
        if verdict.outcome != wanted:
            found.append(
                f"{'good' if good else 'spoiled'} data: {verdict.rule} {verdict.outcome} instead"
                f" of {wanted}: {verdict.observed} {verdict.reason or ''}"
            )
    return found


def main() -> int:
    """Generate, measure in a process of its own, print, conclude."""
    files = generate(cache("verify"))
    if "--measure" in sys.argv:
        print(json.dumps(_measure(files)))
        return 0
    found = in_child(__file__, "--measure")
    seconds, decided = found["seconds"], found["decided"]
    problems, peak = found["problems"], found["peak_mb"]
    if not (
        isinstance(seconds, dict)
        and isinstance(decided, dict)
        and isinstance(problems, list)
        and isinstance(peak, float)
    ):
        raise TypeError("the measuring process answered in another form")
    ways = ", ".join(
        f"{list(decided.values()).count(way)} by {way}" for way in sorted(set(decided.values()))
    )
    print(f"{ROWS:,} rows, {len(COLUMNS)} columns, {len(decided)} rules: {ways}\n")
    timings(seconds)
    print(f"\npeak memory {peak:.0f} MB (bar {MEMORY_BAR_MB:.0f})")
    if peak >= MEMORY_BAR_MB:
        problems.append(f"peak memory {peak:.0f} MB")
    ratio = median(seconds["verify"]) / median(seconds["scan"])
    return conclude("verify", ratio, BAR, *problems)


if __name__ == "__main__":
    sys.exit(main())
