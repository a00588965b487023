"""The discovery port over HTTP: each caller sees of a document what they may, and who uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from access_meshes import READERS, publish
from gateway_http import Served, served
from http_meshes import http_mesh
from meshes import contract, manifest, write

from mesh_defs.product.described.keys import document_faults

SALES = "/shop/sales/discovery"
ADA, REPORTS = "person:ada@shop.example", "service:reports"
HELPER, GUEST = "agent:helper", "person:guest@shop.example"
RULES = (
    READERS
    + """
@id("some rows")
@rows("id < 5")
permit (principal == Agent::"helper", action == Action::"read", resource == Port::"shop/few/few");
@id("auditors read")
permit (principal in Role::"auditor", action == Action::"read", resource);
"""
)
FEW = "- {name: id, logicalType: integer, classification: confidential, required: true}\n"
FEW += "- {name: email, logicalType: string, classification: personal}\n"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = http_mesh(tmp_path_factory.mktemp("discovery"), RULES)
    files = {
        "domains/shop/few/defs.yaml": manifest(
            "inputs: {sales: mesh://shop/sales, secret: mesh://shop/secret}", archetype="aggregate"
        ),
        "domains/shop/few/contract.yaml": contract("few", FEW),
        "domains/shop/few/few.sql": "select s.id, email from sales s join secret using (id)",
        "domains/shop/draft/defs.yaml": manifest("inputs: {sales: files://sales}"),
        "domains/shop/draft/contract.yaml": contract(
            "draft", "[{name: id, classification: public, required: true}]"
        ),
        "domains/shop/draft/draft.sql": "select id from sales",
    }
    write(root, files)
    publish(root, "mesh://shop/few", "mesh://shop/sales")
    with served(root) as found:
        yield found


def shown(mesh: Served, path: str, who: str) -> dict[str, Any]:
    answer = mesh.client(who).get(path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert document_faults(found) == []
    return found


def columns(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {column["name"]: column for column in document["ports"][0]["columns"]}


def test_a_reader_sees_values_of_columns_in_clear_alone(mesh: Served) -> None:
    document = shown(mesh, SALES, HELPER)
    assert document["version"] == 1
    found = columns(document)
    assert found["origin"]["profile"]["top"][0]["share"] == pytest.approx(1 / 3)
    assert found["price"]["classification"] == "confidential"
    for name in ("price", "email", "phone", "born", "meal"):
        assert found[name]["values_told"] is False
        assert found[name]["seen"] != "clear"
        assert not any(found[name]["profile"].values())
    text = json.dumps(document)
    for value in ("100.5", "mail.example", "555", "1980-06", "kosher"):
        assert value not in text
    (port,) = document["ports"]
    assert {row["price"] for row in port["sample"]} == {None}
    assert {row["origin"] for row in port["sample"]} <= {"JFK", "LGA", "EWR"}
    # Who may not read it at all is told what it is, and nothing of its rows.
    (closed,) = shown(mesh, SALES, GUEST)["ports"]
    assert (closed["readable"], closed["sample"], closed["rows"]) == (False, None, None)
    assert not any(any(column["profile"].values()) for column in closed["columns"])
    # Of the domain's own confidential columns its people see the values.
    own = columns(shown(mesh, SALES, ADA))
    assert own["price"]["profile"]["least"] == "100.5"
    assert not any(own["email"]["profile"].values())


def test_of_rows_that_are_left_out_no_count_and_no_value_is_told(mesh: Served) -> None:
    document = shown(mesh, "/shop/few/discovery", "agent:helper")
    (port,) = document["ports"]
    told = (port["rows"], port["bytes"], port["sample"], port["profile_rows"])
    assert told == (None, None, None, None)
    assert port["readable"] is True
    for column in port["columns"]:
        assert not any(column["profile"].values())
    assert not any(c["kind"] == "rows" for e in document["history"] for c in e["changes"])
    whole = shown(mesh, "/shop/few/discovery", REPORTS)["ports"][0]
    assert (whole["rows"], whole["profile_rows"]) == (12, 12)


def test_what_a_caller_may_not_know_of_is_not_there(mesh: Served) -> None:
    hidden = mesh.client(ADA).get("/shop/secret/discovery")
    nowhere = mesh.client(ADA).get("/shop/nowhere/discovery")
    assert hidden.status_code == nowhere.status_code == 404
    assert hidden.text.replace("secret", "") == nowhere.text.replace("nowhere", "")
    assert mesh.client().get(SALES).status_code == 401
    few = shown(mesh, "/shop/few/discovery", ADA)
    assert "secret" not in json.dumps(few)
    assert [each["source"] for each in few["inputs"]] == ["mesh://shop/sales"]
    assert "secret" in json.dumps(shown(mesh, "/shop/few/discovery", REPORTS))


def test_versions_drafts_and_tags(mesh: Served) -> None:
    client = mesh.client(ADA)
    assert client.get(SALES, params={"version": 0}).json()["version"] == 0
    assert client.get(SALES, params={"version": 9}).status_code == 404
    assert client.get(SALES, params={"versions": 0}).status_code == 400
    draft = shown(mesh, "/shop/draft/discovery", ADA)
    assert (draft["version"], draft["ports"][0]["state"]) == (None, None)
    first = client.get(SALES)
    again = client.get(SALES, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head(SALES).headers["ETag"] == first.headers["ETag"]


def test_consumers_and_use_are_told_as_far_as_they_may_be_known(mesh: Served) -> None:
    before = shown(mesh, SALES, ADA)["usage_30d"]
    data = mesh.client(ADA).get("/shop/sales/sales/data", params={"format": "csv"})
    assert data.status_code == 200
    mesh.await_event("completed", data.headers["Mesh-Receipt"])
    found = shown(mesh, SALES, ADA)
    assert found["usage_30d"]["reads"] == before["reads"] + 1
    assert found["usage_30d"]["rows"] == before["rows"] + 12
    assert {
        "product": "mesh://shop/few",
        "input": "sales",
        "reads": "mesh://shop/sales/sales",
    } in found["consumers"]
    assert found["access"][0]["snippet"].find(mesh.base) > 0
    assert found["ports"][0]["links"]["data"] == f"{mesh.base}/shop/sales/sales/data"
    assert "ada" not in json.dumps(found["consumers"])


def test_facts_are_told_in_short_as_the_caller_may_see_them(mesh: Served) -> None:
    (port,) = shown(mesh, SALES, REPORTS)["trust"]
    facts = {each["id"]: each for each in port["facts"]}
    whole = mesh.client(REPORTS).get("/shop/sales/trust").json()["ports"][0]["facts"]
    keys = ("id", "title", "value", "unit", "window")
    assert port == {"port": "sales", "facts": [{key: each[key] for key in keys} for each in whole]}
    assert facts["promises_kept"]["value"] == 1.0
    # What tells of rows is not for who sees some of them alone.
    (few,) = shown(mesh, "/shop/few/discovery", HELPER)["trust"]
    values = {each["id"]: each["value"] for each in few["facts"]}
    assert (values["completeness"], values["volume_stability"]) == (None, None)
    assert values["promises_kept"] == 1.0


def test_a_draft_has_no_facts_that_were_measured(mesh: Served) -> None:
    (port,) = shown(mesh, "/shop/draft/discovery", REPORTS)["trust"]
    values = {each["id"]: each["value"] for each in port["facts"]}
    assert values["promises_kept"] is None
