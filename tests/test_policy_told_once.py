"""A policy that cannot be used is told once, where it stands, and stops everything below it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import mesh
from governed_meshes import ORDERS, run, shop
from meshes import contract, manifest

WRONG = "- {policy: EnoughRows, with: {least: many}}"
SECOND = {
    "workspace.yaml": "load_from:\n  - python_module: {module_name: mesh_defs.locations, "
    "attribute: sales, location_name: sales}\n",
    "domains/sales/returns/defs.yaml": manifest("inputs: {raw: 'files://raw'}\n"),
    "domains/sales/returns/contract.yaml": contract("returns", ORDERS),
    "domains/sales/returns/returns.sql": "select id, note from raw\n",
}


@pytest.mark.parametrize(
    ("above", "domain", "file"),
    [(WRONG, "", "mesh.yaml"), ("[]", WRONG, "domains/sales/defs.yaml")],
)
def test_it_is_told_once_and_stops_all(tmp_path: Path, above: str, domain: str, file: str) -> None:
    shop(tmp_path, above, domain=domain, files=SECOND)
    done = mesh(tmp_path, "check", "--json")
    assert done.returncode == 1
    (fault,) = json.loads(done.stdout)["faults"]
    assert (fault["file"], fault["found"]) == (file, "'many' (text)")
    for identity in ("sales/orders", "sales/returns"):
        assert run(tmp_path, identity).outcome == "failed"
    # A check of one product alone, and how it stands, say it as well.
    assert mesh(tmp_path, "check", "domains/sales/returns").returncode == 1
    products = json.loads(mesh(tmp_path, "status", "--json").stdout)["products"]
    assert [p["state"] for p in products] == ["broken", "broken"]
    assert [p["faults"][0]["file"] for p in products] == [file, file]


def test_a_product_s_own_stops_nobody_else(tmp_path: Path) -> None:
    shop(tmp_path, "[]", product=WRONG, files=SECOND)
    (fault,) = json.loads(mesh(tmp_path, "check", "--json").stdout)["faults"]
    assert fault["file"] == "domains/sales/orders/defs.yaml"
    assert mesh(tmp_path, "check", "domains/sales/returns").returncode == 0
    assert run(tmp_path, "sales/returns").outcome == "published"
