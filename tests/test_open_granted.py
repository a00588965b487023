"""``mesh.open`` on this machine reads under the access grants that the caller holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from access_meshes import sales_mesh

import mesh_defs as mesh
from mesh_defs.gateway.state.counter import changing
from mesh_defs.gateway.state.database import open_state
from mesh_defs.gateway.state.grants import Terms
from mesh_defs.gateway.state.requests import Wish
from mesh_defs.settings import load_settings

URL = "mesh://shop/sales"
GUEST = "person:guest@shop.example"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sales_mesh(tmp_path)


def granted(root: Path, principal: str = GUEST, major: int = 1, days: int = 30) -> str:
    now = datetime.now(UTC)
    began = now - timedelta(days=60)
    with open_state(load_settings(root)) as state, changing(state.database) as connection:
        wish = Wish(principal, "shop/sales", "sales", major, "analytics", 90)
        request = state.requests.add(connection, wish, began)
        end = now + timedelta(days=days)
        grant = state.grants.add(connection, request, end, "person:ada", began, terms=Terms())
    return grant.id


def test_a_grant_opens_what_is_not_about_persons(root: Path) -> None:
    with pytest.raises(mesh.AccessDenied):
        mesh.open(URL, principal=GUEST, root=root)
    assert not (root / ".mesh/gateway").exists()
    number = granted(root)
    port = mesh.open(URL, principal=GUEST, root=root)
    assert port.decision.approved is not None
    assert port.decision.approved.id == number
    assert port.decision.purpose == "analytics"
    row = port.arrow(["id", "price", "email", "meal"], "id = 3").to_pylist()
    assert row == [{"id": 3, "price": 103.5, "email": None, "meal": None}]


@pytest.mark.parametrize(
    "other", [{"principal": "person:ada@shop.example"}, {"major": 2}, {"days": -1}]
)
def test_a_grant_of_another_or_for_another_or_that_ended_opens_nothing(
    root: Path, other: dict
) -> None:
    granted(root, **other)
    with pytest.raises(mesh.AccessDenied):
        mesh.open(URL, principal=GUEST, root=root)


def test_a_grant_is_for_its_purpose(root: Path) -> None:
    granted(root)
    with pytest.raises(mesh.AccessDenied):
        mesh.open(URL, principal=GUEST, purpose="care", root=root)
    assert mesh.open(URL, principal=GUEST, purpose="analytics", root=root).rows == 12


def test_a_revoked_grant_opens_nothing(root: Path) -> None:
    number = granted(root)
    with open_state(load_settings(root)) as state, changing(state.database) as connection:
        found = state.grants.find(connection, number)
        state.grants.revoke(connection, found, "person:ada", "over", datetime.now(UTC))
    with pytest.raises(mesh.AccessDenied):
        mesh.open(URL, principal=GUEST, root=root)
