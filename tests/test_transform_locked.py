"""A product's SQL reaches what it declares, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import contract, load, manifest, write, write_mesh, write_parquet

from mesh_defs.errors import TransformFailed
from mesh_defs.product.container import run_product

PROPERTIES = "- {name: id, logicalType: integer, required: true}"


def mesh_with(root: Path, query: str, quality: str = "") -> Path:
    write_parquet(root, "things", "select i as id from range(10) t(i)")
    write_parquet(root, "secrets", "select 1 as id")
    return write_mesh(
        root,
        {
            "domains/shop/made/defs.yaml": manifest("inputs: {things: files://things}"),
            "domains/shop/made/contract.yaml": contract("made", PROPERTIES, quality=quality),
            "domains/shop/made/made.sql": query,
        },
    )


@pytest.mark.parametrize(
    "query",
    [
        "select id from read_parquet('{root}/data/secrets.parquet')",
        "select 1 as id from read_text('/etc/passwd')",
        "select 1 as id from glob('/etc/*')",
        "select id from '{root}/data/secrets.parquet'",
        "select 1 as id from sqlite_scan('{root}/x.db', 't')",
        "select 1 as id from read_csv('http://127.0.0.1:9/x.csv')",
        "copy (select 1) to '{root}/out.parquet'",
        "attach '{root}/x.db'",
        "set enable_external_access = true",
        "select id from things; copy (select 1) to '{root}/out.parquet'",
        "install httpfs",
    ],
)
def test_what_is_not_declared_is_out_of_reach(tmp_path: Path, query: str) -> None:
    root = mesh_with(tmp_path, query.format(root=tmp_path))
    mesh = load(root)
    with pytest.raises(TransformFailed, match=r"made\.sql"):
        run_product(mesh, mesh.product("mesh://shop/made"))
    assert not (root / "out.parquet").exists()
    assert not (root / "x.db").exists()


def test_rules_of_a_contract_are_locked_in_too(tmp_path: Path) -> None:
    query = f"select count(*) from read_parquet('{tmp_path}/data/secrets.parquet')"
    root = mesh_with(
        tmp_path,
        "select id from things",
        f'- {{name: nosy, type: sql, query: "{query}", mustBe: 1}}',
    )
    mesh = load(root)
    report = run_product(mesh, mesh.product("mesh://shop/made"))
    assert [v.outcome for v in report.verdicts if v.rule == "nosy"] == ["error"]
    assert report.outcome == "failed"


def test_a_link_out_of_the_ports_folder_leads_nowhere(tmp_path: Path) -> None:
    root = mesh_with(tmp_path, "select id from things")
    mesh = load(root)
    run_product(mesh, mesh.product("mesh://shop/made"))
    around = root / ".mesh/storage/shop/made/ports/made/../../../../../../data/secrets.parquet"
    write(root, {"domains/shop/made/made.sql": f"select id from '{around}'"})
    mesh = load(root)
    with pytest.raises(TransformFailed):
        run_product(mesh, mesh.product("mesh://shop/made"))
