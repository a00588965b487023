"""Publishing 10 million rows, against DuckDB's COPY of the same query.

    uv run python benchmarks/publish.py

Ours is the whole container: resolve, transform, stage, verify 25 rules, commit to the Delta log and
to the ledger. The reference writes the same query to one Parquet file and stops there. Ends with
``publish: <ratio> (bar 1.5)``; the exit code is 1 when the ratio is over the bar, or when what was
published is not what was asked for.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import duckdb

from benchmarks._harness import cache, conclude, in_turn, median, table
from benchmarks.verify import BOOKINGS, FLEET, ROWS
from mesh_defs.drivers.compute.duckdb import default_memory_gb
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh
from mesh_defs.product.reader import open as open_port

BAR = 1.5

QUERY = """
SELECT
    booking_id, reference, booked_at, flight_date, carrier, origin, destination, tail_number,
    departure_delay, arrival_delay, distance, (fare * 1.08)::DECIMAL(10, 2) AS fare, status, seats,
    lower(contact) AS contact
FROM bookings
"""

MESH = """
name: benchmark
profiles:
  local:
    services:
      lake: {driver: files, path: data}
"""

DOMAIN = """
type: mesh_defs.Domain
attributes: {owner: team:benchmark, purpose: Measuring.}
---
type: dagster.DefsFolderComponent
"""

MANIFEST = """
type: mesh_defs.DataProduct
attributes:
  archetype: source-aligned
  version: 1.0.0
  owner: team:benchmark
  purpose: Measuring.
  inputs: {%s: "lake://%s"}
"""

AIRCRAFT = """
apiVersion: v3.1.0
kind: DataContract
id: aircraft
version: 1.0.0
status: active
schema:
  - name: aircraft
    properties:
      - {name: tail_number, logicalType: string, required: true, primaryKey: true}
"""

CONTRACT = """
apiVersion: v3.1.0
kind: DataContract
id: sales
version: 1.0.0
status: active
schema:
  - name: sales
    properties:
      - {name: booking_id, logicalType: integer, required: true, primaryKey: true}
      - {name: reference, logicalType: string, required: true,
         logicalTypeOptions: {pattern: '^[0-9a-f]{32}$'}}
      - {name: booked_at, logicalType: timestamp, required: true}
      - {name: flight_date, logicalType: date, required: true,
         logicalTypeOptions: {minimum: '2023-01-01'}}
      - {name: carrier, logicalType: string, required: true, quality: [{type: library,
         metric: invalidValues, mustBe: 0, arguments: {validValues:
         [UA, B6, YX, DL, AA, 9E, NK, WN, AS, G4, F9, OO, HA, MQ]}}]}
      - {name: origin, logicalType: string, quality: [{type: library, metric: invalidValues,
         mustBe: 0, arguments: {validValues: [EWR, JFK, LGA]}}]}
      - {name: destination, logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]{3}$'}}
      - {name: tail_number, logicalType: string, required: true,
         logicalTypeOptions: {pattern: '^N[0-9]{5}$'},
         relationships: [{to: 'mesh://fleet/aircraft/aircraft#tail_number'}]}
      - {name: departure_delay, logicalType: number, logicalTypeOptions: {minimum: -60}}
      - {name: arrival_delay, logicalType: number, logicalTypeOptions: {maximum: 1500}}
      - {name: distance, logicalType: integer, logicalTypeOptions: {minimum: 80, maximum: 4983}}
      - {name: fare, logicalType: number, required: true,
         logicalTypeOptions: {exclusiveMinimum: 0, maximum: 3000}}
      - {name: status, logicalType: string, quality: [{type: library, metric: invalidValues,
         mustBe: 0, arguments: {validValues: [booked, paid, flown, cancelled, refunded]}}]}
      - {name: seats, logicalType: integer, quality: [{type: library, metric: invalidValues,
         mustBe: 0, arguments: {validValues: [1, 2, 3, 4, 5, 6]}}]}
      - {name: contact, logicalType: string, classification: personal,
         logicalTypeOptions: {pattern: '^[a-z0-9.]+@[a-z0-9-]+\\.[a-z]{2,}$'}, quality: [
         {type: library, metric: nullValues, unit: percent, mustBeLessThan: 5.1}]}
    quality:
      - {type: library, metric: rowCount, mustBeBetween: [5000000, 10000000]}
slaProperties:
  - {property: latency, value: 100, unit: y, element: sales.booked_at}
"""


def _mesh(root: Path) -> None:
    """The mesh and its source files, written once; what was published before is dropped."""
    files = {"bookings": BOOKINGS, "fleet": FLEET}
    (root / "data").mkdir(parents=True, exist_ok=True)
    for name, query in files.items():
        target = root / "data" / f"{name}.parquet"
        if not target.exists():
            print(f"generating {target}", file=sys.stderr)
            unfinished = target.with_suffix(".unfinished")
            duckdb.connect().execute(f"COPY ({query}) TO '{unfinished}' (FORMAT parquet)")
            unfinished.rename(target)
    shutil.rmtree(root / ".mesh", ignore_errors=True)
    texts = {
        "mesh.yaml": MESH,
        "domains/fleet/defs.yaml": DOMAIN,
        "domains/fleet/aircraft/defs.yaml": MANIFEST % ("fleet", "fleet"),
        "domains/fleet/aircraft/contract.yaml": AIRCRAFT,
        "domains/fleet/aircraft/aircraft.sql": "SELECT tail_number FROM fleet",
        "domains/shop/defs.yaml": DOMAIN,
        "domains/shop/sales/defs.yaml": MANIFEST % ("bookings", "bookings"),
        "domains/shop/sales/contract.yaml": CONTRACT,
        "domains/shop/sales/sales.sql": QUERY,
        "domains/shop/access.cedar": "permit (principal, action, resource);\n",
    }
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())


def main() -> int:
    """Measure in turn; the exit code."""
    root = cache("publish")
    _mesh(root)
    mesh = load_mesh(root)
    if mesh.faults:
        raise SystemExit("\n".join(map(str, mesh.faults)))
    run_product(mesh, mesh.product("mesh://fleet/aircraft"))
    product = mesh.product("mesh://shop/sales")
    reports = []
    copied = root / "copied.parquet"

    def ours() -> None:
        # One version at a time on disk: this measures publishing, not a growing folder.
        shutil.rmtree(root / ".mesh/storage/shop", ignore_errors=True)
        reports.append(run_product(mesh, product))

    def reference() -> None:
        copied.unlink(missing_ok=True)
        source = root / "data" / "bookings.parquet"
        with duckdb.connect(config={"memory_limit": f"{default_memory_gb()}GB"}) as connection:
            connection.execute(f"CREATE VIEW bookings AS SELECT * FROM read_parquet('{source}')")
            connection.execute(f"COPY ({QUERY}) TO '{copied}' (FORMAT parquet)")

    seconds = in_turn({"container": ours, "copy": reference})
    last = reports[-1]
    problems = [] if last.outcome == "published" else [last.explanation()]
    if open_port("mesh://shop/sales", root=root).rows != ROWS:
        problems.append("not every row was published")
    ours_s, copy_s = median(seconds["container"]), median(seconds["copy"])
    table(
        ["what", "seconds (median of five)", "all"],
        [
            [name, f"{median(values):.2f}", " ".join(f"{v:.2f}" for v in values)]
            for name, values in seconds.items()
        ],
    )
    steps = {name: f"{value:.2f}" for name, value in last.steps.items() if value >= 0.005}
    print(f"steps of the last run: {steps}; {len(last.verdicts)} verdicts: {last.tally}")
    copied.unlink(missing_ok=True)
    return conclude("publish", ours_s / copy_s, BAR, *problems)


if __name__ == "__main__":
    raise SystemExit(main())
