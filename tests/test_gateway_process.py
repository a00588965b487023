"""A real ``mesh serve``: encrypted, killed in the middle, told to stop, refused where need be."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from email.message import Message
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from access_meshes import READERS, sales_mesh
from commands import mesh as command
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from gateway_process import Running, gateway, token
from issuers import ec_key
from meshes import write

import mesh_defs as mesh
from mesh_defs.gateway.serve import _listening
from mesh_defs.gateway.state.database import open_state
from mesh_defs.settings import load_settings

ADA = "person:ada@shop.example"
QUERY = 'permit (principal in Role::"reader", action, resource == Port::"shop/sales/sales");'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sales_mesh(tmp_path, READERS + QUERY)


def add(root: Path, text: str) -> None:
    """Add ``text`` to the profile of the mesh."""
    file = root / "mesh.yaml"
    before = file.read_text()
    assert "  local:\n" in before
    file.write_text(before.replace("  local:\n", f"  local:\n    gateway: {text}\n", 1))


def certified(root: Path) -> Path:
    """A certificate that signs itself, and its key, in the profile."""
    key = ec_key()
    now = datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write(root, {"tls/cert.pem": "", "tls/key.pem": ""})
    (root / "tls/cert.pem").write_bytes(made.public_bytes(encoding))
    (root / "tls/key.pem").write_bytes(private)
    (root / "tls/key.pem").chmod(0o600)
    add(root, "{tls: {certificate: tls/cert.pem, key: tls/key.pem}}")
    return root / "tls/cert.pem"


def answer(running: Running, path: str, secret: str) -> tuple[Message, bytes]:
    request = urllib.request.Request(
        f"{running.url}{path}", headers={"Authorization": f"Bearer {secret}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as response:
        return response.headers, response.read()


def events(root: Path) -> list[dict[str, Any]]:
    with open_state(load_settings(root)) as state:
        assert state.receipts.verify().problems == ()
        return [each.body for each in reversed(state.receipts.listed(most=100_000))]


def test_http_and_flight_are_encrypted_with_the_profile_s_certificate(root: Path) -> None:
    certificate = str(certified(root))
    secret = token(root, ADA)
    with gateway(root) as running:
        assert running.url.startswith("https://")
        assert running.flight.startswith("grpc+tls://")
        with mesh.connect(running.url, token=secret, certificate=certificate) as found:
            assert found.protocol == "flight"
            assert found.open("mesh://shop/sales").arrow().num_rows == 12
        with mesh.connect(
            running.url, token=secret, certificate=certificate, flight=False
        ) as found:
            assert found.open("mesh://shop/sales").arrow(["id"], "id < 3").num_rows == 3
        with pytest.raises(mesh.SourceUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            mesh.connect(running.url, token=secret)
        shown = command(root, "open", "mesh://shop/sales", "--for", "curl")
        assert shown.returncode == 0, shown.stderr
        assert running.url in shown.stdout
        assert running.stop() == 0


def test_no_receipt_of_a_completed_read_is_lost_when_it_is_killed(root: Path) -> None:
    secret = token(root, ADA)
    for _ in range(2):
        with gateway(root) as running:
            completed = killed_while_reading(running, secret)
        known = {body["receipt"] for body in events(root) if body["event"] == "completed"}
        assert set(completed) <= known


def killed_while_reading(running: Running, secret: str) -> list[str]:
    """The receipts of the reads that were completed when the gateway was killed."""
    completed: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                headers, body = answer(running, "/shop/sales/data?format=json", secret)
                assert len(json.loads(body)) == 12
                completed.append(headers["Mesh-Receipt"])

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while len(completed) < 20:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.kill()
    stop.set()
    for thread in threads:
        thread.join(60)
    return completed


def test_it_ends_when_it_is_told_to_and_nothing_is_left(root: Path) -> None:
    with gateway(root) as running:
        scratch = root / ".mesh/gateway/scratch"
        assert list(scratch.iterdir())
        assert (root / ".mesh/gateway/serving.json").exists()
        assert running.stop() == 0
        assert not list(scratch.iterdir())
        assert not (root / ".mesh/gateway/serving.json").exists()
    gone = command(root, "open", "mesh://shop/sales")
    assert gone.returncode == 3
    assert "no gateway of this mesh runs here. Fix: start it with: mesh serve" in gone.stderr


def test_what_one_that_was_killed_left_is_removed_by_the_next(root: Path) -> None:
    with gateway(root) as running:
        running.kill()
    left = list((root / ".mesh/gateway/scratch").iterdir())
    assert len(left) == 1
    with gateway(root):
        assert left[0] not in list((root / ".mesh/gateway/scratch").iterdir())


def test_the_network_is_not_served_without_encryption(root: Path) -> None:
    add(root, "{host: 0.0.0.0}")
    refused = command(root, "serve")
    assert refused.returncode == 1
    assert "tls" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_that_is_taken_is_one_clear_error(root: Path) -> None:
    with gateway(root) as running:
        port = running.url.rpartition(":")[2]
        taken = command(root, "serve", "--port", port)
        assert taken.returncode == 3
        assert f"port {port} of 127.0.0.1 cannot be listened on" in taken.stderr
        assert "Fix: choose another with --port" in taken.stderr


def test_the_admin_token_is_for_its_user_alone(root: Path) -> None:
    with gateway(root) as running:
        file = root / ".mesh/gateway/admin.token"
        assert file.stat().st_mode & 0o777 == 0o600
        secret = file.read_text().strip()
        _, body = answer(running, "/shop/sales", secret)
        assert json.loads(body)["url"] == "mesh://shop/sales"


@pytest.mark.parametrize("url", ["http://mesh.example", "ftp://localhost", "localhost:8080", ""])
def test_a_client_sends_its_token_nowhere_in_clear(url: str) -> None:
    with pytest.raises(mesh.MeshError, match=r"Fix: write https://"):
        mesh.connect(url, token="mesh_x")


def test_two_that_begin_at_once_take_two_ports() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        first = free.getsockname()[1]
    with (
        _listening("127.0.0.1", None, first) as one,
        _listening("127.0.0.1", None, first) as other,
    ):
        assert one.getsockname()[1] != other.getsockname()[1]
