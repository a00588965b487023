"""Records, documents and lists tell a caller of no port, input, row or grant that they may not know
of: over HTTP as on the mesh's own machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from access_meshes import PORT, publish
from gateway_http import Served, served
from http_meshes import http_mesh
from meshes import contract, manifest, write

import mesh_defs as mesh_api
from mesh_defs.gateway.state.counter import changing
from mesh_defs.gateway.state.grants import Terms
from mesh_defs.gateway.state.requests import Wish
from mesh_defs.product.ledger import NOT_TOLD

ADA, REPORTS = "person:ada@shop.example", "service:reports"
GUEST = "person:guest@shop.example"
ID = "[{name: id, logicalType: integer, classification: internal, required: true}]"
BOTH = contract("mixed", ID) + (
    "  - name: backroom\n    properties:\n"
    "      - {name: hush, logicalType: integer, classification: internal, required: true}\n"
)
RULES = f"""
@id("some rows")
@rows("id < 5")
permit (principal, action == Action::"read", resource == {PORT})
when {{ principal is Person }};
@id("auditors read")
permit (principal in Role::"auditor", action == Action::"read", resource);
@id("no back room")
forbid (principal, action, resource == Port::"shop/mixed/backroom")
unless {{ principal in Role::"auditor" }};
"""
EXPECT = (
    "inputs:\n  sales: mesh://shop/sales\n"
    "  closet:\n    from: mesh://shop/secret\n"
    f"    expect:\n      properties: {ID}\n"
    "outputs: {mixed: {}, backroom: {}}"
)
CONTROL = '@id("c") permit (principal == Person::"ada@shop.example", action, resource);'


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = http_mesh(tmp_path_factory.mktemp("told"), RULES)
    inputs = EXPECT.replace("sales: mesh", "sales:\n    from: mesh")
    files = {
        "defs.yaml": manifest(inputs, archetype="aggregate"),
        "contract.yaml": BOTH,
        "mixed.sql": "select s.id from sales s join closet c using (id)",
        "backroom.sql": "select id as hush from sales",
    }
    write(root, {f"domains/shop/mixed/{name}": text for name, text in files.items()})
    publish(root, "mesh://shop/mixed")
    return root


@pytest.fixture(scope="module")
def mesh(root: Path) -> Iterator[Served]:
    with served(root) as found:
        yield found


HIDDEN = ("secret", "closet", "backroom", "hush")


def told(mesh: Served, who: str, path: str) -> Any:
    answer = mesh.client(who).get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_ports_and_inputs_that_may_not_be_known_are_left_out(mesh: Served) -> None:
    for path in ("record", "versions"):
        text = json.dumps(told(mesh, ADA, f"/shop/mixed/mixed/{path}"))
        assert [word for word in HIDDEN if word in text] == [], text
        full = json.dumps(told(mesh, REPORTS, f"/shop/mixed/mixed/{path}"))
        assert [word for word in HIDDEN if word not in full] == []
    record = told(mesh, ADA, "/shop/mixed/mixed/record")["record"]
    assert list(record["inputs"]) == ["sales"]
    assert record["ports"]["mixed"]["rows"] == 12
    assert record["lineage"]["key"] == ""
    assert record["lineage"]["unknown"].keys() <= {"mixed"}
    whole = told(mesh, REPORTS, "/shop/mixed/mixed/record")["record"]
    assert set(whole["inputs"]) == {"sales", "closet"}
    assert whole["lineage"]["key"]
    assert whole["ports"]["backroom"]["rows"] == NOT_TOLD  # the decision is not about it


@pytest.mark.parametrize("form", ["odps", "jsonld"])
def test_documents_name_no_input_that_may_not_be_known(mesh: Served, form: str) -> None:
    path = f"/shop/mixed?as={form}"
    text = mesh.client(ADA).get(path).text
    assert [word for word in HIDDEN if word in text] == [], text
    assert "mesh://shop/sales" in text
    assert "mesh://shop/secret" in mesh.client(REPORTS).get(path).text


def test_behind_a_row_filter_nothing_is_counted(mesh: Served) -> None:
    client = mesh_api.connect(mesh.base, token=mesh.token(ADA))
    for shown in (told(mesh, ADA, "/shop/sales/sales/record")["record"],
                  *told(mesh, ADA, "/shop/sales/sales/versions")["versions"]):  # fmt: skip
        port = shown["ports"]["sales"]
        counts = {name: port[name] for name in ("rows", "added_rows", "bytes", "files")}
        assert set(counts.values()) == {NOT_TOLD}
        assert {verdict["rows"] for verdict in port["verdicts"]} == {None}
        assert {verdict["failing_rows"] for verdict in port["verdicts"]} == {None}
    assert client.open("mesh://shop/sales").rows == 5


def test_failing_rows_of_masked_columns_are_not_told(mesh: Served) -> None:
    port = told(mesh, REPORTS, "/shop/sales/sales/record")["record"]["ports"]["sales"]
    assert port["rows"] == 12
    seen = {v["column"] for v in port["verdicts"] if v["failing_rows"] is not None}
    assert "id" in seen
    assert seen <= {"id", "origin", "price"}


@pytest.mark.parametrize("who", [ADA, REPORTS])
@pytest.mark.parametrize("url", ["mesh://shop/mixed/mixed", "mesh://shop/sales"])
def test_the_same_is_told_locally(mesh: Served, root: Path, who: str, url: str) -> None:
    here = mesh_api.open(url, root=root, principal=who)
    there = mesh_api.connect(mesh.base, token=mesh.token(who)).open(url)
    assert here.record == there.record
    assert here.verdicts() == there.verdicts()
    assert here.history() == there.history()
    assert here.rows == there.rows


def add_request(mesh: Served, who: str, product: str) -> None:
    wish = Wish(who, f"shop/{product}", product, 1, "analytics", 3, message=f"for {product}")
    state = mesh.gateway.state
    now = datetime.now(UTC)
    with changing(state.database) as connection:
        request = state.requests.add(connection, wish, now)
        state.requests.decide(connection, request, "approved", "x", now)
        end = datetime(2100, 1, 1, tzinfo=UTC)
        state.grants.add(connection, request, end, "x", now, terms=Terms("1.0.0"))


def test_a_token_is_told_of_what_is_inside_its_scope(tmp_path: Path) -> None:
    with served(http_mesh(tmp_path, RULES + CONTROL)) as mesh:
        for product in ("sales", "odd"):
            add_request(mesh, ADA, product)
        add_request(mesh, GUEST, "sales")
        scoped = mesh.with_token(mesh.token(ADA, ("mesh://shop/sales",)))
        grants = scoped.get("/-/grants").json()["grants"]
        assert [each["url"] for each in grants] == ["mesh://shop/sales/sales@1"]
        requests = scoped.get("/-/requests", params={"all": True}).json()["requests"]
        assert [(each["principal"], each["url"]) for each in requests] == [
            (ADA, "mesh://shop/sales/sales@1")
        ]
        assert not requests[0]["you_may_answer"]
        every = mesh.client("admin").get("/-/requests", params={"all": True}).json()["requests"]
        assert len(every) == 3


def test_requests_are_found_behind_a_thousand_of_others(tmp_path: Path) -> None:
    with served(http_mesh(tmp_path, RULES)) as mesh:
        add_request(mesh, ADA, "sales")
        found = mesh.gateway.state.requests
        for number in range(3):
            add_request(mesh, f"person:p{number}@shop.example", "sales")
        now = datetime.now(UTC)
        (own,) = found.listed(now, pending=False, principal=ADA, ports=(), most=1)
        assert own.principal == ADA
        assert found.ports(now) == []
        assert found.ports(now, pending=False) == [("shop/sales", "sales")]
