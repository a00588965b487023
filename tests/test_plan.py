"""``mesh plan`` on real published versions: what changed, whom it touches, what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from meshes import contract, load
from plan_meshes import (
    SALES_SQL,
    consumer,
    plan,
    product,
    publish,
    replace,
    rows,
    shop,
    without_column,
)

from mesh_defs.errors import UnknownAddress
from mesh_defs.product.container import run_product
from mesh_defs.product.plan.model import ProductPlan
from mesh_defs.product.reader import open as open_port

CONTRACT = "domains/shop/sales/contract.yaml"
QUERY = "domains/shop/sales/sales.sql"
EXPECTING = (
    "inputs: {{daily: {{from: 'mesh://shop/daily@1', expect: {{quality: [{{name: high, type: sql, "
    "query: 'select max(takings) from {{object}}', mustBe: {most}}}]}}}}}}"
)


def files(root: Path) -> set[Path]:
    return {path for path in (root / ".mesh").rglob("*") if path.is_file()}


def test_nothing_changed(tmp_path: Path) -> None:
    found = plan(shop(tmp_path))
    assert found.products == ()
    assert (found.unchanged, found.stops) == (4, False)


def test_nothing_published_makes_everything_new(tmp_path: Path) -> None:
    found = plan(shop(tmp_path, run=False), build=False)
    assert {p.state for p in found.products} == {"new"}
    assert not found.stops


def test_a_removed_column_reaches_those_who_read_it(tmp_path: Path) -> None:
    root = shop(tmp_path)
    without_column(root, "amount")
    found = plan(root)
    sales = product(found, "shop/sales")
    assert [(c.kind, c.column) for c in sales.comparison.changes] == [("column removed", "amount")]
    assert found.stops
    daily = consumer(sales, "shop/daily")
    assert (daily.distance, daily.how) == (1, "flows")
    assert daily.ways[0] == (
        "mesh://shop/sales/sales#amount",
        "mesh://shop/daily/daily#takings",
    )
    best = consumer(sales, "office/best")
    assert (best.distance, best.how) == (2, "flows")
    assert best.ways[0][-1] == "mesh://office/best/best#most"
    assert consumer(sales, "office/places").how == "unknown"


def test_expectations_run_on_the_new_version_and_nothing_stays(tmp_path: Path) -> None:
    root = shop(tmp_path)
    before = files(root)
    without_column(root, "amount")
    sales = product(plan(root), "shop/sales")
    assert sales.build is not None
    assert (sales.build.outcome, dict(sales.build.rows)) == ("built", {"sales": 2})
    unmet = consumer(sales, "shop/daily").unmet
    assert unmet is not None
    assert {u.input for u in unmet} == {"sales"}
    assert {u.verdict.column for u in unmet} == {"amount"}
    assert files(root) == before
    assert open_port("mesh://shop/sales", root=root).version == 0


def test_code_alone_can_break_an_expectation(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, QUERY, "amount,", "amount * 100 AS amount,")
    found = plan(root)
    sales = product(found, "shop/sales")
    assert (sales.state, sales.comparison.changes) == ("code", ())
    (unmet,) = consumer(sales, "shop/daily").unmet or ()
    assert unmet.verdict.failing_rows == 2
    assert not found.stops  # what to do about it is a policy's business


def test_a_column_that_only_decides_which_rows_there_are(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, CONTRACT, "name: place, logicalType: string", "name: spot, logicalType: string")
    replace(root, QUERY, "place,", "place AS spot,")
    sales = product(plan(root, build=False), "shop/sales")
    daily = consumer(sales, "shop/daily")
    assert (daily.how, daily.reason) == (
        "names",
        "its code names it in domains/shop/daily/daily.sql:3",
    )
    assert consumer(sales, "office/best").distance == 2


def test_a_column_that_nobody_reads_touches_only_who_is_not_known(tmp_path: Path) -> None:
    root = shop(tmp_path)
    without_column(root, "note")
    sales = product(plan(root, build=False), "shop/sales")
    assert {t.product for t in sales.touched} == {"office/places"}


def test_a_rule_of_the_port_is_about_the_columns_that_it_names(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    path = root / CONTRACT
    rule = "[{name: small, type: sql, query: 'select count(note) from {object}', mustBe: 1}]"
    bare = path.read_text()
    path.write_text(bare.rstrip() + f"\n    quality: {rule}\n")
    publish(root)
    path.write_text(bare)
    sales = product(plan(root, build=False), "shop/sales")
    assert [(c.kind, c.level) for c in sales.comparison.changes] == [("rule", "breaking")]
    (places,) = sales.touched
    assert (places.product, places.columns) == ("office/places", ("sales#note",))


def test_a_new_column_touches_nobody(tmp_path: Path) -> None:
    root = shop(tmp_path)
    path = root / CONTRACT
    path.write_text(path.read_text().rstrip() + "\n      - {name: more, logicalType: string}\n")
    replace(root, QUERY, "note FROM", "note, 'm' AS more FROM")
    found = plan(root)
    sales = product(found, "shop/sales")
    assert sales.comparison.level == "compatible"
    assert sales.touched == () or all(t.unmet == () for t in sales.touched)
    assert [s.wanted for s in sales.comparison.shortfalls] == ["1.1.0", "1.1.0"]
    assert not found.stops


def test_with_its_major_version_the_answer_is_yes_and_who_is_pinned_is_told(
    tmp_path: Path,
) -> None:
    root = shop(tmp_path)
    without_column(root, "amount")
    for name in (CONTRACT, "domains/shop/sales/defs.yaml"):
        replace(root, name, "version: 1.0.0", "version: 2.0.0")
    found = plan(root, build=False)
    sales = product(found, "shop/sales")
    assert not found.stops
    assert sales.comparison.shortfalls == ()
    assert consumer(sales, "office/places").pinned == 1
    assert consumer(sales, "shop/daily").pinned is None


def test_several_changed_products_are_built_upon_each_other(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, QUERY, "amount,", "amount + 1 AS amount,")
    replace(root, "domains/shop/daily/daily.sql", "sum(amount)", "2 * sum(amount)")
    manifest = root / "domains/office/best/defs.yaml"
    short = "inputs: {daily: 'mesh://shop/daily@1'}"
    for most, met in (("16", True), ("14", False)):
        manifest.write_text(
            manifest.read_text()
            .replace(short, EXPECTING.format(most=most))
            .replace("mustBe: 16", f"mustBe: {most}")
        )
        found = plan(root)
        assert [p.identity for p in found.products] == [
            "office/best",
            "shop/daily",
            "shop/sales",
        ]
        # (7 + 1) * 2 is 16; with the sales that are published it would be 14.
        asked = [t for t in product(found, "shop/daily").touched if t.product == "office/best"]
        assert [len(t.unmet or ()) for t in asked] == ([] if met else [1])


def test_a_version_that_its_own_promises_refuse(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, QUERY, "amount,", "-amount AS amount,")
    build = product(plan(root), "shop/sales").build
    assert build is not None
    assert (build.outcome, [v.column for v in build.verdicts]) == ("refused", ["amount"])


def test_a_version_that_cannot_be_built_says_why(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, QUERY, "amount,", "amounts AS amount,")
    sales = product(plan(root), "shop/sales")
    assert sales.build is not None
    assert sales.build.outcome == "failed"
    assert "amounts" in (sales.build.reason or "")
    assert all(t.unmet is None for t in sales.touched)


def test_rows_that_stay_are_part_of_the_new_version(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    body = "inputs: {sales: files://sales}"
    mode = f"{body}\n  outputs: {{sales: {{mode: append, cursor: sale}}}}"
    replace(root, "domains/shop/sales/defs.yaml", body, mode)
    publish(root)
    before = files(root)
    replace(root, QUERY, "SELECT", "SELECT /* other code */")
    rows(root, "6.0")
    build = product(plan(root), "shop/sales").build
    assert build is not None
    assert (build.outcome, dict(build.rows), build.rebuild) == ("built", {"sales": 2}, False)
    assert files(root) == before
    without_column(root, "note")
    build = product(plan(root), "shop/sales").build
    assert build is not None
    assert (build.outcome, build.rebuild) == ("built", True)


def test_what_a_killed_plan_left_is_removed_by_the_next(tmp_path: Path) -> None:
    root = shop(tmp_path)
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    left = root / f".mesh/work/plan-{done.pid}-abc/shop/sales/ports/sales/1.parquet"
    alive = root / f".mesh/work/plan-{os.getpid()}-abc/here"
    for file in (left, alive):
        file.parent.mkdir(parents=True)
        file.touch()
    replace(root, QUERY, "SELECT", "SELECT /* other code */")
    plan(root)
    assert [path.parts[-1] for path in (root / ".mesh/work").iterdir()] == [alive.parent.name]


def test_a_removed_product_and_its_consumers(tmp_path: Path) -> None:
    import shutil

    root = shop(tmp_path)
    shutil.rmtree(root / "domains/shop/sales")
    found = plan(root)
    sales = product(found, "shop/sales")
    assert (sales.state, sales.comparison.level) == ("removed", "breaking")
    assert {t.product for t in sales.touched} >= {"shop/daily", "office/places"}
    assert product(found, "shop/daily").state == "broken"
    assert found.stops


def gone(root: Path, **changed: str) -> ProductPlan:
    """The plan of office/places, which nobody reads, after it was published with what ``changed``
    in its manifest, and removed."""
    import shutil

    manifest = root / "domains/office/places/defs.yaml"
    for key, value in changed.items():
        manifest.write_text(manifest.read_text().rstrip() + f"\n  {key}: {value}\n")
    publish(root)
    shutil.rmtree(manifest.parent)
    found = plan(root, build=False)
    places = product(found, "office/places")
    assert found.stops is places.stops
    return places


def test_a_product_that_nobody_was_told_of_is_not_removed(tmp_path: Path) -> None:
    places = gone(shop(tmp_path, run=False))
    assert (places.state, places.stops) == ("removed", True)
    (short,) = places.comparison.shortfalls
    assert "publish it with 'status: deprecated'" in short.message


@pytest.mark.parametrize("status", ["deprecated", "retired"])
def test_a_product_goes_after_it_was_published_as_going(tmp_path: Path, status: str) -> None:
    places = gone(shop(tmp_path, run=False), status=status)
    assert (places.state, places.comparison.level) == ("removed", "breaking")
    assert (places.comparison.shortfalls, places.stops) == ((), False)


def test_what_only_says_that_it_goes_is_published_without_a_new_row(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    body = "inputs: {sales: 'mesh://shop/sales@1'}"
    mode = f"{body}\n  outputs: {{places: {{mode: append, cursor: shops}}}}"
    replace(root, "domains/office/places/defs.yaml", body, mode)
    publish(root)
    mesh = load(root)
    assert run_product(mesh, mesh.products["office/places"]).outcome == "unchanged"
    manifest = root / "domains/office/places/defs.yaml"
    manifest.write_text(manifest.read_text().rstrip() + "\n  status: deprecated\n")
    mesh = load(root)
    report = run_product(mesh, mesh.products["office/places"])
    assert report.outcome == "published"
    assert report.record is not None
    assert (report.record.status, report.record.environment) == ("deprecated", "local")
    assert run_product(mesh, mesh.products["office/places"]).outcome == "unchanged"


def test_a_port_goes_with_a_major_version_only(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    manifest = "domains/office/best/defs.yaml"
    body = "inputs: {daily: 'mesh://shop/daily@1'}"
    two = f"{body}\n  outputs: {{best: {{}}, least: {{contract: least.yaml}}}}"
    replace(root, manifest, body, two)
    column = "- {name: least, logicalType: number, required: true}"
    (root / "domains/office/best/least.yaml").write_text(contract("least", column))
    (root / "domains/office/best/least.sql").write_text("SELECT min(takings) AS least FROM daily")
    publish(root)
    replace(root, manifest, two, body)
    for name in ("least.yaml", "least.sql"):
        (root / "domains/office/best" / name).unlink()
    found = plan(root, build=False)
    assert [c.kind for c in product(found, "office/best").comparison.changes] == ["port removed"]
    assert found.stops
    replace(root, manifest, "version: 1.0.0", "version: 2.0.0")
    assert not plan(root, build=False).stops


@pytest.mark.parametrize("version", ["first", "0.9.0"])
def test_a_contract_that_leaves_its_versions_stops(tmp_path: Path, version: str) -> None:
    root = shop(tmp_path)
    replace(root, CONTRACT, "version: 1.0.0", f"version: {version}")
    found = plan(root, build=False)
    (short,) = product(found, "shop/sales").comparison.shortfalls
    assert (short.of, short.stops, found.stops) == ("contract", True, True)


def test_a_broken_product_cannot_be_compared(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, CONTRACT, "kind: DataContract", "kind: Contract")
    found = plan(root)
    assert product(found, "shop/sales").state == "broken"
    assert "mesh check" in (product(found, "shop/sales").problem or "")
    assert found.stops


def test_a_contract_that_was_not_kept_is_told(tmp_path: Path) -> None:
    root = shop(tmp_path)
    for kept in (root / ".mesh/storage/shop/sales/contracts").iterdir():
        kept.unlink()
    replace(root, CONTRACT, "minimum: 0", "minimum: 1")
    sales = product(plan(root), "shop/sales")
    assert sales.state == "unknown"
    assert "--against" in (sales.problem or "")


def test_only_the_products_that_are_asked_for(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, QUERY, SALES_SQL, SALES_SQL + "-- other\n")
    replace(root, "domains/office/best/best.sql", "FROM", "\nFROM")
    assert [p.identity for p in plan(root, "office/best").products] == ["office/best"]
    with pytest.raises(UnknownAddress, match="write 'mesh://office/best'"):
        plan(root, "office/bset")
