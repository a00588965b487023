"""Documents are part of what a publish decides: there as soon as the version is, and its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.drivers.storage.protocol import ProductStore
from mesh_defs.errors import CorruptRecord
from mesh_defs.product.container import run_product
from mesh_defs.product.described.document import document_name
from mesh_defs.product.described.stored import stored_document
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.publish import INTENTS, roll_forward
from mesh_defs.product.report import Progress
from mesh_defs.product.stores import product_store

INTENT = f"{INTENTS}/000000000000.json"


class Stopped(BaseException):
    """The process ended here."""


def interrupted(root: Path, step: str) -> ProductStore:
    """The store of a product whose first publish was interrupted after ``step``."""
    files = {
        "domains/shop/things/defs.yaml": manifest("inputs: {things: files://things}"),
        "domains/shop/things/contract.yaml": contract("things", "[{name: id, required: true}]"),
        "domains/shop/things/things.sql": "select id from things",
    }
    write_mesh(root, files)
    write_parquet(root, "things", "select i as id from range(9) t(i)")

    def watch(progress: Progress) -> None:
        if progress.step == step:
            raise Stopped

    mesh = load(root)
    with pytest.raises(Stopped):
        run_product(mesh, mesh.product("mesh://shop/things"), observer=watch)
    return product_store(mesh.settings, "shop", "things")


def intent(store: ProductStore) -> dict[str, Any]:
    content = store.read(INTENT)
    assert content is not None
    found: dict[str, Any] = json.loads(content)
    return found


@pytest.mark.parametrize("step", ["intent", "commit:things", "documents"])
def test_an_interrupted_publish_is_finished_with_its_document(tmp_path: Path, step: str) -> None:
    store = interrupted(tmp_path, step)
    decided = intent(store)
    assert Ledger(store).versions() == []
    assert len(roll_forward(store)) == 1
    content = store.read(document_name(0))
    assert content is not None
    assert content.decode() == decided["documents"][document_name(0)]
    found = stored_document(store, "shop/things", 0)
    assert found is not None
    assert found["published_at"] == decided["record"]["published_at"]
    assert found["ports"][0]["rows"] == 9


def test_an_intent_of_an_earlier_release_has_none_and_is_finished(tmp_path: Path) -> None:
    store = interrupted(tmp_path, "intent")
    decided = intent(store)
    del decided["documents"]
    store.replace(INTENT, json.dumps(decided).encode())
    assert len(roll_forward(store)) == 1
    assert Ledger(store).versions() == [0]
    assert store.names("discovery") == []


@pytest.mark.parametrize(
    "documents",
    [
        {"../../../escaped.json": "x"},
        {"discovery/../ledger/000000000000.json": "x"},
        {"ledger/000000000000.json": "x"},
        {"discovery/x/000000000000.json": "x"},
        {"discovery/0.json": "x"},
        {"/000000000000.json": "x"},
        {document_name(0): 7},
        ["x"],
        None,
    ],
)
def test_documents_that_are_none_are_written_nowhere(tmp_path: Path, documents: object) -> None:
    store = interrupted(tmp_path, "intent")
    before = sorted(tmp_path.rglob("*"))
    store.replace(INTENT, json.dumps({**intent(store), "documents": documents}).encode())
    with pytest.raises(CorruptRecord, match="decided and not finished"):
        roll_forward(store)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_document_of_a_publish_that_was_given_up_is_replaced(tmp_path: Path) -> None:
    store = interrupted(tmp_path, "documents")
    given_up = stored_document(store, "shop/things", 0)
    assert given_up is not None
    store.replace(INTENT, b"{}")
    mesh = load(tmp_path)
    report = run_product(mesh, mesh.product("mesh://shop/things"), rebuild=True)
    assert report.version == 0
    found = stored_document(store, "shop/things", 0)
    assert found is not None
    assert found["run_id"] == report.run_id != given_up["run_id"]
