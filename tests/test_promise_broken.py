"""A producer whose promise or expectation fails: the published version does not move."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from meshes import contract, load, manifest, write_mesh, write_parquet

import mesh_defs
from mesh_defs.errors import PromiseBroken, StorageFailed
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.container import run_product
from mesh_defs.product.stores import product_store

PROPERTIES = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: email, logicalType: string, required: true, classification: personal}
- name: score
  logicalType: integer
  logicalTypeOptions: {minimum: 0, maximum: 100}
"""
QUALITY = """
- {name: enough rows, type: library, metric: rowCount, mustBeGreaterOrEqualTo: 3, severity: warning}
"""
GOOD = "select i as id, 'p' || i || '@example.org' as email, i as score from range(5) t(i)"
BAD = "select i as id, 'p' || i || '@example.org' as email, i * 60 as score from range(5) t(i)"


def two_ports(root: Path, inputs: str = "inputs: {people: files://people}") -> Path:
    body = (
        f"{inputs}\n"
        "outputs:\n  people: {contract: people.yaml}\n  names: {contract: names.yaml}"
    )
    return write_mesh(
        root,
        {
            "domains/shop/access.cedar": "permit (principal, action, resource);\n",
            "domains/shop/people/defs.yaml": manifest(body),
            "domains/shop/people/people.yaml": contract("people", PROPERTIES, quality=QUALITY),
            "domains/shop/people/names.yaml": contract(
                "names", "- {name: id, logicalType: integer, required: true}"
            ),
            "domains/shop/people/people.sql": "select * from people",
            "domains/shop/people/names.sql": "select id from people",
        },
    )


def run(root: Path) -> mesh_defs.RunReport:
    mesh = load(root)
    return run_product(mesh, mesh.product("mesh://shop/people"))


def test_no_port_moves_and_readers_keep_the_last_good_version(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "people", GOOD)
    assert run(root).outcome == "published"
    write_parquet(root, "people", BAD)
    report = run(root)
    assert (report.outcome, report.version) == ("failed", 0)
    with pytest.raises(PromiseBroken) as caught:
        report.raise_for_failure()
    assert "readers keep version 0" in str(caught.value)
    for port in ("people", "names"):
        assert mesh_defs.open(f"mesh://shop/people/{port}", root=root).version == 0
        table = root / f".mesh/storage/shop/people/ports/{port}"
        assert len(list(table.glob("*.parquet"))) == 1
    scores = mesh_defs.open("mesh://shop/people/people", root=root).arrow(columns=["score"])
    assert max(scores["score"].to_pylist()) == 4


def test_the_refused_files_and_the_failing_rows_are_kept_for_people(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "people", BAD)
    report = run(root)
    assert report.quarantine is not None
    place = Path(report.quarantine)
    assert len(list(place.rglob("*.parquet"))) == 2
    verdicts = json.loads((place / "verdicts.json").read_text())
    failed = [v for v in verdicts["people"] if v["outcome"] == "failed"]
    assert [v["failing_rows"] for v in failed] == [3]
    samples = failed[0]["samples"]
    assert [row["score"] for row in samples] == [120, 180, 240]
    assert {row["email"] for row in samples} == {"***"}
    assert "example.org" not in (place / "verdicts.json").read_text()
    attempt = Attempts(product_store(load(root).settings, "shop", "people")).latest()
    assert attempt is not None
    assert attempt.result == "failed"
    assert "found" in (attempt.message or "")


def test_a_warning_publishes_and_is_seen(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "people", GOOD + " limit 2")
    report = run(root)
    assert report.outcome == "published"
    assert report.tally["warned"] == 1
    port = mesh_defs.open("mesh://shop/people/people", root=root)
    assert [v.rule for v in port.verdicts() if v.outcome == "warned"] == ["enough_rows"]


def test_a_warning_does_not_clear_a_failure(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "people", BAD + " limit 2 offset 3")
    report = run(root)
    assert (report.outcome, report.tally["warned"], report.tally["failed"]) == ("failed", 1, 1)


EXPECTING = """
inputs:
  people:
    from: files://people
    expect:
      properties:
        - {name: id, logicalType: integer, required: true}
      quality:
        - name: scores known
          type: sql
          query: select count(*) from {object} where score is null
          mustBe: 0
"""


def test_a_broken_expectation_stops_before_the_transform(tmp_path: Path) -> None:
    root = two_ports(tmp_path, EXPECTING.strip())
    write_parquet(root, "people", GOOD)
    assert run(root).outcome == "published"
    write_parquet(root, "people", GOOD.replace("i as score", "nullif(i, 3) as score"))
    steps: list[str] = []
    mesh = load(root)
    report = run_product(
        mesh, mesh.product("mesh://shop/people"), observer=lambda p: steps.append(p.step)
    )
    assert (report.outcome, report.version) == ("failed", 0)
    assert [v.rule for v in report.expectations if v.blocking] == ["scores_known"]
    assert not any(step.startswith("staged") for step in steps)


def test_an_empty_source_stops_the_run_unless_the_manifest_allows_it(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "people", GOOD)
    run(root)
    write_parquet(root, "people", GOOD + " limit 0")
    report = run(root)
    assert (report.outcome, report.version) == ("failed", 0)
    assert "no row in files://people" in report.explanation()
    two_ports(tmp_path, "inputs: {people: {from: 'files://people', allow_empty: true}}")
    assert run(root).version == 1


def test_a_rule_that_cannot_run_is_an_error_and_blocks(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    bad_rule = '- {name: odd, type: sql, query: "select nothing from {object}", mustBe: 0}'
    path = root / "domains/shop/people/people.yaml"
    path.write_text(contract("people", PROPERTIES, quality=QUALITY + bad_rule))
    write_parquet(root, "people", GOOD)
    report = run(root)
    assert report.outcome == "failed"
    odd = [v for v in report.verdicts if v.rule == "odd"]
    assert [v.outcome for v in odd] == ["error"]
    assert "nothing" in (odd[0].reason or "")


def test_old_quarantines_make_room(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "people", BAD)
    last = [run(root).run_id for _ in range(5)][-3:]
    left = {p.name for p in (root / ".mesh/storage/shop/people/quarantine").iterdir()}
    assert left == set(last)


def test_what_else_lies_in_the_quarantine_is_left_alone(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "people", BAD)
    run(root)
    quarantine = root / ".mesh/storage/shop/people/quarantine"
    note = quarantine / ".a file that a desktop leaves"
    note.write_bytes(b"")
    os.utime(note, (0, 0))
    last = [run(root).run_id for _ in range(4)][-3:]
    assert {p.name for p in quarantine.iterdir()} == {*last, note.name}


def test_a_quarantine_that_cannot_be_written_is_told_and_leaves_no_files(tmp_path: Path) -> None:
    root = two_ports(tmp_path)
    write_parquet(root, "people", BAD)
    run(root)
    quarantine = root / ".mesh/storage/shop/people/quarantine"
    shutil.rmtree(quarantine)
    quarantine.write_bytes(b"")
    with pytest.raises(StorageFailed, match="quarantine"):
        run(root)
    assert list((root / ".mesh/storage/shop/people/ports").rglob("*.parquet")) == []


def test_files_of_a_broken_run_go_although_its_record_cannot_be_written(tmp_path: Path) -> None:
    """As on a full disk, where these files are what takes the room."""
    root = two_ports(tmp_path)
    product = root / "domains/shop/people"
    (product / "people.sql").unlink()
    (product / "names.sql").unlink()
    (product / "transform.py").write_text(
        "import shutil\n"
        "from pathlib import Path\n"
        "import pyarrow as pa\n\n"
        "def broken(runs):\n"
        "    yield pa.record_batch({'id': [1]})\n"
        "    shutil.rmtree(runs)\n"
        "    runs.write_bytes(b'')\n"
        "    raise ValueError('broken')\n\n"
        "def transform(people):\n"
        f"    runs = Path({str(root)!r}) / '.mesh/storage/shop/people/runs'\n"
        "    return {'people': people.arrow(), 'names': broken(runs)}\n"
    )
    write_parquet(root, "people", GOOD)
    with pytest.raises(StorageFailed, match="runs"):
        run(root)
    assert list((root / ".mesh/storage/shop/people/ports").rglob("*.parquet")) == []
