"""Personal data that a policy finds is shown by nothing else of the same run either."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable
from drift_meshes import publish, record, said, versions
from governed_meshes import domain_yaml, mesh_yaml, verdict, waiver
from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.contract.checks.engine_text import MASK
from mesh_defs.product.container import run_product
from mesh_defs.product.report import RunReport
from mesh_defs.product.resolve import published
from mesh_defs.urls import parse

NAME = "UndeclaredPersonalData"
SECRET = "jane.roe@example.org"
ROWS = f"SELECT i AS id, '{SECRET}' AS note, i * 3 AS size FROM range(9) t(i)"
BOTH = f"- Showing\n- {NAME}\n- DistributionDrift"
WARNS = "severity: warning, type: library, metric: invalidValues"
NOTE = (
    "- name: note\n  logicalType: string\n  quality:\n"
    f"  - {{{WARNS}, mustBe: 0, arguments: {{pattern: '^[0-9]+$'}}}}\n"
    "  - {type: sql, severity: warning, mustBe: 9,\n"
    "     query: 'SELECT max(length({property})) FROM {object}'}\n"
    "- {name: size, logicalType: integer, quality:"
    f" [{{{WARNS}, mustBe: 0, arguments: {{validValues: [0]}}}}]}}\n"
)
SHOWING = '''
from collections.abc import Iterator

from mesh_defs import DataPolicy, Finding


class Showing(DataPolicy):
    """It shows rows."""

    def findings(self, port) -> Iterator[Finding]:
        rows = port.samples("id = 1", ["note"])
        yield Finding("such rows", port=port.name, samples=rows)
'''
FILES = {"policies/showing.py": SHOWING}


def texts(root: Path) -> dict[str, str]:
    """Everything that is kept of products, but for the data itself."""
    return {
        str(file): file.read_text(encoding="utf-8", errors="replace")
        for file in root.rglob("*")
        if file.is_file() and file.suffix != ".parquet" and "domains" not in file.parts
    }


def one(root: Path, *, waived: str = "", properties: str = NOTE) -> RunReport:
    policies = BOTH.replace("- Showing", "- {policy: Showing, consequence: warn}")
    versions(root, policies, properties, waived=waived, files=FILES)
    return publish(root, ROWS)


@pytest.mark.parametrize("waived", ["", NAME])
def test_not_in_samples_of_other_rules_nor_in_what_is_kept(tmp_path: Path, waived: str) -> None:
    report = one(tmp_path, waived=waived)
    assert report.outcome == ("published" if waived else "failed")
    (broken, asked, sized) = [v for v in report.ports["things"].verdicts if v.stage == "promise"
                              and v.outcome == "warned"]  # fmt: skip
    assert broken.column == "note"
    assert broken.samples[0] == {"id": 0, "note": MASK, "size": 0}
    assert asked.observed == f"the query yields {MASK}"
    assert {row["note"] for row in sized.samples} == {MASK}
    assert {row["size"] for row in sized.samples} >= {3, 6}
    assert said(report, "Showing").samples == ({"id": 1, "note": MASK, "size": 3},)
    assert said(report, NAME).samples[0] == {"id": 0}
    assert SECRET not in str(report)
    kept = texts(tmp_path)
    assert any(f'"{MASK}"' in text for text in kept.values())
    assert [file for file, text in kept.items() if "jane" in text] == []


def test_without_a_finding_rows_are_shown(tmp_path: Path) -> None:
    versions(tmp_path, BOTH.replace("- Showing", ""), NOTE)
    report = publish(tmp_path, ROWS.replace(SECRET, "none"))
    broken = next(v for v in report.ports["things"].verdicts if v.column == "note" and v.samples)
    assert broken.samples[0]["note"] == "none"


def test_the_profile_forgets_the_column(tmp_path: Path) -> None:
    one(tmp_path, waived=NAME)
    columns = record(tmp_path).ports["things"].profile["columns"]
    assert columns["note"] == {
        "nulls": 0.0, "mean": None, "deviation": None, "categories": {}, "other": None,
    }  # fmt: skip
    assert columns["size"]["mean"] == 12


def test_ages_of_a_date_of_birth(tmp_path: Path) -> None:
    properties = "- {name: born, logicalType: date}\n"
    sla = "  - {property: retention, value: 1, unit: d, element: things.born,\n"
    sla += "     customProperties: [{property: severity, value: warning}]}\n"
    versions(tmp_path, f"- {NAME}", properties, sla=sla)
    report = publish(tmp_path, "SELECT i AS id, DATE '1980-02-03' AS born FROM range(3) t(i)")
    old = next(v for v in report.ports["things"].verdicts if v.column == "born" and v.samples)
    assert (old.observed, old.samples[0]["born"]) == (MASK, MASK)
    assert "1980" not in str(report)


EXPECTED = (
    "inputs:\n  raw:\n    from: files://raw\n    expect:\n      properties:\n"
    "        - {name: comment, logicalType: string, quality:"
    f" [{{{WARNS}, mustBe: 0, arguments: {{pattern: '^[0-9]+$'}}}}]}}\n"
    "        - {name: size, logicalType: integer}\n"
)


@pytest.mark.parametrize("note", ["comment", "upper(comment)"])
def test_not_in_samples_of_what_it_came_from(tmp_path: Path, note: str) -> None:
    """Expectations are checked before anybody knows."""
    properties = "- {name: id, logicalType: integer, primaryKey: true}\n"
    properties += "- {name: note, logicalType: string}\n- {name: size, logicalType: integer}\n"
    root = write_mesh(
        tmp_path,
        {
            "mesh.yaml": mesh_yaml(f"- {NAME}"),
            "domains/shop/defs.yaml": domain_yaml(waivers=waiver(NAME, "things")),
            "domains/shop/things/defs.yaml": manifest(EXPECTED),
            "domains/shop/things/contract.yaml": contract("things", properties),
            "domains/shop/things/things.sql": f"select id, {note} as note, size from raw\n",
        },
    )
    write_parquet(root, "raw", ROWS.replace("note", "comment"))
    mesh = load(root)
    report = run_product(mesh, mesh.product("mesh://shop/things"))
    assert report.outcome == "published"
    assert verdict(report, NAME, "things").outcome == "warned"
    (expected,) = [v for v in report.expectations if v.samples]
    assert expected.samples[0]["comment"] == MASK
    assert [file for file, text in texts(tmp_path).items() if "jane" in text.lower()] == []


@pytest.mark.parametrize("declared", [True, False])
def test_the_log_has_no_least_and_greatest_value(tmp_path: Path, *, declared: bool) -> None:
    """Readers who filter still find every row: through deltalake, and in the reader's rows."""
    word = ", classification: personal" if declared else ""
    properties = f"- {{name: note, logicalType: string{word}}}\n"
    properties += "- {name: size, logicalType: integer}\n"
    versions(tmp_path, f"- {NAME}", properties, waived="" if declared else NAME)
    assert publish(tmp_path, ROWS).outcome == "published"
    (log,) = tmp_path.rglob("_delta_log")
    entries = [json.loads(line) for line in (log / f"{0:020}.json").read_text().splitlines()]
    (stats,) = [json.loads(entry["add"]["stats"]) for entry in entries if "add" in entry]
    assert stats == {"numRecords": 9, "nullCount": {"id": 0, "note": 0, "size": 0}}
    table = DeltaTable(str(log.parent)).to_pyarrow_dataset()
    assert table.to_table(filter=ds.field("note") == SECRET).num_rows == 9
    assert table.to_table(filter=(ds.field("note") > "a") & (ds.field("size") == 6)).num_rows == 1
    assert table.to_table(filter=ds.field("note") == "other").num_rows == 0
    rows = published(load(tmp_path).settings, parse("mesh://shop/things")).rows.sql
    for size, note, count in ((6, SECRET, 1), (7, SECRET, 0), (6, "other", 0)):
        asked = f"SELECT count(*) FROM {rows} WHERE size = {size} AND note = '{note}'"
        assert duckdb.sql(asked).fetchall() == [(count,)]


def test_the_log_of_others_has_them(tmp_path: Path) -> None:
    properties = "- {name: note, logicalType: string}\n- {name: size, logicalType: integer}\n"
    versions(tmp_path, f"- {NAME}", properties)
    publish(tmp_path, ROWS.replace(SECRET, "none"))
    (log,) = tmp_path.rglob("_delta_log")
    assert '\\"maxValues\\":' in (log / f"{0:020}.json").read_text()
