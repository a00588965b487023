"""Delta tables: what is read of a log, what it costs, and how its faults are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable
from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.drivers.compute.duckdb import DuckDBCompute
from mesh_defs.drivers.storage.delta import DeltaProductStore
from mesh_defs.drivers.storage.protocol import Commit
from mesh_defs.errors import CorruptRecord, PublishConflict
from mesh_defs.product.container import run_product


def grow(store: DeltaProductStore, versions: int) -> None:
    """A table ``p`` of as many versions, each with one more file."""
    session = DuckDBCompute(store.root / "work")
    try:
        for version in range(versions):
            files = session.stage(
                f"SELECT {version}::BIGINT AS id", store.port_folder("p") / f"t-{version}"
            )
            schema, adds = store.prepare("p", files)
            commit = Commit(
                version, schema, tuple(adds), (), overwrite=False, info={"version": version}
            )
            store.commit("p", commit)
    finally:
        session.close()


def test_every_version_keeps_its_files_across_checkpoints(tmp_path: Path) -> None:
    store = DeltaProductStore(tmp_path)
    assert store.table_version("p") is None
    grow(store, 43)
    log = store.port_folder("p") / "_delta_log"
    assert [int(f.name[:20]) for f in sorted(log.glob("*.checkpoint.parquet"))] == [19, 39]
    assert len(list(log.glob("*.json"))) == 43
    assert store.table_version("p") == DeltaTable(str(store.port_folder("p"))).version() == 42
    for version in (0, 19, 20, 21, 42):
        files = store.table_files("p", version)
        assert {f.path for f in files} == {f"t-{v}.parquet" for v in range(version + 1)}
        assert {f.rows for f in files} == {1}
        assert all(f.bytes == (store.port_folder("p") / f.path).stat().st_size for f in files)
    # A log whose old entries were cleaned by its owner ends with a checkpoint alone.
    for entry in log.glob("*.json"):
        entry.unlink()
    assert store.table_version("p") == 39
    assert len(store.table_files("p", 39)) == 40


def test_the_version_that_is_expected_is_the_one_that_is_there(tmp_path: Path) -> None:
    store = DeltaProductStore(tmp_path)
    store.expect("p", -1)
    with pytest.raises(PublishConflict, match="not at version 0"):
        store.expect("p", 0)
    grow(store, 2)
    store.expect("p", 1)
    for wrong in (-1, 0, 2):
        with pytest.raises(PublishConflict, match="--rebuild"):
            store.expect("p", wrong)


def test_a_log_that_cannot_be_read_is_told_with_its_place(tmp_path: Path) -> None:
    store = DeltaProductStore(tmp_path)
    grow(store, 2)
    log = store.port_folder("p") / "_delta_log"
    with pytest.raises(CorruptRecord, match="version 7"):
        store.table_files("p", 7)
    (log / f"{0:020}.json").write_text('{"add": tru')
    with pytest.raises(CorruptRecord, match="_delta_log cannot be read") as caught:
        store.table_files("p", 1)
    assert str(log) in str(caught.value)
    assert "restore" in str(caught.value)


# A limit of a file's size is what a full disk is: a write that the system refuses in the middle.
FULL = """
import json, resource, sys
from pathlib import Path
from mesh_defs.drivers.storage.delta import DeltaProductStore
from mesh_defs.drivers.storage.protocol import Commit
from mesh_defs.errors import StorageFailed

store = DeltaProductStore(Path(sys.argv[1]))
commit = Commit.from_dict(json.loads(sys.stdin.read()))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
told = ""
try:
    store.commit("p", commit)
except StorageFailed as error:
    told = str(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(told)
"""


@pytest.mark.parametrize("version", [0, 1])
def test_a_commit_on_a_full_disk_is_told_and_can_be_repeated(tmp_path: Path, version: int) -> None:
    store = DeltaProductStore(tmp_path)
    grow(store, version)
    session = DuckDBCompute(tmp_path / "work")
    try:
        files = session.stage("SELECT 7::BIGINT AS id", store.port_folder("p") / "new")
    finally:
        session.close()
    schema, adds = store.prepare("p", files)
    info = {"run_id": "r", "published_at": "t", "inputs": {"x" * 5000: 1}}
    commit = Commit(version, schema, tuple(adds), (), overwrite=False, info=info)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)],
        input=json.dumps(commit.as_dict()),
        capture_output=True,
        text=True,
        check=True,
    )
    log = store.port_folder("p") / "_delta_log"
    assert done.stdout.startswith(f"cannot write {log}: File too large (os error 27). Fix:")
    assert store.table_version("p") == (None if version == 0 else version - 1)
    store.commit("p", commit)
    store.commit("p", commit)
    assert len(store.table_files("p", version)) == version + 1


OPEN = """
import sys, mesh_defs, json
from pathlib import Path
port = mesh_defs.open("mesh://shop/things", root=Path(sys.argv[1]))
files = port.files()
print(json.dumps([len(files), sorted({"pandas", "pyarrow", "polars"} & sys.modules.keys())]))
"""


def test_opening_a_port_brings_no_frames_with_it(tmp_path: Path) -> None:
    write_parquet(tmp_path, "things", "select i as id from range(10) t(i)")
    write_mesh(
        tmp_path,
        {
            "domains/shop/things/defs.yaml": manifest("inputs: {things: files://things}"),
            "domains/shop/things/contract.yaml": contract(
                "things", "- {name: id, logicalType: integer, required: true}"
            ),
            "domains/shop/things/things.sql": "select id from things",
        },
    )
    mesh = load(tmp_path)
    run_product(mesh, mesh.product("mesh://shop/things"))
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [1, []]


def test_the_frames_of_its_library_are_no_part_of_an_error(tmp_path: Path) -> None:
    log = tmp_path / "ports/things/_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("{bad")
    program = (
        "import sys; from pathlib import Path\n"
        "from mesh_defs.drivers.storage.delta import DeltaProductStore\n"
        "from mesh_defs.errors import CorruptRecord\n"
        "try: DeltaProductStore(Path(sys.argv[1])).table_files('things', 0)\n"
        "except CorruptRecord as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "RUST_BACKTRACE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    assert "whilst parsing object. Fix: restore" in line
    assert "unknown" not in line


def test_the_first_time_without_a_zone_may_come_with_a_later_version(tmp_path: Path) -> None:
    """Readers are told that the table has such times from then on; before it they need not know."""
    store = DeltaProductStore(tmp_path)
    queries = [
        "SELECT 1 AS id",
        "SELECT 2 AS id, [TIMESTAMP '2024-01-01'] AS seen",
        "SELECT 3 AS id, TIMESTAMP '2024-01-01' AS seen",
        "SELECT 4 AS id",
    ]
    session = DuckDBCompute(tmp_path / "work")
    for version, query in enumerate(queries):
        files = session.stage(query, store.port_folder("p") / f"t-{version}")
        schema, adds = store.prepare("p", files)
        info = {"run_id": str(version)}
        commit = Commit(version, schema, tuple(adds), (), overwrite=True, info=info)
        store.commit("p", commit)
        store.commit("p", commit)  # once more is the same
        there = [file.path for file in store.table_files("p", version)]
        assert there == [f"t-{version}.parquet"]
        assert store.table_foreign("p", version, there) == []
    session.close()
    tables = [DeltaTable(str(store.port_folder("p")), version=version) for version in range(4)]
    assert [table.to_pyarrow_table()["id"].to_pylist() for table in tables] == [[1], [2], [3], [4]]
    features = [table.protocol().reader_features for table in tables]
    assert features == [None, *[["timestampNtz"]] * 3]
