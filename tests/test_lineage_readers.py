"""Who reads by an access grant what would go: named to who controls the product, counted for
others, and for who is nobody not there."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import mesh
from meshes import write
from plan_meshes import shop

from mesh_defs.gateway.state.counter import changing
from mesh_defs.gateway.state.database import open_state
from mesh_defs.gateway.state.grants import Terms
from mesh_defs.gateway.state.requests import Wish
from mesh_defs.settings import load_settings

NOW = datetime.now(UTC)
BOB, EVA, ANN = "person:bob@office.example", "service:eva", "person:ann@shop.example"
PEOPLE = """
people:
  bob@office.example: {domain: office}
  ann@shop.example: {domain: shop}
services:
  eva: {domain: office}
"""
RULES = """
@id("ann controls")
permit (principal == Person::"ann@shop.example", action == Action::"control", resource is Product)
when { resource.domain == "shop" };
"""
CLOSED = """
@id("closed")
forbid (principal, action == Action::"discover", resource == Port::"office/best/best");
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = shop(tmp_path)
    write(made, {"principals.yaml": PEOPLE, "domains/shop/access.cedar": RULES})
    granted(made, BOB, "shop/sales", "sales")
    granted(made, EVA, "shop/sales", "sales")
    granted(made, BOB, "office/best", "best")
    granted(made, BOB, "office/places", "places", lasting=-1)
    return made


def granted(root: Path, who: str, identity: str, port: str, lasting: int = 30) -> None:
    wish = Wish(who, identity, port, 1, "analytics", 30)
    end, began = NOW + timedelta(days=lasting), NOW - timedelta(days=60)
    with open_state(load_settings(root)) as state, changing(state.database) as connection:
        request = state.requests.add(connection, wish, began)
        state.grants.add(connection, request, end, ANN, began, terms=Terms())


def told(root: Path, who: str, url: str) -> dict[str, dict[str, Any]]:
    done = mesh(root, "lineage", url, "--down", "--json", MESH_PRINCIPAL=who)
    assert done.returncode == 0, done.stderr
    return {each["url"]: each for each in json.loads(done.stdout)["impact"]["readers"]}


def test_who_controls_a_product_sees_whose_the_grants_are(root: Path) -> None:
    found = told(root, ANN, "mesh://shop/sales#amount")
    sales, best = found["mesh://shop/sales/sales"], found["mesh://office/best/best"]
    assert sales["principals"] == {"person": 1, "service": 1}
    assert {each["principal"] for each in sales["grants"]} == {BOB, EVA}
    # What is made of the column goes as well; of whose it is, its own owner is told.
    assert best == {"url": "mesh://office/best/best", "principals": {"person": 1}}
    assert found.keys() == {"mesh://shop/sales/sales", "mesh://office/best/best"}


def test_others_are_told_how_many_there_are(root: Path) -> None:
    found = told(root, "service:eva", "mesh://shop/sales")
    assert found["mesh://shop/sales/sales"] == {
        "url": "mesh://shop/sales/sales",
        "principals": {"person": 1, "service": 1},
    }


def test_of_what_may_not_be_known_of_nothing_is_told(root: Path) -> None:
    write(root, {"domains/office/access.cedar": CLOSED})
    assert told(root, ANN, "mesh://shop/sales#amount").keys() == {"mesh://shop/sales/sales"}


def test_people_read_it_too(root: Path) -> None:
    done = mesh(root, "lineage", "mesh://shop/sales#amount", "--down", MESH_PRINCIPAL=ANN)
    assert "mesh://shop/sales/sales is read by grants of 1 person, 1 service" in done.stdout
    until = (NOW + timedelta(days=30)).date().isoformat()
    assert f"      {BOB}, until {until} (" in done.stdout
