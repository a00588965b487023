"""Pages right after a start: they wait for nothing, say what is not read yet, and then have it all;
what they were told a moment ago is not believed of what has changed since."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from access_meshes import publish, sales_mesh
from commands import COMMAND, environment
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
            assert not mesh.gateway.overview.wait(0.05)
            assert client.get("/-/health").json() == {"status": "ok", "mesh": "reading"}
        finally:
            go_on.set()
        assert mesh.gateway.overview.wait(60)
        assert client.get("/-/health").json() == {"status": "ok", "mesh": "read"}
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


def test_what_was_published_before_a_start_is_read_when_it_says_so(root: Path) -> None:
    with served(root) as mesh:
        mesh.gateway.overview.start()
        assert mesh.gateway.overview.wait(60)
    more = {name.replace("open", "more"): text for name, text in FILES.items()}
    more["domains/shop/more/contract.yaml"] = OPEN.replace("open", "more")
    write(root, more)
    publish(root, "mesh://shop/more")
    with served(root) as mesh:
        begun: list[bool] = []
        mesh.gateway.overview.start(lambda: begun.append(True))
        assert mesh.gateway.overview.wait(60)
        assert begun == [True]
        client = mesh.client(ADA, Accept="text/html")
        assert "shop/more" in client.get("/-/map").text
        assert ("shop/sales", "sales", "shop/more") in mesh.gateway.overview.reads()


def test_the_server_says_when_it_has_read_the_mesh(root: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "serve"],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert " is served at " in process.stdout.readline()
            lines = [process.stderr.readline().strip() for _ in range(2)]
        finally:
            process.terminate()
    assert lines[0] == "reading the mesh"
    read, still = r"2 products are read, after \d+\.\d s", r"the mesh is still being read; .*"
    assert re.fullmatch(f"{read}|{still}", lines[1])


def test_another_start_has_the_lineage_of_the_one_before(root: Path) -> None:
    with served(root) as mesh:
        mesh.gateway.overview.start()
        until(lambda: not mesh.gateway.overview.reading)
        before = mesh.gateway.lineage.graph().products
    file = root / ".mesh" / "gateway" / "lineage.json"
    written = file.stat()
    with served(root) as mesh:
        read: list[str] = []
        real = mesh.gateway.catalog.manifest
        mesh.gateway.catalog.manifest = lambda each: read.append(each) or real(each)
        assert mesh.gateway.lineage.graph().products == before
        assert read == []
        mesh.gateway.lineage.save()
        assert (file.stat().st_ino, file.stat().st_mtime_ns) == (
            written.st_ino,
            written.st_mtime_ns,
        )


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
