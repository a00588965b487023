"""A gateway answers for its own names alone: a page of another site that has its own name lead here
(DNS rebinding) is told nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from access_meshes import sales_mesh
from gateway_http import Served, served
from hypothesis import given
from hypothesis import strategies as st
from meshes import MESH_YAML

from mesh_defs.gateway.errors import Misdirected
from mesh_defs.gateway.http.hosts import Hosts
from mesh_defs.gateway_profile import GatewayProfile, Tls

PATHS = ["/", "/-/health", "/-/find", "/-/products", "/shop/sales", "/nothing/there", "/sharing/x"]
OWN = ["127.0.0.1", "localhost", "LOCALHOST:80", "localhost.:8080", "[::1]:99", "192.0.2.7:8080"]
FOREIGN = [
    "evil.com",
    "evil.com:8080",
    "localhost.evil.com",
    "127.0.0.1.evil.com",
    "evil.com.",
    "[evil.com]",
    "a@localhost@evil.com",
    "mesh.internal.evil.com",
    "evil.mesh.internal",
    "",
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = sales_mesh(tmp_path_factory.mktemp("hosts"))
    profile = yaml.safe_load(MESH_YAML)
    profile["profiles"]["local"]["gateway"] = {"hosts": "mesh.internal"}
    (root / "mesh.yaml").write_text(yaml.safe_dump(profile))
    with served(root) as found:
        yield found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.com", "localhost.evil.com:8080"])
def test_what_is_for_another_host_is_not_answered(place: Served, path: str, host: str) -> None:
    for accept in ("text/html", "application/json"):
        answer = place.client("admin", Accept=accept).get(path, headers={"Host": host})
        assert answer.status_code == 421
        told = answer.json()
        assert host in told["detail"]
        assert "'hosts:'" in told["fix"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
    posted = place.client("admin").post("/query", content=b"x", headers={"Host": host})
    assert posted.status_code == 421


@pytest.mark.parametrize("host", [*OWN, "mesh.internal", "Mesh.Internal:443"])
def test_what_is_for_one_of_its_names_is_answered(place: Served, host: str) -> None:
    answer = place.client(None).get("/-/health", headers={"Host": host})
    assert answer.status_code == 200


def test_of_several_hosts_all_are_looked_at(place: Served) -> None:
    where = urlsplit(place.base)
    with socket.create_connection((where.hostname, where.port), timeout=30) as client:
        lines = ("GET /-/health HTTP/1.1", "Host: localhost", "Host: evil.com", "Connection: close")
        client.sendall("\r\n".join((*lines, "", "")).encode())
        answer = client.recv(65_536)
    assert answer.startswith((b"HTTP/1.1 421", b"HTTP/1.1 400"))


def let_through(hosts: Hosts, *named: str) -> bool:
    scope = {"type": "http", "headers": [(b"host", each.encode()) for each in named]}
    try:
        hosts.check(scope)
    except Misdirected:
        return False
    return True


@pytest.mark.parametrize("host", FOREIGN)
def test_names_that_look_like_its_own_are_others(host: str) -> None:
    profile = GatewayProfile(hosts=["mesh.internal"])
    assert not let_through(Hosts(profile, "http://127.0.0.1:8080"), host)


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}(\.[a-z0-9-]{1,9}){0,3}\.[a-z]{2,5}", fullmatch=True))
def test_no_name_of_others_is_answered_for(name: str) -> None:
    hosts = Hosts(GatewayProfile(), "http://127.0.0.1:8080")
    assert not let_through(hosts, name)
    assert not let_through(hosts, "localhost", name)
    assert let_through(Hosts(GatewayProfile(hosts=[name]), "http://127.0.0.1:8080"), name)


def test_behind_a_proxy_the_public_name_and_those_that_are_listed() -> None:
    url = "https://mesh.example"
    proxied = GatewayProfile(behind_proxy=True, url=url, hosts=["gateway"])
    hosts = Hosts(proxied, url)
    for host in ("mesh.example", "gateway:8080", "10.1.2.3:8080", "localhost"):
        assert let_through(hosts, host)
    assert not let_through(hosts, "evil.com")
    # What the proxy calls it, nobody has said.
    assert let_through(Hosts(GatewayProfile(behind_proxy=True), "http://0.0.0.0:8080"), "gateway")


def test_any_host_where_the_profile_says_so_or_a_certificate_does() -> None:
    assert let_through(Hosts(GatewayProfile(hosts=["*"]), "http://127.0.0.1:8080"), "evil.com")
    tls = GatewayProfile(tls=Tls(certificate="a.pem", key="b.pem"))
    assert let_through(Hosts(tls, "https://127.0.0.1:8080"), "mesh.example")


def test_without_the_header_no_browser_asks(place: Served) -> None:
    where = urlsplit(place.base)
    with socket.create_connection((where.hostname, where.port), timeout=30) as client:
        client.sendall(b"GET /-/health HTTP/1.0\r\n\r\n")
        assert client.recv(65_536).startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))


def test_a_profile_may_list_one_name_or_several(tmp_path: Path) -> None:
    from meshes import write

    from mesh_defs.settings import load_settings

    for listed, wanted in (("one", ["one"]), ("[one, two]", ["one", "two"]), ("'*'", ["*"])):
        body = f"name: x\nprofiles:\n  local:\n    gateway: {{hosts: {listed}}}\n"
        settings = load_settings(write(tmp_path, {"mesh.yaml": body}))
        assert settings.profile.gateway.hosts == wanted
