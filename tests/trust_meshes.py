"""A small real mesh whose versions form a chain: a file, flights that grow, delays made of them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.drivers.storage.protocol import ProductStore
from mesh_defs.product.container import run_product
from mesh_defs.product.ledger import Ledger, Record
from mesh_defs.product.stores import product_store
from mesh_defs.settings import Settings, load_settings

FLIGHTS, DELAYS = "mesh://ops/flights", "mesh://ops/delays"
COLUMNS = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: delay, logicalType: integer, logicalTypeOptions: {minimum: 0}}
"""
APPEND = """
inputs: {flights: files://flights}
outputs:
  flights: {mode: append, cursor: id}
"""


def chain_files(**more: str) -> dict[str, str]:
    """The files of the mesh."""
    files = {
        "domains/ops/flights/defs.yaml": manifest(APPEND),
        "domains/ops/flights/contract.yaml": contract("flights", COLUMNS),
        "domains/ops/flights/flights.sql": "select * from flights",
        "domains/ops/delays/defs.yaml": manifest(
            "inputs: {flights: mesh://ops/flights}", archetype="consumer-aligned"
        ),
        "domains/ops/delays/contract.yaml": contract("delays", COLUMNS),
        "domains/ops/delays/delays.sql": "select * from flights where delay > 5",
    }
    return {**files, **more}


def flights(root: Path, rows: int) -> None:
    """The source file has so many flights."""
    write_parquet(root, "flights", f"select i as id, i % 60 as delay from range({rows}) t(i)")


def chain_mesh(root: Path, **more: str) -> Path:
    """The mesh with two versions of flights, the second of which kept the first's file, and one of
    delays, which read the second."""
    write_mesh(root, chain_files(**more))
    for rows in (100, 150):
        flights(root, rows)
        publish(root, FLIGHTS)
    publish(root, DELAYS)
    return root


def publish(root: Path, *urls: str) -> None:
    """Run the products at ``urls``, each of which must publish."""
    for url in urls:
        mesh = load(root)
        report = run_product(mesh, mesh.product(url))
        assert report.outcome == "published", report.explanation()


def settings(root: Path) -> Settings:
    """The mesh's settings."""
    return load_settings(root)


def store_of(root: Path, url: str) -> ProductStore:
    """Where a product lies."""
    domain, _, product = url.removeprefix("mesh://").partition("/")
    return product_store(settings(root), domain, product)


def folder_of(root: Path, url: str) -> Path:
    """The folder of a product's store."""
    return Path(store_of(root, url).location(""))


def record_of(root: Path, url: str, version: int) -> Record:
    """A ledger's record."""
    record = Ledger(store_of(root, url)).record(version)
    assert record is not None
    return record


def files_of(root: Path, url: str, version: int) -> list[Path]:
    """The Parquet files of a version of the product's main port."""
    port = url.rpartition("/")[2]
    store = store_of(root, url)
    table = record_of(root, url, version).ports[port].table_version
    return [store.port_folder(port) / file.path for file in store.table_files(port, table)]


def attestation_of(root: Path, url: str, version: int) -> Path:
    """The file of a version's attestation."""
    return folder_of(root, url) / f"attestations/{version:012d}.json"


def statement_of(root: Path, url: str, version: int) -> dict[str, Any]:
    """The in-toto statement of a version, as anybody can read it."""
    envelope = json.loads(attestation_of(root, url, version).read_text())
    found: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return found
