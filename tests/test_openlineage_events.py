"""Runs as OpenLineage events: each run begins and ends once, with the facets that it has."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import attr
import openlineage.client.generated as generated
import pytest
from meshes import contract, load, manifest, write, write_mesh, write_parquet
from openlineage.client import event_v2

from mesh_defs.errors import MeshError
from mesh_defs.product.attempts import Attempt, Attempts
from mesh_defs.product.container import run_product
from mesh_defs.product.stores import product_store

MESH = """
name: shop floor
profiles:
  local:
    openlineage: {file: events/runs.jsonl}
    services:
      files: {driver: files, path: data}
"""
COLUMNS = """
- {name: id, logicalType: integer, physicalType: INTEGER, required: true, unique: true,
   description: The number.}
- {name: price, logicalType: number, physicalType: DOUBLE, classification: internal}
- {name: email, logicalType: string, physicalType: VARCHAR, classification: personal,
   required: true}
- {name: total, logicalType: number, physicalType: DOUBLE}
"""
QUERY = "SELECT id, price, email, sum(price) OVER () AS total FROM sales"
ROWS = "SELECT 1 AS id, 2.5::DOUBLE AS price, 'ada@secret.example' AS email"


def facet_classes() -> dict[str, type]:
    """Every facet of openlineage-python by the address of its schema."""
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for each in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(each, type) and hasattr(each, "_get_schema"):
                found[each._get_schema()] = each
    return found


CLASSES = facet_classes()


def checked(event: dict[str, Any]) -> dict[str, Any]:
    """``event`` when the classes of openlineage-python take it with all of its facets."""
    for facet in _facets(event):
        kind = CLASSES[facet["_schemaURL"]]
        fields = {each.name: each for each in attr.fields(kind)}
        given = {name: value for name, value in facet.items() if name[0] != "_"}
        assert given.keys() <= fields.keys(), facet["_schemaURL"]
        kind(**given)  # its validators look at what it is given, and nothing needed is missing
    job = event_v2.Job(namespace=event["job"]["namespace"], name=event["job"]["name"])
    if "run" in event:
        run = event_v2.Run(runId=event["run"]["runId"])
        whole = event_v2.RunEvent(
            eventTime=event["eventTime"],
            run=run,
            job=job,
            eventType=event_v2.RunState(event["eventType"]),
            producer=event["producer"],
        )
        assert whole.schemaURL == event["schemaURL"]
    return event


def _facets(node: object) -> list[dict[str, Any]]:
    found = []
    if isinstance(node, dict):
        found += [node] if "_schemaURL" in node else []
        node = list(node.values())
    for each in node if isinstance(node, list) else []:
        found += _facets(each)
    return found


def events(root: Path) -> list[dict[str, Any]]:
    lines = (root / "events/runs.jsonl").read_text(encoding="utf-8").splitlines()
    return [checked(json.loads(line)) for line in lines]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "mesh.yaml": MESH,
        "domains/shop/sales/defs.yaml": manifest("inputs: {sales: files://sales}"),
        "domains/shop/sales/contract.yaml": contract("sales", COLUMNS),
        "domains/shop/sales/sales.sql": QUERY,
    }
    write_parquet(tmp_path, "sales", ROWS)
    return write_mesh(tmp_path, files)


def test_a_run_that_publishes_starts_and_completes(root: Path) -> None:
    mesh = load(root)
    report = run_product(mesh, mesh.products["shop/sales"], run_id="one")
    assert report.outcome == "published"
    start, complete = events(root)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"]
    assert complete["job"]["namespace"] == "mesh://shop%20floor"
    assert complete["job"]["name"] == "shop.sales"
    (output,) = complete["outputs"]
    assert output["name"] == "shop.sales.sales"
    facets = output["facets"]
    assert set(facets) == {
        "schema", "dataSource", "documentation", "ownership", "columnLineage", "version",
        "dataQualityMetrics", "dataQualityAssertions",
    }  # fmt: skip
    assert facets["version"]["datasetVersion"] == "0"
    assert [f["name"] for f in facets["schema"]["fields"]] == ["id", "price", "email", "total"]
    assert facets["dataQualityMetrics"]["rowCount"] == 1
    metrics = facets["dataQualityMetrics"]["columnMetrics"]
    assert (metrics["price"]["min"], metrics["price"]["nullCount"]) == (2.5, 0)
    fields = facets["columnLineage"]["fields"]
    (source,) = fields["id"]["inputFields"]
    assert (source["namespace"], source["name"], source["field"]) == (
        "files://shop%20floor", "sales", "id",
    )  # fmt: skip
    assert source["transformations"][0]["type"] == "DIRECT"
    (summed,) = fields["total"]["inputFields"]
    assert summed["transformations"][0]["subtype"] == "AGGREGATION"
    (read,) = complete["inputs"]
    assert (read["namespace"], read["name"]) == (source["namespace"], source["name"])


def test_no_event_tells_a_personal_value(root: Path) -> None:
    mesh = load(root)
    run_product(mesh, mesh.products["shop/sales"])
    write_parquet(root, "sales", f"{ROWS} UNION ALL SELECT 1, 9, 'bob@secret.example'")
    assert run_product(mesh, mesh.products["shop/sales"]).outcome == "failed"
    assert "secret.example" not in (root / "events/runs.jsonl").read_text(encoding="utf-8")


def test_a_refused_run_fails_with_its_verdicts(root: Path) -> None:
    mesh = load(root)
    write_parquet(root, "sales", f"{ROWS} UNION ALL {ROWS}")
    assert run_product(mesh, mesh.products["shop/sales"]).outcome == "failed"
    start, fail = events(root)
    assert (start["eventType"], fail["eventType"]) == ("START", "FAIL")
    assert "was not published" in fail["run"]["facets"]["errorMessage"]["message"]
    (output,) = fail["outputs"]
    assert "version" not in output["facets"]
    failed = {
        each["assertion"]
        for each in output["facets"]["dataQualityAssertions"]["assertions"]
        if not each["success"]
    }
    assert failed == {"id.unique"}


def test_a_run_that_breaks_fails_and_one_without_news_completes(root: Path) -> None:
    mesh = load(root)
    run_product(mesh, mesh.products["shop/sales"])
    run_product(mesh, mesh.products["shop/sales"])
    (root / "data/sales.parquet").unlink()
    with pytest.raises(MeshError):
        run_product(mesh, mesh.products["shop/sales"])
    kinds = [event["eventType"] for event in events(root)]
    assert kinds == ["START", "COMPLETE", "START", "COMPLETE", "START", "FAIL"]


def test_a_run_that_was_killed_is_aborted_by_the_next(root: Path) -> None:
    mesh = load(root)
    product = mesh.products["shop/sales"]
    store = product_store(mesh.settings, "shop", "sales")
    Attempts(store).write(Attempt("gone", "2026-01-01T00:00:00.000+00:00", "running"))
    run_product(mesh, product)
    told = events(root)
    assert [event["eventType"] for event in told] == ["ABORT", "START", "COMPLETE"]
    assert told[0]["run"]["runId"] != told[1]["run"]["runId"]


def test_one_run_of_two_products_is_two_runs(root: Path) -> None:
    write(
        root,
        {
            "domains/shop/more/defs.yaml": manifest("inputs: {sales: mesh://shop/sales}"),
            "domains/shop/more/contract.yaml": contract("more", COLUMNS),
            "domains/shop/more/more.sql": "SELECT * FROM sales",
        },
    )
    mesh = load(root)
    for name in ("shop/sales", "shop/more"):
        run_product(mesh, mesh.products[name], run_id="3f0c2f0e-0000-4000-8000-000000000000")
    told = events(root)
    assert len({event["run"]["runId"] for event in told}) == 2
    (read,) = told[-1]["inputs"]
    assert read["name"] == "shop.sales.sales"
    assert read["facets"]["version"]["datasetVersion"] == "0"
