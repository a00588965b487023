"""Personal data in a free text column, two products upstream: caught where it enters; else where it
goes on; else masked where it is read."""

from __future__ import annotations

from pathlib import Path

from flow_meshes import column, flow_mesh
from meshes import load, write_parquet

import mesh_defs
from mesh_defs.contract.verdicts import Verdict
from mesh_defs.product.container import run_product
from mesh_defs.product.report import RunReport

BOOKINGS = """
- {name: id, logicalType: integer, required: true}
- {name: note, logicalType: string, description: What was agreed on the telephone.}
"""
# What an agent typed in: nobody who wrote the contract thought of it.
ROWS = (
    "select i as id, case when i % 9 = 0 "
    "then 'call back: mika.lund' || i || '@passengers.example' else 'window seat' end as note "
    "from range(100) t(i)"
)
ENTERS, GOES_ON = "UndeclaredPersonalData", "SensitivityFollows"


def three_products(root: Path, enters: str, goes_on: str) -> Path:
    """``passengers/bookings``, ``desk/middle``, ``care/contacts``, each of which passes the free
    text on, with the consequences of the two policies."""
    return flow_mesh(
        root,
        "select id, remark as reminder from middle",
        column("id") + column("reminder"),
        middle=(
            "select id, trim(note) as remark from bookings",
            column("id") + column("remark"),
        ),
        bookings=BOOKINGS,
        rows=ROWS,
        policies=f"""
        - {{policy: {ENTERS}, consequence: {enters}, where: {{domain: passengers}}}}
        - {{policy: {GOES_ON}, consequence: {goes_on}, where: {{domain: care}}}}
        """,
    )


def run_all(root: Path) -> dict[str, RunReport]:
    """The reports of the products in their order, up to the first that does not publish."""
    mesh = load(root)
    reports: dict[str, RunReport] = {}
    for identity in ("passengers/bookings", "desk/middle", "care/contacts"):
        reports[identity] = run_product(mesh, mesh.product(f"mesh://{identity}"))
        if reports[identity].outcome != "published":
            break
    return reports


def judged(report: RunReport, policy: str) -> Verdict:
    found = [v for v in report.verdicts if v.stage == "policy" and v.rule == policy]
    assert len(found) == 1
    return found[0]


def test_it_is_caught_where_it_enters(tmp_path: Path) -> None:
    reports = run_all(three_products(tmp_path, "stop", "stop"))
    assert list(reports) == ["passengers/bookings"]
    found = judged(reports["passengers/bookings"], ENTERS)
    assert (found.outcome, found.column) == ("failed", "note")
    assert "passengers.example" not in str(found.as_dict())


def test_without_that_it_is_caught_two_products_on(tmp_path: Path) -> None:
    reports = run_all(three_products(tmp_path, "warn", "stop"))
    assert [report.outcome for report in reports.values()] == ["published", "published", "failed"]
    assert judged(reports["passengers/bookings"], ENTERS).outcome == "warned"
    found = judged(reports["care/contacts"], GOES_ON)
    assert (found.outcome, found.column) == ("failed", "reminder")
    assert found.findings[0]["path"] == [
        "mesh://care/contacts/contacts#reminder",
        "mesh://desk/middle/middle#remark",
        "mesh://passengers/bookings/bookings#note",
    ]
    assert "passengers.example" not in str(found.as_dict())


def test_without_both_it_is_masked_where_it_is_read(tmp_path: Path) -> None:
    reports = run_all(three_products(tmp_path, "warn", "warn"))
    assert [report.outcome for report in reports.values()] == ["published"] * 3
    assert judged(reports["care/contacts"], GOES_ON).outcome == "warned"
    for url, name in (
        ("mesh://care/contacts", "reminder"),
        ("mesh://desk/middle", "remark"),
        ("mesh://passengers/bookings", "note"),
    ):
        port = mesh_defs.open(url, root=tmp_path)
        table = port.arrow()
        assert table.num_rows == 100
        assert sorted(table["id"].to_pylist()) == list(range(100))
        assert "passengers.example" not in str(table[name].to_pylist())


def test_what_holds_nothing_personal_goes_through_all_of_it_in_clear(tmp_path: Path) -> None:
    root = three_products(tmp_path, "stop", "stop")
    clear = ROWS.replace(
        "mika.lund' || i || '@passengers.example", "tomorrow, in seat ' || i || 'A"
    )
    write_parquet(root, "bookings", clear)
    reports = run_all(root)
    assert [report.outcome for report in reports.values()] == ["published"] * 3
    notes = mesh_defs.open("mesh://care/contacts", root=root).arrow()["reminder"].to_pylist()
    assert "window seat" in notes
    assert any(note.startswith("call back: tomorrow") for note in notes)
