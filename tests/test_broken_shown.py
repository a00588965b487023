"""A product that is declared, broken and was never published is where one looks for products, as
broken and not published, for who would see it sound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from access_meshes import sales_mesh
from commands import mesh as command
from gateway_http import served
from meshes import contract, manifest, write

MESH = """
name: test
profiles:
  local:
    index: {embedding: none}
    services:
      files: {driver: files, path: data}
"""
RULES = """
@id("closed")
forbid (principal, action == Action::"discover", resource in Product::"shop/closed");
"""
ADA = "person:ada@shop.example"
TEXT = manifest("inputs: {sales: mesh://shop/sales}").replace("A product of a test.", "Zebras.")
NOTHING = contract("half", "- {name: n, logicalType: integer}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = sales_mesh(tmp_path, RULES, **{"mesh.yaml": MESH})
    write(
        made,
        {
            "domains/shop/half/defs.yaml": TEXT,
            "domains/shop/half/contract.yaml": NOTHING,  # no rule that can fail
            "domains/shop/half/half.sql": "select 1 as n from sales",
            "domains/shop/none/defs.yaml": TEXT,  # no contract at all
            "domains/shop/closed/defs.yaml": TEXT,
            "domains/shop/worse/defs.yaml": "attributes: {nothing: true}\n",
        },
    )
    return made


def test_the_portal_shows_it_as_broken(root: Path) -> None:
    with served(root) as mesh:
        mesh.gateway.search.live.refresh()
        client = mesh.client(ADA, Accept="text/html")
        page = client.get("/-/map").text
        who = mesh.gateway.authenticate(f"Bearer {mesh.token(ADA)}")
        cards = {card.identity: card for card in mesh.gateway.overview.cards(who)}
        assert {name: card.health for name, card in cards.items()} == {
            "shop/half": "broken",
            "shop/none": "broken",
            "shop/sales": "kept",
        }
        assert cards["shop/half"].main.version == -1
        assert 'href="/shop/half"' in page
        assert 'href="/shop/closed"' not in page
        home = client.get("/").text
        assert "/shop/none" in home
        assert "/shop/half" in client.get("/-/lineage/shop/sales").text
        assert "/shop/closed" not in client.get("/-/lineage/shop/sales").text


def test_it_is_found_and_not_published(root: Path) -> None:
    done = command(root, "index", "--json", MESH_PRINCIPAL=ADA)
    assert done.returncode == 1  # why each cannot be read is told as before
    assert len(json.loads(done.stdout)["failed"]) == 4
    found = json.loads(command(root, "find", "zebras", "--json", MESH_PRINCIPAL=ADA).stdout)
    told = {each["url"]: (each["version"], each["trust"]) for each in found["results"]}
    assert told == {
        "mesh://shop/half": (None, "unproven"),
        "mesh://shop/none": (None, "unproven"),
    }
    up = command(root, "lineage", "mesh://shop/sales", "--down", "--json", MESH_PRINCIPAL=ADA)
    nodes = {each["id"] for each in json.loads(up.stdout)["nodes"]}
    assert {"mesh://shop/half", "mesh://shop/none"} <= nodes
    assert "mesh://shop/closed" not in nodes


def test_once_it_is_sound_it_is_as_any_other(root: Path) -> None:
    with served(root) as mesh:
        mesh.gateway.search.live.refresh()
        write(
            root,
            {
                "domains/shop/half/contract.yaml": NOTHING.replace(
                    "integer}", "integer, required: true}"
                )
            },
        )
        assert "mesh://shop/half" not in mesh.gateway.search.live.refresh().failed
        who = mesh.gateway.authenticate(f"Bearer {mesh.token(ADA)}")
        cards = {card.identity: card.health for card in mesh.gateway.overview.cards(who)}
        assert cards["shop/half"] == "unpublished"
