"""All policies on data that ship, on 10 million rows, against the contract's own verification.

    uv run python benchmarks/policies.py [--rounds 5]

Both look at the same Parquet file through a connection that is locked down as the container's is:
the policies as the container runs them, one after the other on one staged port with its lineage and
five versions before; the verification with the 25 rules of ``benchmarks/verify.py``. Prints what
each policy takes; and, without a bar, what all take when the contract does not say that a column
holds personal data, so that it is searched, found and not published. Ends with
``policies: <ratio> (bar 1.0)``; the exit code is 1 when the ratio is over the bar, when the peak
memory reaches 1 GB, when a policy has nothing to look at, or when one finds what is not there, or
not what is.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._bookings import AIRCRAFT, ROWS, bookings_contract
from benchmarks._governed import BOOKED, FINDS, data_policies, small_mesh
from benchmarks._harness import (
    ROUNDS,
    cache,
    conclude,
    in_child,
    in_turn,
    median,
    peak_memory_mb,
    table,
    timings,
)
from benchmarks.verify import generate
from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.rules import ForeignKey
from mesh_defs.contract.verdicts import Verdict
from mesh_defs.contract.verify import verify
from mesh_defs.drivers.compute.duckdb import DuckDBCompute
from mesh_defs.policy.evaluate import run_on_data
from mesh_defs.policy.model import DataPolicy
from mesh_defs.policy.subject import StagedPort
from mesh_defs.product.flows import run_flows
from mesh_defs.product.ledger import Ledger, Record
from mesh_defs.product.model import Mesh
from mesh_defs.product.stores import product_store
from mesh_defs.urls import parse

BAR = 1.0
MEMORY_BAR_MB = 1000.0
MEMORY_GB = 0.5
VERSIONS = 5
_HIDDEN, _LOW = "contact", "internal"
_HIDING = "policies that find personal data"
NOW = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass
class Measured:
    """One port with everything that the policies look at, and what each took in each round.
    ``declared`` tells whether its contract says which columns are personal."""

    declared: bool
    mesh: Mesh
    compute: DuckDBCompute
    rows: Rows
    surroundings: Surroundings
    history: tuple[Record, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        product = self.mesh.product(BOOKED)
        (output,) = product.outputs
        rules = (
            replace(rule, target=parse(AIRCRAFT)) if isinstance(rule, ForeignKey) else rule
            for rule in bookings_contract().rules
        )
        columns = (
            column
            if self.declared or column.name != _HIDDEN
            else replace(column, classification=_LOW)
            for column in output.promise.columns
        )
        promise = replace(output.promise, rules=tuple(rules), columns=tuple(columns))
        self.output = replace(output, promise=promise)
        self.product = replace(product, outputs=(self.output,))
        store = product_store(self.mesh.settings, product.domain, product.name)
        found = Ledger(store).latest()
        if found is None:
            raise ValueError(f"{BOOKED} was not published")
        self.record = found

    def port(self) -> StagedPort:
        """The port as the container would stage it."""
        read = self.record.inputs
        return StagedPort(
            mesh=self.mesh,
            product=self.product,
            output=self.output,
            connection=self.compute.connection,
            staged=Staged.only(self.rows),
            now=NOW,
            bytes=Path(self.rows.files[0]).stat().st_size,
            seconds=1.0,
            verdicts=self.verdicts,
            history=self.history,
            lineage=self.record.lineage,
            relations=self.surroundings.relations,
            flows=run_flows(self.mesh, self.product, read, self.record.lineage),
            made=ROWS,
        )

    def verify(self) -> tuple[Verdict, ...]:
        """The contract's own verification."""
        staged = Staged.only(self.rows)
        return verify(self.compute.connection, self.output.promise, staged, self.surroundings)

    def remember(self) -> None:
        """Five versions before that were as this one is, and the verdicts of the contract."""
        self.verdicts = self.verify()
        with closing(self.port()) as port:
            profile = port.profile.as_dict()
        before = replace(
            self.record.ports[self.output.name], rows=ROWS, added_rows=ROWS, profile=profile
        )
        version = replace(self.record, ports={self.output.name: before})
        self.history = (version,) * VERSIONS

    def govern(self) -> None:
        """All policies, one after the other; each one's seconds are noted."""
        self.problems = []
        with closing(self.port()) as port:
            held = self.mesh.governance.in_force(self.product, self.output, self.mesh)
            for each in held:
                if not isinstance(each.policy, DataPolicy):
                    raise TypeError(f"{each.id} is no policy on data: {each.broken}")
                wall, cpu = time.perf_counter(), time.process_time()
                found = run_on_data(each.policy, port)
                self.wall.setdefault(each.id, []).append(time.perf_counter() - wall)
                self.cpu.setdefault(each.id, []).append(time.process_time() - cpu)
                if isinstance(found, BaseException):
                    self.problems.append(f"{each.id} could not run: {found!r}")
                elif bool(found) != (each.id in FINDS and not self.declared):
                    messages = [finding.message for finding in found]
                    self.problems.append(f"{each.id} found {messages or 'nothing'}")
        idle = set(data_policies()) - {each.id for each in held}
        self.problems += [f"{name} does not apply" for name in sorted(idle)]


def _measure(files: dict[str, str], root: Path, rounds: int) -> dict[str, object]:
    mesh = small_mesh(root)
    compute = DuckDBCompute(cache("verify") / "spill", memory_gb=MEMORY_GB)
    with closing(compute):
        compute.connection.execute(
            f"CREATE VIEW entered AS SELECT * FROM {Rows.parquet([files['bookings']]).sql}"
        )
        compute.lock(list(files.values()), [])
        aircraft = {AIRCRAFT: Rows.parquet([files["fleet"]])}
        surroundings = Surroundings(relations=aircraft, now=NOW)
        rows = Rows.parquet([files["bookings"]])
        sound = Measured(True, mesh, compute, rows, surroundings)
        hiding = Measured(False, mesh, compute, rows, surroundings)
        sound.remember()
        hiding.remember()
        contenders = {"verify": sound.verify, "policies": sound.govern, _HIDING: hiding.govern}
        seconds = in_turn(contenders, rounds)
        return {
            "seconds": seconds,
            "wall": {name: median(each[1:]) for name, each in sound.wall.items()},
            "cpu": {name: median(each[1:]) for name, each in sound.cpu.items()},
            "peak_mb": peak_memory_mb(),
            "problems": sound.problems + hiding.problems,
        }


def main() -> int:
    """Generate, measure in a process of its own, print, conclude."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--measure", action="store_true")
    given = parser.parse_args()
    files = generate(cache("verify"))
    if given.measure:
        with tempfile.TemporaryDirectory() as root:
            print(json.dumps(_measure(files, Path(root), given.rounds)))
        return 0
    found = in_child(__file__, "--measure", "--rounds", str(given.rounds))
    seconds, wall, cpu = found["seconds"], found["wall"], found["cpu"]
    problems, peak = found["problems"], found["peak_mb"]
    if not (
        isinstance(seconds, dict)
        and isinstance(wall, dict)
        and isinstance(cpu, dict)
        and isinstance(problems, list)
        and isinstance(peak, float)
    ):
        raise TypeError("the measuring process answered in another form")
    print(f"{ROWS:,} rows, {len(wall)} policies\n")
    table(
        ("policy", "median s", "CPU s"),
        [
            (name, f"{wall[name]:.3f}", f"{cpu[name]:.3f}")
            for name in sorted(wall, key=lambda name: float(wall[name]))
        ],
    )
    print()
    timings(seconds)
    print(f"\npeak memory {peak:.0f} MB (bar {MEMORY_BAR_MB:.0f})")
    if peak >= MEMORY_BAR_MB:
        problems.append(f"peak memory {peak:.0f} MB")
    ratio = median(seconds["policies"]) / median(seconds["verify"])
    return conclude("policies", ratio, BAR, *problems)


if __name__ == "__main__":
    sys.exit(main())
