"""What Dagster costs on top of the container for one product's run in process.

The same product (100,000 rows, 12 columns, a contract of 30 rules) is run by the container alone
and through Dagster on a persistent SQLite instance, in turn. ``python benchmarks/dagster_cost.py``
prints each run, the medians and, last, the difference of the medians in seconds; exit code 1 when
it is over the bar.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from mesh_defs.orchestration.build import execute
from mesh_defs.orchestration.home import open_instance
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh

BAR = 0.5
RUNS = 5
COLUMNS = 12

_DEFS = """\
type: mesh_defs.DataProduct
attributes:
  archetype: source-aligned
  version: 1.0.0
  owner: team:benchmark
  purpose: Something to run.
  inputs: {raw: "files://rows"}
"""
_DOMAIN = """\
type: mesh_defs.Domain
attributes: {owner: "team:benchmark", purpose: Something to run.}
---
type: dagster.DefsFolderComponent
"""
_MESH = "name: benchmark\nprofiles: {local: {services: {files: {driver: files, path: data}}}}\n"


def contract() -> str:
    """An ODCS contract with 30 rules in five quality dimensions."""
    columns = "".join(
        f"      - {{name: c{i}, logicalType: integer, required: true, "
        f"logicalTypeOptions: {{minimum: 0, maximum: 1000000}}}}\n"
        for i in range(COLUMNS - 1)
    )
    return (
        "apiVersion: v3.1.0\nkind: DataContract\nid: rows\nversion: 1.0.0\nstatus: active\n"
        "schema:\n  - name: rows\n    properties:\n"
        "      - {name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, "
        "required: true}\n" + columns + "    quality:\n"
        "      - {name: many, metric: rowCount, mustBeGreaterThan: 1000, dimension: coverage}\n"
        "      - {name: more, metric: rowCount, mustBeGreaterThan: 9, dimension: completeness, "
        "severity: warning}\n"
        "      - {name: sums, type: sql, query: 'SELECT count(*) FROM {object} WHERE c0 <> c1', "
        "mustBe: 0, dimension: accuracy}\n"
    )


def prepare(root: Path) -> None:
    """The mesh of the benchmark, with one product."""
    import duckdb

    files = {
        "mesh.yaml": _MESH,
        "domains/bench/defs.yaml": _DOMAIN,
        "domains/bench/rows/defs.yaml": _DEFS,
        "domains/bench/rows/contract.yaml": contract(),
        "domains/bench/rows/rows.sql": "SELECT * FROM raw",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    (root / "data").mkdir()
    columns = ", ".join(f"(i % 1000)::INTEGER AS c{i}" for i in range(COLUMNS - 1))
    duckdb.connect().execute(
        f"COPY (SELECT i::INTEGER AS id, {columns} FROM range(100000) t(i)) "
        f"TO '{root / 'data' / 'rows.parquet'}'"
    )


def seconds(work: Callable[[], bool]) -> float:
    """How long ``work`` takes; it must succeed."""
    started = time.perf_counter()
    if not work():
        raise SystemExit("the run did not publish")
    return time.perf_counter() - started


def main() -> int:
    """Measure, print, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        prepare(root)
        mesh = load_mesh(root)
        product = mesh.products["bench/rows"]
        with open_instance(root) as instance:

            def container() -> bool:
                return run_product(mesh, product).outcome == "published"

            def through_dagster() -> bool:
                return execute(mesh, instance, product, str(uuid.uuid4())).success

            rules = len(product.outputs[0].promise.rules)
            print(f"{os.cpu_count()} cores; 100,000 rows, {COLUMNS} columns, {rules} rules")
            seconds(container)
            seconds(through_dagster)  # the first run of a process imports and makes tables
            pairs = [(seconds(container), seconds(through_dagster)) for _ in range(RUNS)]
    print("  container    Dagster")
    for alone, whole in pairs:
        print(f"  {alone:7.3f} s  {whole:7.3f} s")
    alone = statistics.median(pair[0] for pair in pairs)
    whole = statistics.median(pair[1] for pair in pairs)
    cost = whole - alone
    print(f"  {alone:7.3f} s  {whole:7.3f} s  medians; ratio {whole / alone:.2f}")
    print(f"dagster_cost: {cost:.3f} (bar {BAR})")
    return int(cost > BAR)


if __name__ == "__main__":
    sys.exit(main())
