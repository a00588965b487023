"""Pages right after a start: they wait for nothing, say what is not read yet, and then have it all;
what they were told a moment ago is not believed of what has changed since."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from access_meshes import publish, sales_mesh
from gateway_http import served
from meshes import MESH_YAML, contract, manifest, write

from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.urls import MeshUrl

MESH = MESH_YAML.replace("  local:\n", "  local:\n    index: {embedding: none}\n")
RULES = """
@id("what is personal is hidden")
forbid (principal, action == Action::"discover", resource is Port)
when { resource.classification == "personal" };
"""
ADA = "person:guest@shop.example"
READING = "still reading the mesh"
OPEN = contract("open", "- {name: n, logicalType: integer, classification: public, required: true}")
FILES = {
    "mesh.yaml": MESH,
    "domains/shop/open/defs.yaml": manifest("inputs: {sales: mesh://shop/sales}"),
    "domains/shop/open/contract.yaml": OPEN,
    "domains/shop/open/open.sql": "select 1::int as n from sales limit 1",
}


def until(told: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not told():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = sales_mesh(tmp_path, RULES, **FILES)
    publish(made, "mesh://shop/open")
    return made


def test_a_page_does_not_wait_and_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(root) as mesh:
        go_on = threading.Event()
        real = mesh.gateway.lineage.graph

        def slow() -> LineageGraph:
            assert go_on.wait(60)
            return real()

        monkeypatch.setattr(mesh.gateway.lineage, "graph", slow)
        mesh.gateway.search.live.refresh()
        client = mesh.client(ADA, Accept="text/html")
        mesh.gateway.overview.start()
        try:
            for path in ("/", "/-/map", "/-/governance"):
                text = client.get(path).text
                assert READING in text
            assert "shop/open" in client.get("/-/map").text
            assert READING not in client.get("/-/find").text
        finally:
            go_on.set()
        until(lambda: not mesh.gateway.overview.reading)
        assert READING not in client.get("/").text
        assert mesh.gateway.overview.reads() == [("shop/sales", "sales", "shop/open")]


def test_what_is_published_meanwhile_is_on_the_pages(root: Path) -> None:
    with served(root) as mesh:
        client = mesh.client(ADA, Accept="text/html")
        mesh.gateway.overview.start()
        until(lambda: not mesh.gateway.overview.reading)
        assert "shop/more" not in client.get("/-/map").text
        more = {name.replace("open", "more"): text for name, text in FILES.items()}
        more["domains/shop/more/contract.yaml"] = OPEN.replace("open", "more")
        write(root, more)
        publish(root, "mesh://shop/more")
        until(lambda: "shop/more" in client.get("/-/map").text)
        until(lambda: ("shop/sales", "sales", "shop/more") in mesh.gateway.overview.reads())


def test_another_start_has_the_lineage_of_the_one_before(root: Path) -> None:
    with served(root) as mesh:
        mesh.gateway.overview.start()
        until(lambda: not mesh.gateway.overview.reading)
        before = mesh.gateway.lineage.graph().products
    with served(root) as mesh:
        read: list[str] = []
        real = mesh.gateway.catalog.manifest
        mesh.gateway.catalog.manifest = lambda each: read.append(each) or real(each)
        assert mesh.gateway.lineage.graph().products == before
        assert read == []


def test_what_was_closed_since_is_not_known_by_what_was_kept(root: Path) -> None:
    with served(root) as mesh:
        mesh.gateway.search.live.refresh()
        client = mesh.client(ADA, Accept="text/html")
        assert "/shop/open" in client.get("/").text
        who = mesh.gateway.authenticate(f"Bearer {mesh.token(ADA)}")
        overview, address = mesh.gateway.overview, MeshUrl("shop", "open", "open")
        assert overview.knows(who, address)
        write(root, {"domains/shop/open/contract.yaml": OPEN.replace("public", "personal")})
        assert not overview.knows(who, address)
        assert overview.knows(who, MeshUrl("shop", "sales", "sales"))
        assert "/shop/open" not in client.get("/").text
        assert "/shop/open" not in client.get("/-/lineage/shop/sales").text
        assert "shop/open" not in client.get("/shop/sales").text


def test_deciding_opens_no_product(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with served(root) as mesh:
        mesh.gateway.search.live.refresh()
        catalog = mesh.gateway.catalog
        opened: list[MeshUrl] = []
        real = catalog.open
        monkeypatch.setattr(
            catalog, "open", lambda url, *more: opened.append(url) or real(url, *more)
        )
        read: list[object] = []
        about = catalog.about
        monkeypatch.setattr(catalog, "about", lambda url: read.append(url) or about(url))
        client = mesh.client(ADA, Accept="text/html")
        paths = ("/", "/-/map", "/-/governance", "/-/find?q=product", "/-/lineage/shop/sales")
        for path in paths:
            assert client.get(path).status_code == 200
        assert (opened, read) == ([], [])
