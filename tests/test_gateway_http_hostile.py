"""Nonsense and attacks over HTTP: each gets a problem document that tells nothing that it should
not, and none gets data."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from access_meshes import READERS
from gateway_http import Served, served
from http_meshes import QUERIERS, http_mesh

ADA = "person:ada@shop.example"
SALES = "/shop/sales/sales/data"
SECRETS = ("person1@", "kosher", "+1-212", "1980-06")
NASTY = [
    "' OR '1'='1",
    "1; DROP TABLE x; --",
    "(SELECT email FROM read_parquet('**/*.parquet'))",
    "id) FROM read_csv('/etc/passwd') --",
    "id UNION ALL SELECT 1",
    '"',
    "'",
    "`id`",
    "id/**/,email",
    "*",
    "../../../../etc/passwd",
    "\u0000",
    "id\u0000",
    "😀" * 50,
    "\ud7ff\ufffe",
    "%s%n{0}${jndi:ldap://x}",
    "getenv('HOME')",
    "current_setting('secret_directory')",
    "x" * 9_000,
    "((((" * 500,
    "-1",
    "1e400",
    "NaN",
    "\r\nSet-Cookie: a=b",
]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(http_mesh(tmp_path_factory.mktemp("hostile"), READERS + QUERIERS)) as found:
        found.gateway.limiter._requests._most = 1e9
        yield found


def check(mesh: Served, answer: object) -> None:
    """No data of persons, path of this machine, or failure of the gateway is in ``answer``."""
    text, status = answer.text, answer.status_code  # type: ignore[attr-defined]
    assert status < 500 or status == 503, text
    for secret in SECRETS:
        assert secret not in text
    assert str(mesh.gateway.settings.root) not in text
    assert "site-packages" not in text
    assert mesh.token(ADA) not in text
    assert "Set-Cookie" not in answer.headers  # type: ignore[attr-defined]
    if status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"  # type: ignore[attr-defined]
        body = answer.json()  # type: ignore[attr-defined]
        assert set(body) - {"fix"} == {"type", "title", "status", "detail"}
        assert body["status"] == status
        assert "Traceback" not in text


@pytest.mark.parametrize(
    "name",
    [
        *("columns", "where", "order", "limit", "offset"),
        *("format", "compression", "version", "as_of", "purpose"),
    ],
)
def test_every_parameter_of_data_takes_any_text(mesh: Served, name: str) -> None:
    client = mesh.client(ADA)
    for text in NASTY:
        answer = client.get(SALES, params={name: text})
        check(mesh, answer)
        if answer.status_code == 200:
            assert all(row["email"] is None for row in answer.json())


@pytest.mark.parametrize("name", ["as", "version", "as_of", "domain", "limit", "cursor"])
def test_every_parameter_of_products_takes_any_text(mesh: Served, name: str) -> None:
    client = mesh.client(ADA)
    for text in NASTY:
        check(mesh, client.get("/-/products", params={name: text}))
        check(mesh, client.get("/shop/sales", params={name: text}))


def test_every_part_of_a_path_takes_any_text(mesh: Served) -> None:
    client = mesh.client(ADA)
    for text in NASTY:
        part = quote(text[:2000], safe="")
        for path in (
            f"/{part}/sales",
            f"/shop/{part}",
            f"/shop/sales/{part}",
            f"/shop/{part}/data",
        ):
            answer = client.get(path)
            check(mesh, answer)
            assert answer.status_code >= 400
        check(mesh, client.post(f"/-/requests/{part}/approve", json={}))
        check(mesh, client.post(f"/-/grants/{part}/revoke", json={"reason": "x"}))


@pytest.mark.parametrize(
    "header",
    [
        *("Accept", "Accept-Encoding", "If-None-Match", "If-Range", "Range", "Mesh-Purpose"),
        *("Authorization", "Content-Type", "Cookie", "X-Forwarded-For", "Host"),
    ],
)
def test_every_header_takes_any_text(mesh: Served, header: str) -> None:
    client = mesh.client(ADA)
    for text in NASTY:
        value = text.encode().replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")[:4000]
        for path in (SALES, f"{SALES}?format=parquet", "/shop/sales"):
            if header == "Host" and not value.isascii():
                continue
            answer = client.get(path, headers={header: value.strip()})
            if "parquet" in path and answer.is_success:
                continue
            mesh.gateway.limiter._failures._left.clear()
            check(mesh, answer)


@pytest.mark.parametrize(
    "sql",
    [
        *NASTY,
        "SELECT * FROM read_parquet('**/*.parquet')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "SET memory_limit='1TB'",
        "PRAGMA database_list",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM shop.secret",
        "SELECT email FROM shop.sales WHERE email LIKE 'person1@%'",
        "SELECT getenv('HOME')",
    ],
)
def test_sql_and_its_body_take_any_text(mesh: Served, sql: str) -> None:
    client = mesh.client(ADA)
    answers = [
        client.post("/query", content=sql.encode("utf-8", "replace")),
        client.post("/query", json={"sql": sql}),
        client.post(
            "/query",
            json={"sql": "SELECT id FROM shop.sales WHERE origin = ?", "parameters": [sql]},
        ),
    ]
    for answer in answers:
        check(mesh, answer)
        if answer.status_code == 200:
            assert "JFK" not in answer.text
            assert answer.json() in ([], [{"email": None}]) or "email" not in answer.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/sql"),
        (b"\xff\xfe", "application/sql"),
        (b"{", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"null", "application/json"),
        (b'{"sql": 1}', "application/json"),
        (b'{"sql": "SELECT 1", "more": 1}', "application/json"),
        (b'{"sql": "SELECT ?", "parameters": [[1]]}', "application/json"),
        (b'{"sql": "SELECT ?", "parameters": []}', "application/json"),
        (b'{"sql": "SELECT ?", "parameters": [1e999]}', "application/json"),
        (b'{"sql": "\\ud800"}', "application/json"),
        (b"a=b", "application/x-www-form-urlencoded"),
        (b"--x", "multipart/form-data; boundary=x"),
    ],
)
def test_bodies_that_are_no_question(mesh: Served, body: bytes, kind: str) -> None:
    answer = mesh.client(ADA).post("/query", content=body, headers={"Content-Type": kind})
    check(mesh, answer)
    assert answer.status_code in (200, 400, 413)
    asked = mesh.client(ADA).post("/-/requests", content=body, headers={"Content-Type": kind})
    check(mesh, asked)
    assert asked.status_code == 400


def test_paths_reach_no_file(mesh: Served) -> None:
    for path in (
        "/../../etc/passwd",
        "/shop/../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/shop/%2e%2e%2f%2e%2e%2fmesh.yaml",
        "/shop/sales/..%2fcontract.yaml",
        "//etc/passwd",
        "/shop/sales/sales/data/../../../../mesh.yaml",
        "/shop%00/sales",
        "/shop\\sales",
        "/.mesh/gateway/admin.token",
        "/shop/sales%0a",
        "/SHOP/sales",
        "/shop/sales/",
    ):
        lines = (f"GET {path} HTTP/1.1", "Host: localhost", "Connection: close", "", "")
        answer = raw(mesh, "\r\n".join(lines).encode())
        assert b"root:" not in answer
        assert b"services:" not in answer
        assert not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.1 5")), (path, answer[:200])


def raw(mesh: Served, request: bytes) -> bytes:
    """What comes back for these bytes until the gateway closes, or says nothing for a second."""
    where = urlsplit(mesh.base)
    got = b""
    with socket.create_connection((where.hostname, where.port), timeout=1) as client:
        client.sendall(request)
        try:
            while chunk := client.recv(65_536):
                got += chunk
        except TimeoutError:
            pass
    return got


@pytest.mark.parametrize(
    "request_bytes",
    [
        (
            b"GET /shop/odd HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            b"GET /shop/sales HTTP/1.1\r\nHost: localhost\r\n\r\n"
        ),
        (
            b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
            b"Content-Length: 6\r\n\r\nabcdef"
        ),
        b"POST /query HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET /shop/odd HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /shop/odd HTTP/1.1\r\n\r\n\r\nGARBAGE",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /shop/odd\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET " + b"/a" * 40_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_requests_that_are_none_break_nothing(mesh: Served, request_bytes: bytes) -> None:
    answer = raw(mesh, request_bytes)
    assert b"HTTP/1.1 5" not in answer
    for secret in SECRETS:
        assert secret.encode() not in answer
    assert mesh.client(ADA).get("/shop/odd").status_code == 200


def test_hidden_and_absent_products_answer_alike_everywhere(mesh: Served) -> None:
    for who in (None, ADA):
        client = mesh.client(who)
        for path in (
            "",
            "/data",
            "/secret",
            "/secret/data",
            "/secret/data?format=parquet",
            "?version=0",
            "?as=odcs",
            "/secret?version=7",
            "/receipts",
            "/usage",
        ):
            hidden, absent = (
                client.get(f"/shop/secret{path}"),
                client.get(f"/shop/absent{path.replace('secret', 'absent')}"),
            )
            assert hidden.text.replace("secret", "absent") == absent.text, path
            assert hidden.status_code == absent.status_code
        for body in ("SELECT * FROM shop.secret", "SELECT id FROM shop.secret.secret"):
            found = [
                client.post("/query", content=body.replace("secret", name))
                for name in ("secret", "absent")
            ]
            assert found[0].text.replace("secret", "absent") == found[1].text
        for name in ("secret", "absent"):
            assert client.post(f"/shop/{name}/connect", json={}).status_code in (401, 404)


def test_files_of_the_mesh_are_served_nowhere(mesh: Served, tmp_path: Path) -> None:
    del tmp_path
    client = mesh.client("admin")
    for path in ("/mesh.yaml", "/principals.yaml", "/domains/shop/access.cedar", "/-/nope"):
        assert client.get(path).status_code in (400, 404)
