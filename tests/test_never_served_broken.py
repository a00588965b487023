"""Whatever data is generated, a port never serves rows that break a blocking rule."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from meshes import contract, load, manifest, write_mesh

import mesh_defs
from mesh_defs.product.container import run_product

PROPERTIES = """
- {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}
- name: code
  logicalType: string
  required: true
  logicalTypeOptions: {pattern: '^[A-Z]{2}[0-9]?$', maxLength: 3}
- name: amount
  logicalType: number
  physicalType: DOUBLE
  logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100}
- name: kind
  logicalType: string
  quality:
    - type: library
      metric: invalidValues
      arguments: {validValues: [a, b]}
      mustBe: 0
- name: parent
  logicalType: integer
  physicalType: BIGINT
  relationships: [{to: things.id}]
"""
QUALITY = """
- {name: few rows, type: library, metric: rowCount, mustBeLessThan: 40}
"""

Row = dict[str, Any]

row = st.fixed_dictionaries(
    {
        "id": st.one_of(st.integers(0, 12), st.none()),
        "code": st.one_of(st.sampled_from(["AB", "XY1", "ab", "", "ABC1", "ÄB"]), st.none()),
        "amount": st.one_of(
            st.sampled_from([0.0, 1.5, 99.999, 100.0, -0.1, float("nan"), float("inf")]), st.none()
        ),
        "kind": st.one_of(st.sampled_from(["a", "b", "c"]), st.none()),
        "parent": st.one_of(st.integers(0, 12), st.none()),
    }
)
good_row = st.fixed_dictionaries(
    {
        "id": st.integers(0, 30),
        "code": st.sampled_from(["AB", "XY1"]),
        "amount": st.sampled_from([0.0, 1.5, 99.999]),
        "kind": st.sampled_from(["a", "b"]),
        "parent": st.none(),
    }
)
batch = st.one_of(
    st.lists(good_row, min_size=1, max_size=8, unique_by=lambda r: r["id"]),
    st.lists(row, min_size=1, max_size=6),
)

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("code", pa.string()),
        ("amount", pa.float64()),
        ("kind", pa.string()),
        ("parent", pa.int64()),
    ]
)


def holds(rows: list[Row]) -> bool:
    """The contract above, read by a person and written down without our code."""
    ids = [r["id"] for r in rows]
    return (
        all(i is not None for i in ids)
        and max(Counter(ids).values(), default=0) <= 1
        and all(r["code"] is not None and re.search(r"^[A-Z]{2}[0-9]?$", r["code"]) for r in rows)
        and all(r["amount"] is None or 0 <= r["amount"] < 100 for r in rows)
        and all(r["kind"] in (None, "a", "b") for r in rows)
        and all(r["parent"] is None or r["parent"] in ids for r in rows)
        and len(rows) < 40
    )


def comparable(rows: list[Row]) -> list[str]:
    """Rows in an order and a form that NaN and the order of keys do not disturb."""
    return sorted(repr([row[name] for name in SCHEMA.names]) for row in rows)


def mesh_with(root: Path, output: str) -> None:
    write_mesh(
        root,
        {
            "domains/shop/things/defs.yaml": manifest(
                f"inputs: {{things: files://things}}\noutputs:\n  things: {output}"
            ),
            "domains/shop/things/contract.yaml": contract("things", PROPERTIES, quality=QUALITY),
            "domains/shop/things/things.sql": "select * from things",
        },
    )


@pytest.mark.parametrize("output", ["{}", "{mode: append, cursor: id}", "{mode: upsert}"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(batch, min_size=1, max_size=3))
def test_what_is_served_always_keeps_its_promise(output: str, batches: list[list[Row]]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        mesh_with(root, output)
        (root / "data").mkdir()
        served: list[Row] | None = None
        for rows in batches:
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), root / "data/things.parquet")
            mesh = load(root)
            report = run_product(mesh, mesh.product("mesh://shop/things"))
            if report.outcome != "published":
                if served is not None:
                    assert mesh_defs.open("mesh://shop/things", root=root).version >= 0
                continue
            served = mesh_defs.open("mesh://shop/things", root=root).arrow().to_pylist()
            assert holds(served), served
            if output == "{}":
                assert comparable(served) == comparable(rows)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(row, min_size=1, max_size=6))
def test_a_snapshot_is_refused_exactly_when_its_promise_is_broken(rows: list[Row]) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        mesh_with(root, "{}")
        (root / "data").mkdir()
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), root / "data/things.parquet")
        mesh = load(root)
        report = run_product(mesh, mesh.product("mesh://shop/things"))
        assert (report.outcome == "published") == holds(rows), report.explanation()
