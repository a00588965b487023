"""``mesh.open``: reads one published version in place, with projection and filters pushed down."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from meshes import contract, load, manifest, write, write_mesh, write_parquet

import mesh_defs
from mesh_defs.product.container import run_product
from mesh_defs.product.report import Progress

PROPERTIES = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: part, logicalType: string, required: true}
"""
URL = "mesh://shop/things"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A mesh with two published versions: ten rows, then twenty."""
    write_mesh(
        tmp_path,
        {
            "domains/shop/things/defs.yaml": manifest("inputs: {things: files://things}"),
            "domains/shop/things/contract.yaml": contract("things", PROPERTIES),
            "domains/shop/things/things.sql": "select * from things",
        },
    )
    publish(tmp_path, 10)
    publish(tmp_path, 20)
    return tmp_path


def publish(root: Path, rows: int) -> None:
    write_parquet(root, "things", f"select i as id, 'p' || (i % 2) as part from range({rows}) t(i)")
    mesh = load(root)
    assert run_product(mesh, mesh.product(URL)).outcome == "published"


def test_every_way_of_reading_gives_the_same_rows(root: Path) -> None:
    port = mesh_defs.open(URL, root=root)
    expected = [(i, "p1") for i in range(11, 20, 2)]
    columns, where = ["id", "part"], "part = 'p1' and id > 10"
    assert [tuple(r.values()) for r in port.arrow(columns, where).to_pylist()] == expected
    assert port.polars(columns, where).rows() == expected
    assert list(port.pandas(columns, where).itertuples(index=False, name=None)) == expected
    assert port.duckdb(None, columns, where).fetchall() == expected
    assert sum(batch.num_rows for batch in port.batches(columns, where)) == 5
    lazy = port.lazy().filter(pl.col("part") == "p1", pl.col("id") > 10).collect()
    assert lazy.rows() == expected
    assert duckdb.sql(f"select count(*) from read_parquet({port.files()})").fetchone() == (20,)


def test_a_connection_of_ones_own_joins_ports(root: Path) -> None:
    connection = duckdb.connect()
    port = mesh_defs.open(URL, root=root)
    port.duckdb(connection).create_view("mine")
    connection.execute("create table other as select 5 as id, 'five' as name")
    joined = connection.sql("select name, part from other join mine using (id)").fetchall()
    assert joined == [("five", "p1")]


def test_projection_and_filter_reach_the_files(root: Path) -> None:
    publish(root, 500_000)
    connection = duckdb.connect()
    connection.execute("PRAGMA enable_profiling = 'json'")
    connection.execute("PRAGMA profiling_output = ''")
    relation = mesh_defs.open(URL, root=root).duckdb(connection, ["id"], "id >= 499990")
    plan = relation.explain("analyze")
    assert "part" not in plan
    assert "id>=499990" in plan.replace(" ", "")


def test_old_versions_stay_readable(root: Path) -> None:
    assert mesh_defs.open(f"{URL}?version=0", root=root).arrow().num_rows == 10
    newest = mesh_defs.open(URL, root=root)
    assert (newest.version, newest.rows) == (1, 20)
    first = newest.history()[-1]
    moment = first.time + timedelta(microseconds=1)
    as_of = mesh_defs.open(f"{URL}?as_of={moment.isoformat()}", root=root)
    assert (as_of.version, as_of.arrow().num_rows) == (0, 10)
    assert mesh_defs.open(f"{URL}?as_of={datetime.now(UTC).isoformat()}", root=root).version == 1


def test_an_old_version_has_the_contract_that_it_was_published_under(root: Path) -> None:
    path = root / "domains/shop/things/contract.yaml"
    path.write_text(contract("things", PROPERTIES, version="1.1.0"))
    publish(root, 30)
    assert mesh_defs.open(f"{URL}?version=0", root=root).contract.version == "1.0.0"
    assert mesh_defs.open(URL, root=root).contract.version == "1.1.0"
    (root / "domains/shop/things/defs.yaml").write_text("type: broken")
    assert mesh_defs.open(URL, root=root).contract.version == "1.1.0"


def test_columns_and_conditions_that_are_wrong_say_what_there_is(root: Path) -> None:
    port = mesh_defs.open(URL, root=root)
    assert port.arrow(columns="id", where="id < 2").num_columns == 1
    for columns, where in ((["idd"], None), (None, "nothing = 1"), (None, "id = = 1")):
        with pytest.raises(mesh_defs.MeshError, match="its columns: id, part"):
            port.arrow(columns=columns, where=where)


def test_what_is_open_does_not_change_under_the_reader(root: Path) -> None:
    port = mesh_defs.open(URL, root=root)
    publish(root, 30)
    assert port.arrow().num_rows == 20
    assert mesh_defs.open(URL, root=root).arrow().num_rows == 30


def test_contract_verdicts_and_history(root: Path) -> None:
    port = mesh_defs.open(URL, root=root)
    assert port.contract.id == "things-contract"
    assert {v.outcome for v in port.verdicts()} == {"passed"}
    assert "primary_key" in {v.rule for v in port.verdicts()}
    assert [record.version for record in port.history()] == [1, 0]
    assert str(port.url) == "mesh://shop/things/things?version=1"


@pytest.mark.parametrize(
    ("url", "error", "text"),
    [
        (f"{URL}?version=7", mesh_defs.UnknownAddress, "it has 0 to 1"),
        (f"{URL}/odd", mesh_defs.UnknownAddress, "it has things"),
        (f"{URL}@3", mesh_defs.NotPublished, "no published version of @3"),
        (f"{URL}?as_of=2001-01-01", mesh_defs.NotPublished, "its first is of"),
        ("mesh://shop/thing", mesh_defs.UnknownAddress, "write 'shop/things' instead"),
        (f"{URL}#idd", mesh_defs.UnknownAddress, "write 'id' instead of 'idd'"),
        (f"{URL}?as_of=yesterday", mesh_defs.UnknownAddress, "is not a timestamp"),
    ],
)
def test_what_is_not_there(root: Path, url: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        mesh_defs.open(url, root=root)
    assert text in str(caught.value)


def test_a_major_version_keeps_its_readers(root: Path) -> None:
    write(
        root,
        {
            "domains/shop/things/defs.yaml": manifest(
                "inputs: {things: files://things}", version="2.0.0"
            )
        },
    )
    publish(root, 40)
    assert mesh_defs.open(f"{URL}@1", root=root).rows == 20
    assert mesh_defs.open(f"{URL}@2", root=root).rows == 40


def test_a_reader_beside_a_writer_sees_whole_versions_only(root: Path) -> None:
    done = threading.Event()
    seen: set[tuple[int, int]] = set()

    def read() -> None:
        while not done.is_set():
            port = mesh_defs.open(URL, root=root)
            seen.add((port.rows, port.arrow(["id"]).num_rows))

    def watch(progress: Progress) -> None:
        port = mesh_defs.open(URL, root=root)
        seen.add((port.rows, port.arrow(["id"]).num_rows))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for rows in (30, 40, 50):
            write_parquet(root, "things", f"select i as id, 'p' as part from range({rows}) t(i)")
            mesh = load(root)
            run_product(mesh, mesh.product(URL), observer=watch)
    finally:
        done.set()
        reader.join(60)
    assert {recorded for recorded, _ in seen} >= {20, 30, 40, 50}
    assert all(recorded == read for recorded, read in seen)


def test_the_ledger_and_the_delta_log_carry_the_run(root: Path) -> None:
    port = mesh_defs.open(URL, root=root)
    log = root / ".mesh/storage/shop/things/ports/things/_delta_log"
    actions = [json.loads(line) for line in sorted(log.glob("*.json"))[-1].read_text().splitlines()]
    info = next(a["commitInfo"]["mesh"] for a in actions if "commitInfo" in a)
    assert info["run_id"] == port.record.run_id
    assert info["version"] == 1
    assert info["inputs"] == {"things": port.record.inputs["things"].fingerprint}
    assert info["contract"]["digest"] == port.contract.digest
    added = next(a["add"] for a in actions if "add" in a)
    statistics = json.loads(added["stats"])
    assert statistics["numRecords"] == 20
    assert statistics["minValues"] == {"id": 0, "part": "p0"}
    assert statistics["nullCount"] == {"id": 0, "part": 0}
