"""``mesh plan`` names who may read what changed, by the mesh's own rules of access."""

from __future__ import annotations

from pathlib import Path

import pytest
from meshes import write
from plan_meshes import plan, product, replace, shop, without_column

CONTRACT = "domains/shop/sales/contract.yaml"
PRINCIPALS = """
people:
  ann@shop.example: {domain: shop, roles: [seller]}
  bob@office.example: {domain: office}
"""
# `amount` is confidential: the rules that ship show it to those of its own domain.
CONFIDENTIAL = "name: amount, classification: confidential,"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = shop(tmp_path, run=False)
    write(root, {"principals.yaml": PRINCIPALS})
    replace(root, CONTRACT, "name: amount,", CONFIDENTIAL)
    return root


def holders(root: Path) -> dict[str, tuple[str, ...]]:
    found = product(plan(root, build=False), "shop/sales").holders
    assert found.problem is None
    return {holder.principal: holder.columns for holder in found.found}


def published(root: Path) -> None:
    from meshes import load

    from mesh_defs.product.container import run_product

    mesh = load(root)
    assert run_product(mesh, mesh.products["shop/sales"]).outcome == "published"


def test_who_sees_the_column_is_named(root: Path) -> None:
    published(root)
    without_column(root, "amount")
    assert holders(root) == {"person:ann@shop.example": ("sales#amount",)}


def test_a_grant_of_the_domain_counts(root: Path) -> None:
    rule = (
        'permit (principal == Person::"bob@office.example", action, resource) '
        'when { resource in Port::"shop/sales/sales" };'
    )
    write(root, {"domains/shop/access.cedar": rule})
    published(root)
    without_column(root, "amount")
    assert set(holders(root)) == {"person:ann@shop.example", "person:bob@office.example"}


def test_what_nobody_needs_to_know_names_nobody(root: Path) -> None:
    published(root)
    replace(root, CONTRACT, "name: note,", "name: note, description: A note,")
    assert holders(root) == {}


def test_a_broken_file_of_principals_is_told(root: Path) -> None:
    published(root)
    without_column(root, "amount")
    write(root, {"principals.yaml": "people: [ann]\n"})
    found = product(plan(root, build=False), "shop/sales").holders
    assert found.found == ()
    assert (found.problem or "").startswith("who may read it is not known: principals.yaml:1")
