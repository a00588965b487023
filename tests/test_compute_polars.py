"""Another compute for one output: made by polars, verified and published as any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import contract, load, manifest, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import TransformFailed
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh

PROPERTIES = """
- {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}
- {name: part, logicalType: string, required: true}
"""
QUERY = "select id, upper(part) as part from things where id % 2 = 0"


def mesh_with(root: Path, query: str = QUERY, mode: str = "snapshot") -> Path:
    extra = ", cursor: id" if mode == "append" else ""
    write_parquet(root, "things", "select i as id, 'p' || (i % 3) as part from range(100) t(i)")
    return write_mesh(
        root,
        {
            "domains/shop/both/defs.yaml": manifest(
                "inputs: {things: files://things}\n"
                "outputs:\n"
                f"  left: {{contract: left.yaml, compute: polars, mode: {mode}{extra}}}\n"
                "  right: {contract: right.yaml}\n"
            ),
            "domains/shop/both/left.yaml": contract("left", PROPERTIES),
            "domains/shop/both/right.yaml": contract("right", PROPERTIES),
            "domains/shop/both/left.sql": query,
            "domains/shop/both/right.sql": QUERY,
        },
    )


def run(root: Path) -> mesh_defs.RunReport:
    mesh = load(root)
    return run_product(mesh, mesh.product("mesh://shop/both"))


def rows(root: Path, port: str) -> list[tuple[object, ...]]:
    return mesh_defs.open(f"mesh://shop/both/{port}", root=root).duckdb().order("id").fetchall()


def test_both_engines_publish_the_same_rows_together(tmp_path: Path) -> None:
    root = mesh_with(tmp_path)
    report = run(root)
    assert report.outcome == "published", report.explanation()
    assert rows(root, "left") == rows(root, "right")
    assert len(rows(root, "left")) == 50


def test_modes_work_around_its_query(tmp_path: Path) -> None:
    root = mesh_with(tmp_path, mode="append")
    run(root)
    write_parquet(root, "things", "select i as id, 'new' as part from range(120) t(i)")
    assert run(root).ports["left"].added_rows == 10
    assert [part for _, part in rows(root, "left")][-1] == "NEW"


def test_a_broken_promise_of_its_rows_blocks(tmp_path: Path) -> None:
    root = mesh_with(tmp_path, "select id * 0 as id, part from things")
    report = run(root)
    assert report.outcome == "failed"
    assert [v.rule for v in report.verdicts if v.blocking] == ["primary_key"]


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_parquet('{root}/data/things.parquet')",
        "select * from read_csv('/etc/passwd')",
        "select * from '{root}/data/things.parquet'",
        "select * from other.things",
        "select * from nothing",
        "select no_such_column from things",
        "drop table things",
        "select 1 as id; select 2 as id",
        "select",
    ],
)
def test_it_reaches_its_inputs_and_nothing_else(tmp_path: Path, query: str) -> None:
    root = mesh_with(tmp_path, query.format(root=tmp_path))
    with pytest.raises(TransformFailed, match="polars"):
        run(root)
    assert list((root / ".mesh/storage").rglob("*.parquet")) == []


def test_it_is_for_sql_transforms(tmp_path: Path) -> None:
    root = mesh_with(tmp_path)
    code = "def transform(things):\n    return things.arrow()\n"
    (root / "domains/shop/both/transform.py").write_text(code)
    (fault,) = load_mesh(root).faults
    assert fault.key == "attributes.outputs.left.compute"


def test_an_unknown_compute_names_the_known_ones(tmp_path: Path) -> None:
    root = mesh_with(tmp_path)
    path = root / "domains/shop/both/defs.yaml"
    path.write_text(path.read_text().replace("compute: polars", "compute: polar"))
    (fault,) = load_mesh(root).faults
    assert (fault.allowed, fault.fix) == ("duckdb, polars", "write 'polars' instead of 'polar'")
