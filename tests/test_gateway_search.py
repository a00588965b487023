"""``GET /-/search``: what a caller may discover, and what is published a moment ago."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from access_meshes import publish
from gateway_http import Served, served
from http_meshes import http_mesh
from meshes import manifest, write

MESH = """
name: test
profiles:
  local:
    services:
      files: {driver: files, path: data}
    index: {embedding: none}
"""


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(http_mesh(tmp_path_factory.mktemp("search"), **{"mesh.yaml": MESH})) as found:
        yield found


def found(mesh: Served, who: str | None, **query: object) -> list[str]:
    answer = mesh.client(who).get("/-/search", params=query)
    assert answer.status_code == 200, answer.text
    return [each["url"] for each in answer.json()["results"]]


def test_only_what_the_caller_may_discover_is_found(mesh: Served) -> None:
    everything = found(mesh, "service:reports")
    assert "mesh://shop/secret" in everything
    assert found(mesh, "service:reports", q="secret") == ["mesh://shop/secret"]
    assert found(mesh, "person:ada@shop.example", q="secret") == []
    seen = set(found(mesh, "person:ada@shop.example"))
    assert seen == set(everything) - {"mesh://shop/secret"}


def test_who_says_nothing_finds_what_is_listed_for_them(mesh: Served) -> None:
    listed = mesh.client().get("/-/products").json()["products"]
    assert set(found(mesh, None)) == {each["url"] for each in listed}


def test_every_caller_finds_what_is_listed_for_them(mesh: Served) -> None:
    for who in ("person:ada@shop.example", "person:guest@shop.example", "service:reports"):
        listed = mesh.client(who).get("/-/products").json()["products"]
        assert set(found(mesh, who)) == {each["url"] for each in listed}


def test_an_answer_says_why(mesh: Served) -> None:
    answer = mesh.client("service:reports").get("/-/search", params={"q": "orgin"}).json()
    (result,) = answer["results"]
    assert result["url"] == "mesh://shop/sales"
    assert result["page"] == f"{mesh.base}/shop/sales"
    (why,) = result["why"]
    assert (why["by"], why["word"], why["read_as"]) == ("words", "orgin", "origin")
    assert "columns" in why["in"]
    assert answer["read_as"] == {"orgin": ["origin"]}
    assert answer["meaning"].startswith("words only")


@pytest.mark.parametrize(
    "query", ["trust=much", "fresh=soon", "limit=0", "start=-1", "colour=red", f"q={'a' * 1001}"]
)
def test_what_cannot_be_asked_for(mesh: Served, query: str) -> None:
    answer = mesh.client("service:reports").get(f"/-/search?{query}")
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]


def test_filters_take_several_values(mesh: Served) -> None:
    every = set(found(mesh, "service:reports"))
    assert set(found(mesh, "service:reports", domain="shop,office")) == every
    assert found(mesh, "service:reports", domain="office") == []
    assert found(mesh, "service:reports", column="email") == ["mesh://shop/sales"]


def test_what_is_published_is_found_without_being_asked_to_look(tmp_path: Path) -> None:
    root = http_mesh(tmp_path, **{"mesh.yaml": MESH})
    with served(root) as mesh:
        mesh.gateway.search.start()
        assert found(mesh, "service:reports", q="zebra") == []
        text = manifest("inputs: {sales: files://sales}\npurposes: [analytics, care]")
        text = text.replace("A product of a test.", "Zebra crossings.")
        write(root, {"domains/shop/sales/defs.yaml": text})
        publish(root, "mesh://shop/sales")
        end = time.monotonic() + 60
        while not (results := found(mesh, "service:reports", q="zebra")):
            assert time.monotonic() < end
            time.sleep(0.05)
        assert results == ["mesh://shop/sales"]


def test_what_is_closed_is_not_found_any_more(tmp_path: Path) -> None:
    root = http_mesh(tmp_path, **{"mesh.yaml": MESH})
    with served(root) as mesh:
        assert "mesh://shop/odd" in found(mesh, "person:ada@shop.example")
        rules = root / "domains/shop/access.cedar"
        closed = '@id("closed")\nforbid (principal, action, resource == Port::"shop/odd/odd");\n'
        rules.write_text(rules.read_text() + closed)
        assert "mesh://shop/odd" not in found(mesh, "person:ada@shop.example")
