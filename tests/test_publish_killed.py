"""SIGKILL at every step of publishing: the old version or the new one, never something between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from meshes import contract, load, manifest, write_mesh, write_parquet

import mesh_defs
from mesh_defs.product.container import run_product
from mesh_defs.product.described.stored import stored_document
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.report import Progress
from mesh_defs.product.stores import product_store

PROPERTIES = "- {name: id, logicalType: integer, required: true, primaryKey: true}"

# The child kills itself the moment that the named step has ended; nothing can clean up after it.
CHILD = """
import os, signal, sys
from pathlib import Path
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh

root, fatal = Path(sys.argv[1]), sys.argv[2]

def watch(progress):
    if progress.step == fatal:
        os.kill(os.getpid(), signal.SIGKILL)

mesh = load_mesh(root)
run_product(mesh, mesh.product("mesh://shop/pair"), observer=watch)
"""

STEPS = [
    "locked",
    "resolved",
    "expected",
    "staged:left",
    "staged:right",
    "verified:left",
    "verified:right",
    "described",
    "intent",
    "commit:left",
    "commit:right",
    "documents",
    "ledger",
    "clean",
    "told",
]
DECIDED = STEPS[STEPS.index("intent") :]


def two_ports(root: Path) -> Path:
    body = (
        "inputs: {things: files://things}\n"
        "outputs:\n"
        "  left: {contract: left.yaml, mode: append, cursor: id}\n"
        "  right: {contract: right.yaml}\n"
    )
    return write_mesh(
        root,
        {
            "domains/shop/pair/defs.yaml": manifest(body),
            "domains/shop/pair/left.yaml": contract("left", PROPERTIES),
            "domains/shop/pair/right.yaml": contract("right", PROPERTIES),
            "domains/shop/pair/left.sql": "select id from things",
            "domains/shop/pair/right.sql": "select id * 2 as id from things",
        },
    )


def publish(root: Path, rows: int) -> None:
    write_parquet(root, "things", f"select i as id from range({rows}) t(i)")
    mesh = load(root)
    assert run_product(mesh, mesh.product("mesh://shop/pair")).outcome == "published"


def seen(root: Path) -> tuple[int, int, int]:
    """The version that readers see, and the rows of both ports in it."""
    left = mesh_defs.open("mesh://shop/pair/left", root=root)
    right = mesh_defs.open("mesh://shop/pair/right", root=root)
    assert left.version == right.version
    assert_described(root)
    return left.version, left.arrow().num_rows, right.arrow().num_rows


def kill_at(root: Path, step: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(root), step], capture_output=True, text=True, timeout=120
    )
    assert child.returncode == -9, child.stderr


def test_the_steps_below_are_all_the_steps_there_are(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "things", "select i as id from range(5) t(i)")
    steps: list[str] = []

    def watch(progress: Progress) -> None:
        steps.append(progress.step)

    mesh = load(root)
    run_product(mesh, mesh.product("mesh://shop/pair"), observer=watch)
    assert steps == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_leaves_the_old_version_or_the_new_one(tmp_path: Path, step: str) -> None:
    root = two_ports(tmp_path)
    publish(root, 10)
    write_parquet(root, "things", "select i as id from range(25) t(i)")
    kill_at(root, step)
    visible = step in ("ledger", "clean", "told")
    assert seen(root) == ((1, 25, 25) if visible else (0, 10, 10))

    # The next run finishes what was decided, drops what was only begun, and publishes its own.
    publish(root, 40)
    assert seen(root) == ((2, 40, 40) if step in DECIDED else (1, 40, 40))
    if step in DECIDED:
        middle = mesh_defs.open("mesh://shop/pair/left?version=1", root=root)
        assert middle.arrow().num_rows == 25
    assert_clean(root)


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_of_the_very_first_run_is_no_different(tmp_path: Path, step: str) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "things", "select i as id from range(25) t(i)")
    kill_at(root, step)
    if step not in ("ledger", "clean", "told"):
        with pytest.raises(mesh_defs.NotPublished):
            mesh_defs.open("mesh://shop/pair/left", root=root)
    publish(root, 40)
    assert seen(root) == ((1, 40, 40) if step in DECIDED else (0, 40, 40))
    assert_clean(root)


def test_kills_one_after_the_other_lose_nothing(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    publish(root, 10)
    for rows, step in ((20, "commit:left"), (30, "staged:right"), (40, "intent")):
        write_parquet(root, "things", f"select i as id from range({rows}) t(i)")
        kill_at(root, step)
    publish(root, 50)
    history = mesh_defs.open("mesh://shop/pair/left", root=root).history()
    assert [record.ports["left"].rows for record in history] == [50, 40, 20, 10]
    assert_described(root)
    assert_clean(root)


def assert_described(root: Path) -> None:
    """Every version that the ledger has describes itself, and no record is without a document."""
    store = product_store(load(root).settings, "shop", "pair")
    for name in store.names("ledger"):
        found = stored_document(store, "shop/pair", int(name.removesuffix(".json")))
        record = Ledger(store).record(int(name.removesuffix(".json")))
        assert found is not None
        assert record is not None
        assert (found["run_id"], found["published_at"]) == (record.run_id, record.published_at)


def assert_clean(root: Path) -> None:
    """No intent, no running attempt, and no Parquet file that no version refers to."""
    store = product_store(load(root).settings, "shop", "pair")
    assert store.names("intents") == []
    runs = [store.read(f"runs/{name}") or b"" for name in store.names("runs")]
    assert not any(b'"result":"running"' in run for run in runs)
    referenced = {
        file
        for version in range(len(store.names("ledger")))
        for port in ("left", "right")
        for file in mesh_defs.open(f"mesh://shop/pair/{port}?version={version}", root=root).files()
    }
    on_disk = {str(f) for f in (root / ".mesh/storage/shop/pair/ports").rglob("*.parquet")}
    assert on_disk == referenced
    assert list((root / ".mesh/work").iterdir()) == []
