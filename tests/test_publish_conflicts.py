"""A table that somebody else wrote to: nothing that is published, or committed, is lost by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from meshes import contract, load, manifest, write_mesh, write_parquet

import mesh_defs
from mesh_defs.drivers.storage.protocol import Commit
from mesh_defs.errors import PublishConflict
from mesh_defs.product.attempts import Attempt, Attempts
from mesh_defs.product.container import run_product
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.publish import INTENTS, clean_up, discard_staged
from mesh_defs.product.report import Progress
from mesh_defs.product.stores import product_store

PORTS = ("left", "right")


def two_ports(root: Path) -> Path:
    things = "- {name: id, logicalType: integer, required: true}"
    write_parquet(root, "things", "select i as id from range(10) t(i)")
    return write_mesh(
        root,
        {
            "domains/shop/pair/defs.yaml": manifest(
                "inputs: {things: files://things}\n"
                "outputs: {left: {contract: left.yaml}, right: {contract: right.yaml}}"
            ),
            **{f"domains/shop/pair/{p}.yaml": contract(p, things) for p in PORTS},
            **{f"domains/shop/pair/{p}.sql": "select id from things" for p in PORTS},
        },
    )


def folder(root: Path, port: str) -> Path:
    return root / ".mesh/storage/shop/pair/ports" / port


def write_from_outside(root: Path, port: str) -> None:
    table = pa.table({"id": pa.array([7], pa.int64())})
    write_deltalake(str(folder(root, port)), table, mode="append")


def assert_whole(root: Path) -> None:
    """Every file that a table's log refers to is there, and readers see version 0."""
    for port in PORTS:
        for path in DeltaTable(str(folder(root, port))).file_uris():
            assert Path(path).is_file(), path
        assert mesh_defs.open(f"mesh://shop/pair/{port}", root=root).arrow().num_rows == 10


def test_a_foreign_write_is_noticed_before_anything_is_committed(tmp_path: Path) -> None:
    mesh = load(two_ports(tmp_path))
    product = mesh.product("mesh://shop/pair")
    run_product(mesh, product)
    write_from_outside(tmp_path, "right")
    files = set(tmp_path.rglob("*.parquet"))
    with pytest.raises(PublishConflict, match="--rebuild"):
        run_product(mesh, product)
    assert DeltaTable(str(folder(tmp_path, "left"))).version() == 0
    assert set(tmp_path.rglob("*.parquet")) == files
    assert_whole(tmp_path)
    assert run_product(mesh, product, rebuild=True).version == 1


def test_a_foreign_write_between_two_commits_leaves_the_first_whole(tmp_path: Path) -> None:
    mesh = load(two_ports(tmp_path))
    product = mesh.product("mesh://shop/pair")
    run_product(mesh, product)

    def interfere(progress: Progress) -> None:
        if progress.step == "commit:left":
            write_from_outside(tmp_path, "right")

    with pytest.raises(PublishConflict):
        run_product(mesh, product, observer=interfere)
    assert DeltaTable(str(folder(tmp_path, "left"))).version() == 1
    assert_whole(tmp_path)
    with pytest.raises(PublishConflict, match="--rebuild"):
        run_product(mesh, product)
    assert_whole(tmp_path)
    assert run_product(mesh, product, rebuild=True).version == 1
    assert mesh_defs.open("mesh://shop/pair/right", root=tmp_path).arrow().num_rows == 10


def test_what_an_attempt_staged_goes_and_what_a_table_refers_to_stays(tmp_path: Path) -> None:
    mesh = load(two_ports(tmp_path))
    run_product(mesh, mesh.product("mesh://shop/pair"))
    store = product_store(mesh.settings, "shop", "pair")
    (published,) = folder(tmp_path, "left").glob("*.parquet")
    token = published.name.rpartition("-")[0]
    staged = [
        published.with_name(f"{token}-0009.parquet"),
        published.with_name(f"tmp_{token}-0010.parquet"),
    ]
    others = [
        published.with_name("another-0001.parquet"),
        published.with_name(f"{token}x-1.parquet"),
    ]
    for file in (*staged, *others):
        file.write_bytes(b"PAR1")

    store.put_if_absent(f"{INTENTS}/000000000001.json", b"{}")
    discard_staged(store, PORTS, token)
    assert all(file.exists() for file in staged)

    store.remove(f"{INTENTS}/000000000001.json")
    discard_staged(store, PORTS, "")
    discard_staged(store, PORTS, "*")
    assert all(file.exists() for file in staged)
    discard_staged(store, PORTS, token)
    assert not any(file.exists() for file in staged)
    assert all(file.exists() for file in others)
    assert_whole(tmp_path)


def test_a_dead_attempt_that_used_a_published_run_s_id_takes_nothing_with_it(
    tmp_path: Path,
) -> None:
    mesh = load(two_ports(tmp_path))
    product = mesh.product("mesh://shop/pair")
    assert run_product(mesh, product, run_id="again").version == 0
    assert run_product(mesh, product, run_id="again").version == 1
    store = product_store(mesh.settings, "shop", "pair")
    Attempts(store).write(Attempt("again", "2026-11-21T10:00:00.000+00:00", "running", token="t1"))
    staged = folder(tmp_path, "left") / "t1-0001.parquet"
    staged.write_bytes(b"PAR1")
    clean_up(store, PORTS, tmp_path / "work")
    assert not staged.exists()
    for version in (0, 1):
        port = mesh_defs.open(f"mesh://shop/pair/left?version={version}", root=tmp_path)
        assert port.arrow().num_rows == 10


def test_a_commit_is_known_by_its_attempt_and_not_by_its_run_alone(tmp_path: Path) -> None:
    mesh = load(two_ports(tmp_path))
    run_product(mesh, mesh.product("mesh://shop/pair"), run_id="again")
    store = product_store(mesh.settings, "shop", "pair")
    record = Ledger(store).latest()
    assert record is not None
    schema = DeltaTable(str(folder(tmp_path, "left"))).schema().to_json()
    info = {"run_id": "again", "published_at": record.published_at}
    commit = Commit(0, schema, (), (), overwrite=True, info=info)
    store.commit("left", commit)
    with pytest.raises(PublishConflict):
        store.commit("left", replace(commit, info={**info, "published_at": "earlier"}))
    assert store.table_version("left") == 0
