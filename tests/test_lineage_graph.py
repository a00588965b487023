"""One graph of what everything is made of: by the newest records and, without one, by the files."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import contract, load, manifest, write
from plan_meshes import shop

from mesh_defs.discovery.lineage import KeptGraph, LineageGraph, MeshCatalogue, Place
from mesh_defs.discovery.lineage.facts import ProductFacts, Reading
from mesh_defs.discovery.lineage.model import Edge
from mesh_defs.errors import UnknownAddress
from mesh_defs.product.container import run_product
from mesh_defs.product.stores import ledger
from mesh_defs.settings import load_settings

SALES = Place("shop/sales", "sales")
DAILY = Place("shop/daily", "daily")
FILE = Place("files://sales", source=True)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"))


def graph(root: Path) -> LineageGraph:
    return KeptGraph(MeshCatalogue(load(root).settings), fresh=0).graph()


def test_columns_are_followed_over_products_into_operational_systems(published: Path) -> None:
    found = graph(published)
    best = Place("office/best", "best", "most")
    (above,) = found.up(best)
    assert above == Edge(DAILY.with_column("takings"), best, "flows", way="direct")
    (above,) = found.up(above.source)
    amount = SALES.with_column("amount")
    assert (above.source, above.way) == (amount, "aggregated")
    (above,) = found.up(amount)
    assert above.source == FILE.with_column("amount")
    assert not list(found.up(above.source))
    assert above.source.id == "files://sales#amount"


def test_the_way_down_is_the_way_up(published: Path) -> None:
    found = graph(published)
    below = list(found.down(FILE.with_column("amount")))
    assert [edge.target for edge in below] == [SALES.with_column("amount")]
    flows = [edge for edge in found.down(below[0].target) if edge.kind == "flows"]
    assert [edge.target for edge in flows] == [DAILY.with_column("takings")]


def test_products_tell_which_versions_they_read(tmp_path: Path) -> None:
    root = shop(tmp_path)
    mesh = load(root)
    run_product(mesh, mesh.product("mesh://shop/sales"), rebuild=True)
    newest = ledger(mesh.settings, "shop", "sales").latest()
    assert newest is not None
    found = graph(root)
    (read,) = found.up(Place("shop/daily"))
    assert (read.source, read.kind, read.input) == (SALES, "reads", "sales")
    assert read.version is not None
    assert read.version < newest.version == found.products["shop/sales"].version
    (system,) = found.up(Place("shop/sales"))
    assert (system.source, system.version) == (FILE, None)


def test_what_is_not_known_may_come_from_all_that_was_read(published: Path) -> None:
    found = graph(published)
    shops = Place("office/places", "places", "shops")
    (above,) = found.up(shops)
    assert (above.source, above.kind) == (SALES, "unknown")
    assert "made in Python" in above.reason
    assert Edge(SALES.with_column("note"), shops, "unknown", reason=above.reason) in found.down(
        SALES.with_column("note")
    )


def test_what_is_not_published_is_as_its_files_declare(tmp_path: Path) -> None:
    found = graph(shop(tmp_path, run=False))
    assert found.products["shop/daily"].version is None
    (read,) = found.up(Place("shop/daily"))
    assert (read.source, read.version, read.declared) == (SALES, None, True)
    (above,) = found.up(DAILY.with_column("takings"))
    assert (above.source, above.way) == (SALES.with_column("amount"), "aggregated")
    # Nothing tells which columns the operational system has.
    (above,) = found.up(SALES.with_column("note"))
    assert (above.source, above.kind) == (FILE, "unknown")


def test_an_input_that_no_version_has_read_yet_is_told_as_such(tmp_path: Path) -> None:
    root = shop(tmp_path)
    file = root / "domains/office/best/defs.yaml"
    file.write_text(
        file.read_text().replace(
            "inputs: {daily: 'mesh://shop/daily@1'}",
            "inputs: {daily: 'mesh://shop/daily@1', more: 'mesh://shop/sales'}",
        )
    )
    reads = {edge.input: edge for edge in graph(root).up(Place("office/best"))}
    assert reads["daily"].version == 0
    assert not reads["daily"].declared
    assert reads["more"].source == SALES
    assert reads["more"].declared


def test_what_this_mesh_does_not_know_is_foreign(tmp_path: Path) -> None:
    body = "inputs: {far: 'mesh://abroad/rates/daily', near: 'mesh://abroad/prices'}"
    files = {
        "domains/shop/till/defs.yaml": manifest(body),
        "domains/shop/till/contract.yaml": contract(
            "till", "- {name: rate, logicalType: number, required: true}"
        ),
        "domains/shop/till/till.sql": "select rate from far",
    }
    root = write(shop(tmp_path, run=False), files)
    found = KeptGraph(MeshCatalogue(load_settings(root)), fresh=0).graph()
    above = [edge.source for edge in found.up(Place("shop/till"))]
    assert [(place.id, found.kind(place)) for place in above] == [
        ("mesh://abroad/rates/daily", "foreign"),
        ("mesh://abroad/prices", "foreign"),
    ]
    assert [edge.target for edge in found.down(above[0])] == [Place("shop/till")]


def test_a_record_that_cannot_be_read_is_told_and_in_nobodys_way(tmp_path: Path) -> None:
    root = shop(tmp_path)
    store = ledger(load(root).settings, "shop", "daily").store
    Path(store.location("ledger/000000000000.json")).write_text("{")
    found = graph(root)
    facts = found.products["shop/daily"]
    assert "is no record of version 0" in (facts.problem or "")
    assert [edge.source for edge in found.up(Place("shop/daily"))] == [SALES]
    assert list(found.up(Place("office/best", "best", "most")))


def test_an_entity_whose_name_looks_like_a_product_is_none() -> None:
    entity = Place("files://shop/sales", source=True)
    lineage = {"ports": {"o": {"c": [["files/shop/sales", "c"]]}}}
    reads = (Reading("sales", entity),)
    facts = ProductFacts("d/p", 0, None, {"o": ("c",)}, reads, lineage)
    found = LineageGraph({"d/p": facts})
    (above,) = found.up(Place("d/p", "o", "c"))
    assert above.source == entity.with_column("c")
    assert found.kind(entity) == "source"
    assert [edge.target for edge in found.down(above.source)] == [Place("d/p", "o", "c")]


def test_names_are_found_as_they_are_written(published: Path) -> None:
    found = graph(published)
    assert found.found(Place("shop/sales", None, "NOTE")) == SALES.with_column("note")
    with pytest.raises(UnknownAddress, match=r"no column 'not'.*write 'note' instead of 'not'"):
        found.found(Place("shop/sales", "sales", "not"))
    with pytest.raises(UnknownAddress, match="no port 'sale'; it has sales"):
        found.found(Place("shop/sales", "sale"))
    with pytest.raises(UnknownAddress, match="no product mesh://shop/nothing"):
        found.found(Place("shop/nothing"))
    with pytest.raises(UnknownAddress, match="no product reads files://nothing"):
        found.found(Place("files://nothing", source=True))
