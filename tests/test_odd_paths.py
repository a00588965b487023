"""Folders and files whose names mean something to globs, URLs and SQL are names like any other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from meshes import contract, load, manifest, write, write_mesh

import mesh_defs
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh

PROPERTIES = "- {name: id, logicalType: integer, required: true, primaryKey: true}"
FOLDERS = [
    "a[1] b*",
    "what?",
    "100%",
    "o'clock",
    "{a,b}",
    "x=1",
    "#tag",
    "émoji ☃",
    'say "hi"',
    "a^b|c;d",
    "a:b@c",
]


def product_of(root: Path, source: str, output: str = "{}", sql: str | None = None) -> None:
    """A mesh below ``root`` with the product ``shop/things``, which reads ``source``."""
    body = f"inputs:\n  rows: {source}\noutputs:\n  things: {output}"
    write_mesh(
        root,
        {
            "domains/shop/things/defs.yaml": manifest(body),
            "domains/shop/things/contract.yaml": contract("things", PROPERTIES),
            "domains/shop/things/things.sql": sql or "select id::integer as id from rows",
        },
    )
    (root / "data").mkdir(exist_ok=True)


def publish(root: Path) -> list[int]:
    """Run the product; the values that are served, which all ways of reading agree on."""
    mesh = load(root)
    report = run_product(mesh, mesh.product("mesh://shop/things"))
    assert report.outcome == "published", report.explanation()
    port = mesh_defs.open("mesh://shop/things", root=root)
    values = sorted(port.arrow().column("id").to_pylist())
    assert sorted(port.polars()["id"].to_list()) == values
    assert sorted(port.lazy().collect()["id"].to_list()) == values
    assert sorted(port.pandas()["id"].tolist()) == values
    assert sorted(row[0] for row in port.duckdb().fetchall()) == values
    assert all(Path(file).is_file() for file in port.files())
    return values


def parquet(file: Path, *values: int) -> None:
    pq.write_table(pa.table({"id": pa.array(values, pa.int32())}), file)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_mesh_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    # What a glob of the name would find in place of it.
    for decoy in ("a1 bX", "whatX", "a", "b"):
        product_of(tmp_path / decoy, "files://things")
        parquet(tmp_path / decoy / "data/things.parquet", 99)
    product_of(root, "files://things", "{mode: upsert}")
    parquet(root / "data/things.parquet", 1, 2)
    assert publish(root) == [1, 2]
    parquet(root / "data/things.parquet", 2, 3)
    assert publish(root) == [1, 2, 3]
    table = DeltaTable(str(root / ".mesh/storage/shop/things/ports/things"))
    assert sorted(table.to_pyarrow_table().column("id").to_pylist()) == [1, 2, 3]


@pytest.mark.parametrize("name", ["t*", "t[12]", "t?", "t{1,2}", "**"])
@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_a_file_whose_own_name_is_a_pattern(tmp_path: Path, name: str, ending: str) -> None:
    product_of(tmp_path, f"'files://{name}'")
    for stem, value in ((name, 1), ("t1", 2), ("t2", 3)):
        file = tmp_path / f"data/{stem}.{ending}"
        if ending == "parquet":
            parquet(file, value)
        else:
            file.write_text(f"id\n{value}\n" if ending == "csv" else f'{{"id": {value}}}\n')
    assert publish(tmp_path) == [1]


def test_a_folder_of_files_with_such_names(tmp_path: Path) -> None:
    product_of(tmp_path, "'files://all*'")
    for folder in ("all*", "all2"):
        (tmp_path / "data" / folder).mkdir()
    parquet(tmp_path / "data/all*/one[1].parquet", 1)
    parquet(tmp_path / "data/all*/one1.parquet", 2)
    parquet(tmp_path / "data/all2/three.parquet", 3)
    assert publish(tmp_path) == [1, 2]


def test_a_database_in_such_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "a[1] b*?#'"
    product_of(root, "ops://things")
    service = "      ops: {driver: sqlite, path: 'data/o[p]s*.db'}\n"
    write(root, {"mesh.yaml": (root / "mesh.yaml").read_text() + service})
    with closing(sqlite3.connect(root / "data/o[p]s*.db")) as connection, connection:
        connection.execute("create table things (id integer)")
        connection.execute("insert into things values (7)")
    assert publish(root) == [7]


def test_transforms_see_the_rows_in_such_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "a[1] b*"
    product_of(root, "files://things")
    parquet(root / "data/things.parquet", 1, 2)
    (root / "domains/shop/things/things.sql").unlink()
    write(
        root,
        {
            "domains/shop/things/transform.py": """
            def transform(rows):
                return rows.polars()
            """
        },
    )
    assert publish(root) == [1, 2]
    (root / "domains/shop/things/transform.py").unlink()
    product_of(root, "files://things", "{compute: polars}", "select id from rows where id > 1")
    assert publish(root) == [2]


def test_what_failed_lies_in_quarantine_in_such_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "a[1] b*"
    product_of(root, "files://things")
    parquet(root / "data/things.parquet", 1, 1)
    mesh = load(root)
    report = run_product(mesh, mesh.product("mesh://shop/things"))
    assert report.outcome == "failed"
    assert report.quarantine is not None
    kept = list(Path(report.quarantine).rglob("*.parquet"))
    assert [duckdb.read_parquet(str(file)).fetchall() for file in kept] == [[(1,), (1,)]]


@pytest.mark.parametrize("name", ["100%20", "a\\b"])
def test_a_storage_that_delta_cannot_read_back_is_refused(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    product_of(root, "files://things")
    parquet(root / "data/things.parquet", 1)
    mesh = load_mesh(root)
    (fault,) = mesh.faults
    assert (fault.file, fault.key) == ("mesh.yaml", "profiles.local.storage.path")
    assert name in fault.found
    with pytest.raises(mesh_defs.InvalidMesh, match="move the mesh"):
        run_product(mesh, mesh.product("mesh://shop/things"))
    assert not (root / ".mesh").exists()
    elsewhere = "    storage: {driver: delta, path: ../kept}\n"
    settings = (root / "mesh.yaml").read_text()
    write(root, {"mesh.yaml": settings.replace("  local:\n", "  local:\n" + elsewhere)})
    assert publish(root) == [1]


@pytest.mark.parametrize("name", ["what?", "100%", "a%20b", "#tag", "x=1&y"])
def test_dagster_keeps_its_history_in_such_a_folder(tmp_path: Path, name: str) -> None:
    from dagster_meshes import ORDERS, dagster_of, materialized, run, two_domains

    root = two_domains(tmp_path / name / "mesh")
    storage = "    storage: {driver: delta, path: %s}\n" % (tmp_path / "kept")
    settings = (root / "mesh.yaml").read_text()
    write(root, {"mesh.yaml": settings.replace("  local:\n", "  local:\n" + storage)})
    with dagster_of(root, copied=False) as instance:
        assert run(root, instance, [ORDERS]).success
        assert materialized(instance, ORDERS) == 1
    for file in ("runs/runs.db", "events/event_log.db", "schedules/schedules.db"):
        assert (root / ".mesh/dagster" / file).is_file()
    assert [child.name for child in tmp_path.iterdir() if child.name not in (name, "kept")] == []
