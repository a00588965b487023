"""Lineage over HTTP: nodes and edges for a picture, of what the caller may know of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from access_meshes import publish
from gateway_http import Served, served
from http_meshes import http_mesh
from meshes import contract, manifest

from mesh_defs.names import wrong_name

GUEST, AUDITOR = "person:guest@shop.example", "service:reports"
COLUMNS = """
- {name: id, logicalType: integer, classification: internal, required: true}
- {name: hidden, logicalType: integer, classification: internal}
"""
MORE = {
    "domains/shop/mix/defs.yaml": manifest(
        "inputs: {odd: mesh://shop/odd, secret: mesh://shop/secret}", archetype="aggregate"
    ),
    "domains/shop/mix/contract.yaml": contract("mix", COLUMNS),
    "domains/shop/mix/mix.sql": "select odd.id, secret.id as hidden from odd, secret",
    # It is behind what a guest may not know of.
    "domains/shop/far/defs.yaml": manifest(
        "inputs: {secret: mesh://shop/secret}", archetype="aggregate"
    ),
    "domains/shop/far/contract.yaml": contract(
        "far", "- {name: id, logicalType: integer, classification: internal, required: true}"
    ),
    "domains/shop/far/far.sql": "select id from secret",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root: Path = http_mesh(tmp_path_factory.mktemp("mesh"), **MORE)
    publish(root, "mesh://shop/mix", "mesh://shop/far")
    with served(root) as mesh:
        yield mesh


def lineage(gateway: Served, who: str, path: str, **params: object) -> dict:
    answer = gateway.client(who).get(f"/shop/{path}/lineage", params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"].startswith("private")
    return answer.json()


def ids(told: dict) -> set[str]:
    found = {node["id"] for node in told["nodes"]}
    assert {end for edge in told["edges"] for end in (edge["source"], edge["target"])} <= found
    return found


def test_a_product_both_ways(gateway: Served) -> None:
    told = lineage(gateway, AUDITOR, "mix")
    assert ids(told) == {
        "mesh://shop/mix",
        "mesh://shop/mix/mix",
        "mesh://shop/odd/odd",
        "mesh://shop/odd",
        "mesh://shop/secret/secret",
        "mesh://shop/secret",
        "files://odd",
        "files://sales",
    }
    reads = [edge for edge in told["edges"] if edge["kind"] == "reads"]
    assert {"input": "odd", "version": 0, "declared": False}.items() <= reads[0].items()
    node = next(one for one in told["nodes"] if one["id"] == "mesh://shop/odd/odd")
    assert (node["kind"], node["parent"], node["distance"]) == ("port", "mesh://shop/odd", 1)


def test_what_a_caller_may_not_know_of_is_not_there(gateway: Served) -> None:
    told = lineage(gateway, GUEST, "mix")
    assert ids(told) == {
        "mesh://shop/mix",
        "mesh://shop/mix/mix",
        "mesh://shop/odd/odd",
        "mesh://shop/odd",
        "files://odd",
    }
    assert "secret" not in str(told)
    told = lineage(gateway, GUEST, "mix", column="hidden")
    assert ids(told) == {"mesh://shop/mix/mix#hidden"}
    assert "secret" in str(lineage(gateway, AUDITOR, "mix", column="hidden"))
    assert ids(lineage(gateway, GUEST, "far", direction="up")) == {"mesh://shop/far"}


def test_a_hidden_product_answers_as_one_that_there_is_not(gateway: Served) -> None:
    hidden, none = (gateway.client(GUEST).get(f"/shop/{n}/lineage") for n in ("secret", "nothing"))
    assert hidden.status_code == none.status_code == 404
    assert hidden.text.replace("secret", "") == none.text.replace("nothing", "")
    column = gateway.client(GUEST).get("/shop/secret/lineage", params={"column": "id"})
    assert column.text.replace("secret", "") == none.text.replace("nothing", "")
    hidden, none = (gateway.client().get(f"/shop/{n}/lineage") for n in ("secret", "nothing"))
    assert hidden.status_code == none.status_code == 401
    assert hidden.text.replace("secret", "") == none.text.replace("nothing", "")


def test_columns_and_directions(gateway: Served) -> None:
    told = lineage(gateway, AUDITOR, "odd", column="id", direction="down")
    assert ids(told) == {"mesh://shop/odd/odd#id", "mesh://shop/mix/mix#id"}
    (edge,) = told["edges"]
    assert (edge["kind"], edge["way"], edge["assumed"]) == ("flows", "direct", False)
    told = lineage(gateway, AUDITOR, "mix", port="mix", column="id", direction="up", depth=1)
    assert ids(told) == {"mesh://shop/mix/mix#id", "mesh://shop/odd/odd#id"}
    assert lineage(gateway, AUDITOR, "mix", limit=2)["truncated"]


@pytest.mark.parametrize(
    "query",
    ["direction=left", "depth=0", "depth=x", "limit=0", "port=A", "colum=id", "depth=1&depth=2"],
)
def test_wrong_parameters_are_told(gateway: Served, query: str) -> None:
    answer = gateway.client(AUDITOR).get(f"/shop/mix/lineage?{query}")
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_no_port_takes_the_address_of_the_answer() -> None:
    for what in ("product", "output"):
        assert wrong_name(what, "lineage") is not None
    assert wrong_name("domain", "lineage") is None


def test_an_unknown_column_names_the_known_ones(gateway: Served) -> None:
    answer = gateway.client(GUEST).get("/shop/odd/lineage", params={"column": "wort"})
    assert answer.status_code == 404
    assert "write 'word' instead of 'wort'" in answer.json()["detail"]
