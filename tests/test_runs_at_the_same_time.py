"""Two runs of one product at the same time: they serialise, and no version is lost."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from meshes import contract, load, manifest, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import Busy, PublishConflict
from mesh_defs.product.container import run_product
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.publish import publish
from mesh_defs.product.report import Progress
from mesh_defs.product.stores import product_store

CHILD = """
import sys
from pathlib import Path
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh

mesh = load_mesh(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    report = run_product(mesh, mesh.product("mesh://shop/things"))
    assert report.outcome == "published", report.explanation()
    print(report.version, flush=True)
"""


def one_product(root: Path) -> Path:
    write_parquet(root, "things", "select i as id from range(1000) t(i)")
    return write_mesh(
        root,
        {
            "domains/shop/things/defs.yaml": manifest("inputs: {things: files://things}"),
            "domains/shop/things/contract.yaml": contract(
                "things", "- {name: id, logicalType: integer, required: true, unique: true}"
            ),
            "domains/shop/things/things.sql": "select id from things",
        },
    )


def test_processes_that_publish_together_lose_no_version(tmp_path: Path) -> None:
    root = one_product(tmp_path)
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD, str(root), "5"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    versions: list[int] = []
    for child in children:
        out, err = child.communicate(timeout=180)
        assert child.returncode == 0, err
        versions += [int(line) for line in out.split()]
    assert sorted(versions) == list(range(15))
    history = mesh_defs.open("mesh://shop/things", root=root).history()
    assert [record.version for record in history] == list(range(14, -1, -1))
    assert len({record.run_id for record in history}) == 15


def test_a_second_run_waits_and_then_says_who_is_busy(tmp_path: Path) -> None:
    mesh = load(one_product(tmp_path))
    product = mesh.product("mesh://shop/things")
    inside, leave = threading.Event(), threading.Event()

    def watch(progress: Progress) -> None:
        if progress.step == "resolved":
            inside.set()
            assert leave.wait(60)

    first = threading.Thread(target=run_product, args=(mesh, product), kwargs={"observer": watch})
    first.start()
    try:
        assert inside.wait(60)
        with pytest.raises(Busy, match="another run of this product is under way"):
            run_product(mesh, product, wait_seconds=0.2)
    finally:
        leave.set()
        first.join(60)
    assert run_product(mesh, product).version == 1


def test_without_the_lock_the_ledger_still_lets_one_win(tmp_path: Path) -> None:
    """Storage shared by machines whose locks do not see each other."""
    mesh = load(one_product(tmp_path))
    product = mesh.product("mesh://shop/things")
    run_product(mesh, product)
    store = product_store(mesh.settings, "shop", "things")
    record = Ledger(store).latest()
    assert record is not None
    with pytest.raises(PublishConflict):
        publish(
            store,
            type(record).from_json(record.to_json().replace(record.run_id.encode(), b"other")),
            {},
            lambda _: None,
        )
    assert Ledger(store).versions() == [0]
    assert Ledger(store).latest() == record
    assert run_product(mesh, product).version == 1


def test_a_table_that_was_written_from_outside_is_noticed(tmp_path: Path) -> None:
    import pyarrow as pa
    from deltalake import write_deltalake

    mesh = load(one_product(tmp_path))
    product = mesh.product("mesh://shop/things")
    run_product(mesh, product)
    table = tmp_path / ".mesh/storage/shop/things/ports/things"
    write_deltalake(str(table), pa.table({"id": pa.array([7], pa.int64())}), mode="append")
    assert mesh_defs.open("mesh://shop/things", root=tmp_path).arrow().num_rows == 1000
    with pytest.raises(PublishConflict, match="--rebuild"):
        run_product(mesh, product)
    assert mesh_defs.open("mesh://shop/things", root=tmp_path).arrow().num_rows == 1000
    assert run_product(mesh, product, rebuild=True).version == 1
    assert mesh_defs.open("mesh://shop/things", root=tmp_path).arrow().num_rows == 1000
