"""Who asks for rows is found out first, and counted once, whatever is wrong with the request."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_http import served
from http_meshes import http_mesh
from test_gateway_http_states import limited

ADA = "person:ada@shop.example"
NOBODYS = "mesh_000000000000_" + "0" * 64
SALES = "/shop/sales/sales/data"
# Each refused by another part: of the parameters, the address, the form, the purpose, the names.
WRONG = (
    {"limit": "-1"},
    {"version": "0", "as_of": "2026-01-31T12:00Z"},
    {"format": "csv", "compression": "zstd"},
    {"purpose": "1"},
    {"bogus": "1"},
)


@pytest.mark.parametrize("params", WRONG)
def test_a_wrong_credential_is_told_before_a_wrong_parameter(
    tmp_path: Path, params: dict[str, str]
) -> None:
    with served(http_mesh(tmp_path)) as mesh:
        for path in (SALES, "/shop/sales/data"):
            assert mesh.client(ADA).get(path, params=params).status_code == 400
            answer = mesh.with_token(NOBODYS).get(path, params=params)
            assert answer.status_code == 401
            assert "WWW-Authenticate" in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/query"),
        ("GET", "/shop/sales/sales/changes"),
        ("GET", "/shop/sales/sales/files"),
        ("GET", "/shop/sales/receipts"),
        ("GET", "/-/grants"),
        ("POST", "/-/requests"),
        ("GET", "/-/search"),
        ("GET", "/shop/sales/discovery"),
        ("GET", "/shop/sales/lineage"),
        ("GET", "/shop/sales/trust"),
        ("GET", "/shop/sales/feedback"),
    ],
)
def test_a_wrong_credential_is_counted_whatever_the_query(
    tmp_path: Path, method: str, path: str
) -> None:
    with served(http_mesh(tmp_path, **limited(failures_per_minute=1))) as mesh:
        mesh.gateway.limiter._failures._clock = lambda: 0.0
        guesser, params = mesh.with_token(NOBODYS), {"bogus": "1"}
        statuses = [guesser.request(method, path, params=params).status_code for _ in range(2)]
        assert statuses == [401, 429]
        assert mesh.client(ADA).request(method, path, params=params).status_code == 400


def test_every_request_counts_once(tmp_path: Path) -> None:
    limits = limited(per_principal_per_minute=len(WRONG) + 2, failures_per_minute=len(WRONG) + 1)
    with served(http_mesh(tmp_path, **limits)) as mesh:
        for pace in (mesh.gateway.limiter._requests, mesh.gateway.limiter._failures):
            pace._clock = lambda: 0.0  # nothing is refilled
        client, guesser = mesh.client(ADA), mesh.with_token(NOBODYS)
        assert client.get(SALES).status_code == 200
        assert client.get("/shop/sales/none/data").status_code == 404
        for params in WRONG:
            assert client.get(SALES, params=params).status_code == 400
            assert guesser.get(SALES, params=params).status_code == 401
        assert guesser.get(SALES).status_code == 401
        for answer in (client.get(SALES, params=WRONG[0]), guesser.get(SALES, params=WRONG[0])):
            assert answer.status_code == 429
            assert "Retry-After" in answer.headers
