"""What breaks when a column goes: what is made of it, who reads it, and what names it."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import contract, load, write
from plan_meshes import publish, shop

from mesh_defs.discovery.lineage import KeptGraph, MeshCatalogue, Place
from mesh_defs.discovery.lineage.impact import Impact, impact
from mesh_defs.product.shown_lineage import Knows
from mesh_defs.urls import MeshUrl

PLACES = """
- {name: shops, logicalType: integer, required: true}
"""
DAILY = """
- {name: day, logicalType: date, primaryKey: true,
   relationships: [{to: "mesh://shop/sales#day"}]}
- {name: takings, logicalType: number, logicalTypeOptions: {minimum: 0}}
"""
SALES_QUALITY = """
- {id: enough, type: sql, query: "select sum(amount) from {object}", mustBeGreaterThan: 0}
- {id: once, metric: duplicateValues, mustBe: 0, arguments: {properties: [sale, day]}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = shop(tmp_path_factory.mktemp("shop"), run=False)
    from plan_meshes import SALES

    files = {"domains/shop/sales/contract.yaml": contract("sales", SALES, quality=SALES_QUALITY)}
    write(made, {**files, **POLICY})
    publish(made)
    return made


POLICY = {
    "mesh.yaml": """
name: test
profiles:
  local:
    services:
      files: {driver: files, path: data}
policies:
  - id: NothingBelowZero
    sql: select * from {object} where amount < 0
    message: Nothing costs less than nothing.
    where: {archetype: [source-aligned]}
"""
}


def everybody(_url: MeshUrl) -> bool:
    return True


def breaks(root: Path, column: str | None, knows: Knows = everybody) -> Impact:
    mesh = load(root)
    graph = KeptGraph(MeshCatalogue(mesh.settings), fresh=0).graph()
    port = "sales" if column is not None else None
    return impact(mesh, graph, Place("shop/sales", port, column), knows=knows)


def test_what_is_made_of_it_and_who_reads_it(root: Path) -> None:
    found = breaks(root, "amount")
    assert set(found.columns) == {
        "mesh://shop/daily/daily#takings",
        "mesh://office/best/best#most",
        "mesh://office/places/places#shops",
    }
    how = {one.product: (one.how, one.distance) for one in found.products}
    assert how == {
        "shop/daily": ("flows", 1),
        "office/places": ("unknown", 1),
        "office/best": ("flows", 2),
    }


def test_who_only_names_it_in_code_is_told_too(root: Path) -> None:
    found = breaks(root, "place")
    daily = next(one for one in found.products if one.product == "shop/daily")
    assert daily.how == "names"
    assert "daily.sql:3" in daily.reason


def test_rules_and_policies_that_name_it(root: Path) -> None:
    named = {(one.kind, one.id) for one in breaks(root, "amount").named if one.kind != "rule"}
    assert named == {("policy", "NothingBelowZero")}
    rules = {(one.url, one.id) for one in breaks(root, "amount").named if one.kind == "rule"}
    assert ("mesh://shop/sales/sales", "enough") in rules
    assert ("mesh://shop/sales/sales", "amount.minimum") in rules
    assert ("mesh://office/best/best", "most.required") in rules
    # Nobody knows whether it is made of it.
    assert not [url for url, _ in rules if "places" in url]


def test_keys_over_several_columns_name_each(root: Path) -> None:
    rules = {one.id: one for one in breaks(root, "day").named if one.kind == "rule"}
    assert "once" in rules
    file, _, line = rules["once"].where.partition(":")
    assert "id: once" in (root / file).read_text().splitlines()[int(line) - 1]


def test_what_may_not_be_known_of_is_left_out(root: Path) -> None:
    def knows(url: MeshUrl) -> bool:
        return url.product not in ("daily", "places")

    found = breaks(root, "amount", knows)
    assert found.products == ()
    assert found.columns == ()
    assert "daily" not in str(found.as_dict())
    assert "places" not in str(found.as_dict())


def test_a_product_touches_whoever_reads_it(root: Path) -> None:
    found = breaks(root, None)
    assert {one.product for one in found.products} == {
        "shop/daily",
        "office/places",
        "office/best",
    }
    assert {one.how for one in found.products} == {"port"}
