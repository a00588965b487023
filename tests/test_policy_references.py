"""The policy ``ReferencesHold``: what refers to another product exists there."""

from __future__ import annotations

from pathlib import Path

import pytest
from drift_meshes import publish, said, versions
from meshes import contract, load, manifest, write_parquet

from mesh_defs.policy.data.references import ReferencesHold
from mesh_defs.product.container import run_product
from mesh_defs.product.report import RunReport
from mesh_defs.product.trial import try_policy

NAME = "ReferencesHold"
POLICY = "- {policy: ReferencesHold, where: {domain: shop}}"
PLACE = """
- name: place
  logicalType: integer
  relationships:
    - to: "mesh://office/places#id"
"""


def mesh(root: Path, place: str = PLACE, *, version: str = "1.0.0") -> Path:
    office = {
        "domains/office/places/defs.yaml": manifest("inputs: {raw: 'files://places'}"),
        "domains/office/places/contract.yaml": contract(
            "places", "- {name: id, logicalType: integer, required: true, primaryKey: true}"
        ),
        "domains/office/places/places.sql": "select * from raw\n",
    }
    return versions(root, POLICY, place, files=office, version=version)


def places(root: Path, count: int) -> None:
    write_parquet(root, "places", f"select i as id from range({count}) t(i)")
    found = load(root)
    assert run_product(found, found.product("mesh://office/places")).outcome == "published"


def rows(last: int, count: int = 100) -> str:
    return f"select i as id, i % {last} as place from range({count}) t(i)"


def applied(report: RunReport) -> bool:
    return any(verdict.rule == NAME for verdict in report.verdicts)


def test_every_value_that_is_not_null_exists_there(tmp_path: Path) -> None:
    mesh(tmp_path)
    places(tmp_path, 10)
    assert publish(tmp_path, rows(10)).outcome == "published"
    missing = "select i as id, case when i % 3 = 0 then i % 10 end as place from range(9) t(i)"
    assert publish(tmp_path, missing).outcome == "published"
    empty = "select i as id, null::integer as place from range(9) t(i)"
    assert publish(tmp_path, empty).outcome == "published"


def test_one_that_does_not_stops_the_version(tmp_path: Path) -> None:
    mesh(tmp_path)
    places(tmp_path, 10)
    report = publish(tmp_path, rows(11))
    found = said(report, NAME)
    assert (report.outcome, found.outcome) == ("failed", "failed")
    assert found.observed.startswith("place refers to mesh://office/places")
    assert (found.failing_rows, found.rows, found.column) == (9, 100, "place")


def test_what_is_gone_in_the_other_products_next_version(tmp_path: Path) -> None:
    mesh(tmp_path)
    places(tmp_path, 10)
    assert publish(tmp_path, rows(10)).outcome == "published"
    places(tmp_path, 9)
    assert publish(tmp_path, rows(10)).outcome == "failed"
    assert publish(tmp_path, rows(10), rebuild=True).outcome == "failed"
    assert publish(tmp_path, rows(9)).outcome == "published"


def test_what_cannot_be_looked_up_does_not_hold(tmp_path: Path) -> None:
    mesh(tmp_path)
    report = publish(tmp_path, rows(10))
    assert report.outcome == "failed"
    assert "published" in said(report, NAME).observed


@pytest.mark.parametrize(
    "place",
    [
        "- {name: place, logicalType: integer}",
        "- {name: place, logicalType: integer, relationships: [{to: things.id}]}",
    ],
    ids=["none", "within the product"],
)
def test_it_is_about_references_that_leave_the_product(tmp_path: Path, place: str) -> None:
    mesh(tmp_path, place)
    assert not applied(publish(tmp_path, rows(10)))


@pytest.mark.parametrize(("known", "outcome"), [(10, "passed"), (5, "failed")])
def test_a_contract_that_is_newer_than_the_version_is_tried_on_it(
    tmp_path: Path, known: int, outcome: str
) -> None:
    mesh(tmp_path, "- {name: place, logicalType: integer}")
    places(tmp_path, known)
    publish(tmp_path, rows(10))
    mesh(tmp_path, version="1.1.0")
    found = {
        trial.product: trial.verdict
        for trial in try_policy(load(tmp_path), ReferencesHold(), NAME, "shipped")
    }
    verdict = found["shop/things"]
    assert verdict is not None
    assert verdict.outcome == outcome


def test_personal_values_are_not_shown(tmp_path: Path) -> None:
    mesh(
        tmp_path,
        PLACE.replace("logicalType: integer", "logicalType: integer\n  classification: personal"),
    )
    places(tmp_path, 10)
    report = publish(tmp_path, "select 1 as id, 4711 as place")
    assert report.outcome == "failed"
    assert "4711" not in str([verdict.as_dict() for verdict in report.verdicts])
