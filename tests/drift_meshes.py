"""One product that runs again and again on other rows, for tests of policies on its versions."""

from __future__ import annotations

import textwrap
from pathlib import Path

from governed_meshes import domain_yaml, mesh_yaml, verdict, waiver
from meshes import contract, load, manifest, write_mesh, write_parquet

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.product.container import run_product
from mesh_defs.product.ledger import Ledger, Record
from mesh_defs.product.report import RunReport
from mesh_defs.product.staging import Window
from mesh_defs.product.stores import product_store

ID = "- {name: id, logicalType: integer, required: true, primaryKey: true}\n"


def versions(
    root: Path,
    policies: str,
    properties: str,
    *,
    output: str = "{}",
    version: str = "1.0.0",
    waived: str = "",
    sla: str = "",
    body: str = "",
    files: dict[str, str] | None = None,
) -> Path:
    """A mesh of one product ``shop/things``, which publishes its source as it is, under
    ``policies`` and with a waiver of ``waived``. ``properties`` follow the key ``id``."""
    raw = "inputs: {raw: {from: 'files://raw', allow_empty: true}}"
    inputs = f"{raw}\noutputs:\n  things: {output}\n{body}"
    text = contract("things", ID + textwrap.dedent(properties).lstrip(), version=version)
    return write_mesh(
        root,
        {
            "mesh.yaml": mesh_yaml(policies),
            "domains/shop/defs.yaml": domain_yaml(
                waivers=waiver(waived, "things") if waived else ""
            ),
            "domains/shop/things/defs.yaml": manifest(inputs, version=version),
            "domains/shop/things/contract.yaml": text
            + ("slaProperties:\n" + sla.lstrip("\n") if sla else ""),
            "domains/shop/things/things.sql": "select * from raw\n",
            **(files or {}),
        },
    )


def publish(
    root: Path, query: str, *, rebuild: bool = False, window: Window | None = None
) -> RunReport:
    """Run the product on the rows of ``query``, which may use ``i`` from ``range(n) t(i)``."""
    write_parquet(root, "raw", query)
    mesh = load(root)
    product = mesh.product("mesh://shop/things")
    return run_product(mesh, product, rebuild=rebuild, window=window)


def said(report: RunReport, policy: str) -> Verdict:
    """What ``policy`` says of the port."""
    return verdict(report, policy, "things")


def record(root: Path) -> Record:
    """The newest record of the product's ledger."""
    found = Ledger(product_store(load(root).settings, "shop", "things")).latest()
    assert found is not None
    return found
