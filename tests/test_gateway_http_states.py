"""When a port cannot be served now, or not so much of it: 503, 410, 429, 413."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from access_meshes import COLUMNS
from gateway_http import Served, served
from http_meshes import QUERIERS, READERS, http_mesh
from meshes import MESH_YAML, contract, manifest

ADA = "person:ada@shop.example"
SALES = "/shop/sales/sales/data"
INPUTS = "inputs: {sales: files://sales}\npurposes: [analytics, care]\n"


def limited(**limits: object) -> dict[str, str]:
    """``mesh.yaml`` with these limits."""
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["gateway"] = {"limits": limits}
    return {"mesh.yaml": yaml.safe_dump(profile)}


def stale_mesh(root: Path, when_stale: str) -> Path:
    promised = (
        contract("sales", COLUMNS) + "slaProperties: [{property: latency, value: 0.001, unit: s}]\n"
    )
    files = {
        "domains/shop/sales/contract.yaml": promised,
        "domains/shop/sales/defs.yaml": manifest(f"{INPUTS}access: {{when_stale: {when_stale}}}"),
    }
    return http_mesh(root, READERS + QUERIERS, **files)


def test_what_refuses_to_be_stale_answers_503_and_when_to_come_again(tmp_path: Path) -> None:
    with served(stale_mesh(tmp_path, "refuse")) as mesh:
        client = mesh.client(ADA)
        for answer in (
            client.get(SALES),
            client.get(SALES, params={"format": "parquet"}),
            client.head(SALES),
            client.post("/query", content="SELECT id FROM shop.sales"),
        ):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
        told = client.get(SALES).json()
        assert "older than its contract promises" in told["detail"]
        assert "version=<n>" in told["fix"]
        assert client.get(SALES, params={"version": 0}).status_code == 200
        state = client.get("/shop/sales/sales").json()["state"]
        assert state["stale"] is True
        assert state["promised_seconds"] == 0.001


def test_what_serves_though_it_is_stale_says_so(tmp_path: Path) -> None:
    with served(stale_mesh(tmp_path, "serve")) as mesh:
        answer = mesh.client(ADA).get(SALES)
        assert answer.status_code == 200
        assert answer.headers["Mesh-Stale"] == "true"
        assert answer.headers["Mesh-Promised-Age"] == "0"
        assert int(answer.headers["Mesh-Age"]) >= 0


def test_what_is_retired_is_gone(tmp_path: Path) -> None:
    root = http_mesh(tmp_path)
    with served(root) as mesh:
        client = mesh.client(ADA)
        assert client.get(SALES).status_code == 200
        text = manifest(f"{INPUTS}status: retired")
        (root / "domains/shop/sales/defs.yaml").write_text(text)
        for path in (SALES, "/shop/sales/data"):
            answer = client.get(path)
            assert answer.status_code == 410
            assert "what takes its place" in answer.json()["fix"]
        assert client.get("/shop/sales").json()["status"] == "retired"


def test_too_many_requests_are_told_to_wait(tmp_path: Path) -> None:
    root = http_mesh(tmp_path, **limited(per_principal_per_minute=5))
    with served(root) as mesh:
        client = mesh.client(ADA)
        answers = [client.get("/shop/sales") for _ in range(8)]
        assert [each.status_code for each in answers[:5]] == [200] * 5
        last = answers[-1]
        assert last.status_code == 429
        assert 0 < int(last.headers["Retry-After"]) <= 13
        assert mesh.client("service:reports").get("/shop/sales").status_code == 200, "others go on"


def test_guessing_credentials_is_slowed_down_and_good_ones_from_there_go_on(
    tmp_path: Path,
) -> None:
    root = http_mesh(tmp_path, **limited(failures_per_minute=3))
    with served(root) as mesh:
        guesser = mesh.with_token("mesh_000000000000_" + "0" * 64)
        statuses = [guesser.get("/shop/odd").status_code for _ in range(6)]
        assert statuses[:3] == [401] * 3
        assert statuses[-1] == 429
        assert "Retry-After" in guesser.get("/shop/odd").headers
        assert mesh.client(ADA).get("/shop/odd").status_code == 200
        assert guesser.get("/shop/odd").status_code == 429, "a good one clears nothing"


def test_as_many_reads_as_may_at_once(tmp_path: Path) -> None:
    root = http_mesh(tmp_path, **limited(concurrent=1, queue=0))
    with served(root) as mesh:
        client = mesh.client(ADA)
        with mesh.gateway.limiter.slot("person:somebody@shop.example"):
            answer = client.get(SALES)
            assert answer.status_code == 429
            assert "Retry-After" in answer.headers
            assert client.get("/shop/sales").status_code == 200, "what is no read goes on"
        assert client.get(SALES).status_code == 200


def test_answers_to_queries_are_limited_in_rows(tmp_path: Path) -> None:
    root = http_mesh(tmp_path, READERS + QUERIERS, **limited(rows=5))
    with served(root) as mesh:
        client = mesh.client(ADA)
        answer = client.post("/query", content="SELECT id FROM shop.sales")
        assert answer.status_code == 413
        assert "5 rows" in answer.json()["detail"]
        assert client.post("/query", content="SELECT id FROM shop.sales LIMIT 5").is_success


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> object:
    with served(http_mesh(tmp_path_factory.mktemp("small"), **limited(body="1KB"))) as mesh:
        yield mesh


def _raw(mesh: Served, request: bytes) -> bytes:
    where = urlsplit(mesh.base)
    with socket.create_connection((where.hostname, where.port), timeout=10) as client:
        client.sendall(request)
        got = b""
        while chunk := client.recv(65_536):
            got += chunk
        return got


def test_bodies_over_the_limit_are_refused_however_they_come(small: Served) -> None:
    client = small.client(ADA)
    large = b"SELECT 1 --" + b"x" * 2000
    announced = client.post("/query", content=large)
    assert announced.status_code == 413
    chunked = client.post("/query", content=iter([large[:900], large[900:]]))
    assert chunked.status_code == 413
    assert chunked.headers["Content-Type"] == "application/problem+json"
    lied = _raw(
        small,
        b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n"
        b"Connection: close\r\n\r\n",
    )
    assert lied.startswith(b"HTTP/1.1 413")
    long = client.get("/shop/sales", params={"as": "x" * 20_000})
    assert long.status_code in (400, 413, 414, 431)
