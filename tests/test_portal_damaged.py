"""A stored discovery document that is damaged takes no page away: what the ledger knows is shown,
the page says so, and the product stands where broken ones do, until it is mended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from access_meshes import sales_mesh
from gateway_http import Served, served
from meshes import MESH_YAML

from mesh_defs.discovery.index.crawl import crawl
from mesh_defs.product.described.keys import document_faults
from mesh_defs.settings import load_settings

ADA = "person:ada@shop.example"
ADDED = "usage_30d"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = sales_mesh(tmp_path)
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["index"] = {"embedding": "none"}
    (root / "mesh.yaml").write_text(yaml.safe_dump(profile))
    return root


def stored(root: Path) -> Path:
    (found,) = root.glob(".mesh/storage/shop/sales/discovery/*.json")
    return found


@pytest.fixture(params=["{", '{"format": 1}', "\x00\xff", '{"format": "x"}'])
def damaged(root: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    file = stored(root)
    file.unlink()
    file.write_text(request.param)
    with served(root) as found:
        yield found


def test_pages_and_documents_are_of_what_the_ledger_knows(damaged: Served) -> None:
    client = damaged.client(ADA, Accept="text/html, */*;q=0.5")
    page = client.get("/shop/sales")
    assert page.status_code == 200
    assert "is damaged" in page.text
    assert "12 rows" in page.text
    assert client.get("/-/changes/shop/sales").status_code == 200
    document = client.get("/shop/sales/discovery").json()
    assert document["damaged"] is True
    assert document_faults(document) == []
    assert document["ports"][0]["columns"][0]["profile"] is None
    assert client.get("/shop/sales?as=openlineage").status_code == 200
    root = str(damaged.gateway.settings.root)
    assert root not in page.text
    assert root not in json.dumps(document)


def test_it_is_found_and_stands_where_broken_ones_do(damaged: Served) -> None:
    client = damaged.client(ADA, Accept="text/html")
    home = client.get("/").text
    assert "/shop/sales" in home.partition("What is broken")[2].partition("Domains")[0]
    assert "/shop/sales" in client.get("/-/find?q=sales").text
    assert '"health broken"' in client.get("/-/map?domain=shop").text


def test_the_crawl_tells_of_it_once_and_of_its_mending(root: Path) -> None:
    file = stored(root)
    sound = file.read_bytes()
    file.unlink()
    file.write_text("{")
    settings = load_settings(root)
    found = crawl(settings, {})
    assert "is no discovery document" in found.failed["mesh://shop/sales"]
    assert [entry.damaged for entry in found.entries] == [True]
    stamps = {entry.identity: entry.stamp for entry in found.entries}
    again = crawl(settings, stamps)
    assert (again.entries, again.gone) == ([], [])
    file.unlink()
    file.write_bytes(sound)
    mended = crawl(settings, stamps)
    assert mended.failed == {}
    assert [entry.damaged for entry in mended.entries] == [False]


def test_a_sound_document_says_nothing_of_it(root: Path) -> None:
    with served(root) as mesh:
        document = mesh.client(ADA).get("/shop/sales/discovery").json()
        assert "damaged" not in document
        assert ADDED in document
