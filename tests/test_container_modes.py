"""Snapshot, append, upsert and partition: what a version holds after each run."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable
from meshes import contract, load, manifest, write, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import MeshError, TransformFailed
from mesh_defs.product.container import is_current, run_product
from mesh_defs.product.report import RunReport
from mesh_defs.product.staging import Window

PROPERTIES = """
- {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}
- {name: day, logicalType: date, required: true}
- {name: text, logicalType: string}
"""


def mesh_with(root: Path, output: str, query: str = "select id, day, text from things") -> Path:
    body = f"inputs: {{things: files://things}}\noutputs:\n  things: {output}"
    return write_mesh(
        root,
        {
            "domains/shop/things/defs.yaml": manifest(body),
            "domains/shop/things/contract.yaml": contract("things", PROPERTIES),
            "domains/shop/things/things.sql": query,
        },
    )


def source(root: Path, first: int, last: int, text: str = "old") -> None:
    write_parquet(
        root,
        "things",
        f"select i as id, date '2023-01-01' + (i % 30)::int as day, '{text}' as text "
        f"from range({first}, {last}) t(i)",
    )


def run(root: Path, **options: object) -> RunReport:
    mesh = load(root)
    return run_product(mesh, mesh.product("mesh://shop/things"), **options)  # type: ignore[arg-type]


def rows(root: Path, query: str) -> list[tuple[object, ...]]:
    port = mesh_defs.open("mesh://shop/things", root=root)
    relation = port.duckdb()
    return relation.query("port", query).fetchall()


def test_a_snapshot_replaces_everything(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{}")
    source(tmp_path, 0, 100)
    assert run(tmp_path).version == 0
    source(tmp_path, 50, 80, "new")
    report = run(tmp_path)
    assert (report.outcome, report.version) == ("published", 1)
    assert rows(tmp_path, "select count(*), min(id), max(text) from port") == [(30, 50, "new")]
    old = mesh_defs.open("mesh://shop/things?version=0", root=tmp_path)
    assert old.arrow().num_rows == 100


def test_append_adds_only_what_lies_past_the_cursor(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{mode: append, cursor: id}")
    source(tmp_path, 0, 100)
    run(tmp_path)
    source(tmp_path, 50, 130, "new")
    report = run(tmp_path)
    assert report.ports["things"].added_rows == 30
    assert rows(tmp_path, "select text, count(*) from port group by 1 order by 1") == [
        ("new", 30),
        ("old", 100),
    ]
    again = run(tmp_path)
    assert (again.outcome, again.version) == ("unchanged", 1)


def test_upsert_replaces_rows_by_key_and_rewrites_only_touched_files(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{mode: upsert}")
    source(tmp_path, 0, 100)
    run(tmp_path)
    source(tmp_path, 1000, 1100)
    run(tmp_path)
    untouched = set(mesh_defs.open("mesh://shop/things", root=tmp_path).files())
    source(tmp_path, 90, 110, "new")
    run(tmp_path)
    assert rows(
        tmp_path, "select text, count(*), count(distinct id) from port group by 1 order by 1"
    ) == [("new", 20, 20), ("old", 190, 190)]
    kept = untouched & set(mesh_defs.open("mesh://shop/things", root=tmp_path).files())
    assert len(kept) == 1


def test_a_partition_run_replaces_only_its_window(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{mode: partition, by: day, start: '2023-01-01'}")
    source(tmp_path, 0, 300)
    run(tmp_path)
    source(tmp_path, 0, 3000, "new")
    run(tmp_path, window=Window(date(2023, 1, 5), date(2023, 1, 7)))
    assert rows(tmp_path, "select text, count(*) from port group by 1 order by 1") == [
        ("new", 200),
        ("old", 280),
    ]
    days = "select count(distinct day) from port where text = 'new'"
    assert rows(tmp_path, days) == [(2,)]


@pytest.mark.parametrize(
    "output",
    ["{}", "{mode: append, cursor: id}", "{mode: upsert}"],
    ids=["snapshot", "append", "upsert"],
)
def test_any_delta_reader_sees_what_mesh_open_sees(tmp_path: Path, output: str) -> None:
    mesh_with(tmp_path, output)
    for first, last in ((0, 100), (60, 140), (100, 160)):
        source(tmp_path, first, last, f"from {first}")
        run(tmp_path)
    ours = mesh_defs.open("mesh://shop/things", root=tmp_path).arrow()
    table = DeltaTable(str(tmp_path / ".mesh/storage/shop/things/ports/things"))
    theirs = table.to_pyarrow_table()
    difference = duckdb.sql(
        "(from ours except all from theirs) union all (from theirs except all from ours)"
    )
    assert difference.fetchall() == []
    assert ours.num_rows == theirs.num_rows


def test_nothing_new_past_the_cursor_is_up_to_date(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{mode: append, cursor: id}")
    source(tmp_path, 0, 100)
    run(tmp_path)
    source(tmp_path, 0, 90, "other")
    mesh = load(tmp_path)
    product = mesh.product("mesh://shop/things")
    assert not is_current(mesh, product)
    assert run(tmp_path).outcome == "unchanged"
    assert is_current(mesh, product)
    source(tmp_path, 0, 101)
    assert not is_current(mesh, product)


def test_rebuild_starts_over_in_an_append_port(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{mode: append, cursor: id}")
    source(tmp_path, 0, 100)
    run(tmp_path)
    source(tmp_path, 90, 110, "new")
    run(tmp_path, rebuild=True)
    assert rows(tmp_path, "select text, count(*) from port group by 1") == [("new", 20)]


def test_columns_that_changed_under_us_are_named(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{mode: append, cursor: id}")
    source(tmp_path, 0, 100)
    run(tmp_path)
    source(tmp_path, 0, 200)
    write(tmp_path, {"domains/shop/things/things.sql": "select id, day, 1 as text from things"})
    with pytest.raises(TransformFailed, match="text was VARCHAR and is INTEGER") as caught:
        run(tmp_path)
    assert "--rebuild" in str(caught.value)
    assert rows(tmp_path, "select count(*) from port") == [(100,)]


def test_up_to_date_follows_inputs_and_code(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{}")
    source(tmp_path, 0, 100)
    mesh = load(tmp_path)
    assert not is_current(mesh, mesh.product("mesh://shop/things"))
    run(tmp_path)
    assert is_current(mesh, mesh.product("mesh://shop/things"))
    source(tmp_path, 0, 101)
    assert not is_current(mesh, mesh.product("mesh://shop/things"))
    run(tmp_path)
    write(
        tmp_path,
        {"domains/shop/things/things.sql": "select id, day, upper(text) as text from things"},
    )
    mesh = load(tmp_path)
    assert not is_current(mesh, mesh.product("mesh://shop/things"))


PARTITION = "{mode: partition, by: day, start: '2023-01-01'}"
FIRST_WEEK = Window(date(2023, 1, 1), date(2023, 1, 8))
LATER = Window(date(2023, 3, 1), date(2023, 4, 1))


def files(root: Path) -> list[Path]:
    """Every Parquet file in the port's folder, served or not."""
    return sorted((root / ".mesh/storage/shop/things/ports/things").glob("*.parquet"))


def assert_no_empty_file(root: Path) -> None:
    served = mesh_defs.open("mesh://shop/things", root=root).files()
    for file in served:
        assert duckdb.read_parquet(file).fetchone() is not None, file
    every = [str(file) for file in files(root) if duckdb.read_parquet(str(file)).fetchone() is None]
    assert every == []


def test_a_period_that_no_column_of_days_tells_says_what_to_do(tmp_path: Path) -> None:
    mesh_with(tmp_path, PARTITION)
    write(tmp_path, {"data/things.csv": "id,day,text\n"})  # without rows, all of it is text
    manifest_file = tmp_path / "domains/shop/things/defs.yaml"
    text = manifest_file.read_text()
    write(
        tmp_path,
        {
            "domains/shop/things/defs.yaml": text.replace(
                "{things: files://things}", "{things: {from: files://things, allow_empty: true}}"
            )
        },
    )
    with pytest.raises(MeshError, match="the column day, which tells the period, is VARCHAR"):
        run(tmp_path, window=FIRST_WEEK)
    query = "select id::bigint as id, day::date as day, text from things"
    write(tmp_path, {"domains/shop/things/things.sql": query})
    assert run(tmp_path, window=FIRST_WEEK).outcome == "published"


def test_a_partition_replaced_by_nothing_loses_its_rows(tmp_path: Path) -> None:
    mesh_with(tmp_path, PARTITION)
    source(tmp_path, 0, 300)
    run(tmp_path)
    source(tmp_path, 10, 20)
    report = run(tmp_path, window=FIRST_WEEK)
    assert (report.outcome, report.version) == ("published", 1)
    assert report.ports["things"].added_rows == 0
    assert rows(tmp_path, "select count(*), min(day) from port") == [(230, date(2023, 1, 8))]
    assert_no_empty_file(tmp_path)
    table = DeltaTable(str(tmp_path / ".mesh/storage/shop/things/ports/things"))
    assert table.to_pyarrow_table().num_rows == 230
    assert mesh_defs.open("mesh://shop/things?version=0", root=tmp_path).rows == 300


def test_whole_files_may_be_taken_away_and_nothing_be_written(tmp_path: Path) -> None:
    mesh_with(tmp_path, PARTITION)
    source(tmp_path, 10, 20)
    run(tmp_path, window=Window(date(2023, 1, 10), date(2023, 1, 25)))
    source(tmp_path, 0, 7)
    run(tmp_path, window=FIRST_WEEK)
    kept = mesh_defs.open("mesh://shop/things?version=0", root=tmp_path).files()
    source(tmp_path, 10, 20)
    assert run(tmp_path, window=FIRST_WEEK).outcome == "published"
    assert mesh_defs.open("mesh://shop/things", root=tmp_path).files() == kept
    assert rows(tmp_path, "select count(*) from port") == [(10,)]
    assert len(files(tmp_path)) == 2


def test_a_partition_that_was_empty_and_stays_empty_is_unchanged(tmp_path: Path) -> None:
    mesh_with(tmp_path, PARTITION)
    source(tmp_path, 0, 300)
    run(tmp_path)
    before = files(tmp_path)
    for _ in range(2):
        report = run(tmp_path, window=LATER)
        assert (report.outcome, report.version) == ("unchanged", 0)
    assert files(tmp_path) == before


def test_a_version_without_rows_has_columns_and_rows_can_come_again(tmp_path: Path) -> None:
    mesh_with(tmp_path, PARTITION)
    source(tmp_path, 0, 7)
    assert run(tmp_path, window=LATER).version == 0
    port = mesh_defs.open("mesh://shop/things", root=tmp_path)
    assert (port.rows, port.arrow().column_names) == (0, ["id", "day", "text"])
    assert run(tmp_path, window=LATER).outcome == "unchanged"
    assert len(files(tmp_path)) == 1
    run(tmp_path, window=FIRST_WEEK)
    assert rows(tmp_path, "select count(*) from port") == [(7,)]
    assert len(mesh_defs.open("mesh://shop/things", root=tmp_path).files()) == 1
    source(tmp_path, 10, 20)
    assert run(tmp_path, window=FIRST_WEEK).version == 2
    emptied = mesh_defs.open("mesh://shop/things", root=tmp_path)
    assert (emptied.rows, emptied.lazy().collect().columns) == (0, ["id", "day", "text"])


def test_an_upsert_of_no_row_is_unchanged(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{mode: upsert}", "select id, day, text from things where id < 100")
    source(tmp_path, 0, 100)
    run(tmp_path)
    before = files(tmp_path)
    source(tmp_path, 200, 300)
    report = run(tmp_path)
    assert (report.outcome, report.version) == ("unchanged", 0)
    assert files(tmp_path) == before


def test_a_changed_contract_is_published_though_no_row_changed(tmp_path: Path) -> None:
    mesh_with(tmp_path, PARTITION)
    source(tmp_path, 0, 7)
    run(tmp_path)
    stricter = contract("things", PROPERTIES.replace("string}", "string, required: true}"))
    write(tmp_path, {"domains/shop/things/contract.yaml": stricter})
    report = run(tmp_path, window=LATER)
    assert (report.outcome, report.version) == ("published", 1)
    assert rows(tmp_path, "select count(*) from port") == [(7,)]
    assert run(tmp_path, window=LATER).outcome == "unchanged"


def test_one_port_loses_rows_while_another_stays(tmp_path: Path) -> None:
    mesh_with(tmp_path, "{}")
    days = "{contract: days.yaml, mode: partition, by: day, start: '2023-01-01'}"
    body = f"inputs: {{things: files://things}}\noutputs:\n  things: {{}}\n  days: {days}"
    write(
        tmp_path,
        {
            "domains/shop/things/defs.yaml": manifest(body),
            "domains/shop/things/days.yaml": contract("days", PROPERTIES),
            "domains/shop/things/days.sql": "select * from things",
        },
    )
    source(tmp_path, 0, 30)
    run(tmp_path)
    source(tmp_path, 20, 30)
    assert run(tmp_path, window=FIRST_WEEK).outcome == "published"
    both = {
        port: mesh_defs.open(f"mesh://shop/things/{port}", root=tmp_path).rows
        for port in ("things", "days")
    }
    assert both == {"things": 10, "days": 23}
