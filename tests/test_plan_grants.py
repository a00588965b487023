"""``mesh plan`` names who holds an access grant on what changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import mesh
from meshes import load, write
from plan_meshes import product, publish, replace, shop, without_column

from mesh_defs.gateway.holders import held_grants
from mesh_defs.gateway.state.counter import changing
from mesh_defs.gateway.state.database import open_state
from mesh_defs.gateway.state.grants import Terms
from mesh_defs.gateway.state.requests import Wish
from mesh_defs.product.plan.make import make_plan
from mesh_defs.settings import load_settings

CONTRACT = "domains/shop/sales/contract.yaml"
NOW = datetime.now(UTC)
BEGAN = NOW - timedelta(days=60)
WISH = Wish("person:bob@office.example", "shop/sales", "sales", 1, "analytics", 30)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = shop(tmp_path, run=False)
    write(root, {"principals.yaml": "people: {bob@office.example: {domain: office}}\n"})
    replace(root, CONTRACT, "name: amount,", "name: amount, classification: confidential,")
    publish(root)
    return root


def granted(root: Path, wish: Wish = WISH, lasting: timedelta = timedelta(days=30)) -> str:
    with open_state(load_settings(root)) as state, changing(state.database) as connection:
        request = state.requests.add(connection, wish, BEGAN)
        grant = state.grants.add(
            connection, request, NOW + lasting, "person:ann@shop.example", BEGAN, terms=Terms()
        )
    return grant.id


def holders(root: Path) -> dict[str, str | None]:
    settings = load_settings(root)
    with held_grants(settings) as held:
        found = make_plan(
            load(root), build=False, tell=lambda _: None, observer=lambda _: None, held=held
        )
    return {one.principal: one.grant for one in product(found, "shop/sales").holders.found}


def test_without_a_gateway_there_are_no_grants_and_none_is_made(root: Path) -> None:
    without_column(root, "amount")
    assert holders(root) == {}
    assert not (root / ".mesh/gateway").exists()


def test_the_holder_of_a_grant_is_named_with_it(root: Path) -> None:
    number = granted(root)
    without_column(root, "amount")
    until = (NOW + timedelta(days=30)).date().isoformat()
    assert holders(root) == {WISH.principal: f"grant {number} until {until}"}


def test_a_grant_that_ended_names_nobody(root: Path) -> None:
    granted(root, lasting=timedelta(days=-1))
    without_column(root, "amount")
    assert holders(root) == {}


def test_the_command_shows_it(root: Path) -> None:
    number = granted(root)
    without_column(root, "amount")
    told = mesh(root, "plan", "--no-build", "--json")
    (changed,) = json.loads(told.stdout)["products"]
    assert [one["grant"] for one in changed["readers"]["principals"]] == [
        f"grant {number} until {(NOW + timedelta(days=30)).date().isoformat()}"
    ]
    assert f"by grant {number}" in mesh(root, "plan", "--no-build").stdout.replace("\n", " ")
