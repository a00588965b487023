"""Certificate and key are checked before the gateway serves anything with them."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID
from issuers import NOW, ec_key, gateway_mesh, rsa_key

from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault
from mesh_defs.gateway.identity.tls import ServerTls, check_start
from mesh_defs.settings import load_settings

TLS = {"certificate": "tls/server.pem", "key": "tls/server.key"}


def certificate(key: Any, days: float = 90, begins: float = -1) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(17)
        .not_valid_before(NOW + timedelta(days=begins))
        .not_valid_after(NOW + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def pem(key: Any, password: bytes | None = None) -> bytes:
    how = serialization.BestAvailableEncryption(password) if password else None
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        how or serialization.NoEncryption(),
    )


def checked(root: Path, certificate: bytes | None, key: bytes | None) -> ServerTls | None:
    gateway_mesh(root, tls=TLS, host="0.0.0.0")
    (root / "tls").mkdir(exist_ok=True)
    for name, content in zip(TLS.values(), (certificate, key), strict=True):
        if content is not None:
            (root / name).write_bytes(content)
            (root / name).chmod(0o600)
    return check_start(load_settings(root), NOW)


def faults(root: Path, certificate: bytes | None, key: bytes | None) -> tuple[Fault, ...]:
    with pytest.raises(InvalidMesh) as told:
        checked(root, certificate, key)
    assert all(fault.file == "mesh.yaml" and fault.line > 1 for fault in told.value.faults)
    return told.value.faults


@pytest.mark.parametrize("key", [rsa_key(), ec_key()])
def test_a_pair_that_fits(tmp_path: Path, key: Any) -> None:
    chain = certificate(key) + certificate(rsa_key(1))
    found = checked(tmp_path, chain, pem(key))
    assert found is not None
    assert (found.certificate, found.key) == (chain, pem(key))
    assert (found.ends, found.warnings) == (NOW + timedelta(days=90), ())
    assert "PRIVATE" not in repr(found)


def test_without_tls_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert check_start(load_settings(gateway_mesh(tmp_path)), NOW) is None


def test_a_certificate_that_ends_soon_is_told(tmp_path: Path) -> None:
    assert checked(tmp_path, certificate(ec_key(), 14), pem(ec_key())).warnings == ()  # type: ignore[union-attr]
    found = checked(tmp_path, certificate(ec_key(), 13.9), pem(ec_key()))
    assert found is not None
    assert "ends on 2026-12-05" in found.warnings[0]


def test_a_key_that_all_can_read_is_told(tmp_path: Path) -> None:
    checked(tmp_path, certificate(ec_key()), pem(ec_key()))
    (tmp_path / TLS["key"]).chmod(0o644)
    found = check_start(load_settings(tmp_path), NOW)
    assert found is not None
    assert "open to every user" in found.warnings[0]


@pytest.mark.parametrize(
    ("certificate", "key", "words"),
    [
        (None, pem(ec_key()), "certificate: found .* cannot be read"),
        (b"", pem(ec_key()), "certificate: found .* holds no certificate"),
        (b"text", pem(ec_key()), "certificate: found .* holds no certificate"),
        (pem(ec_key()), pem(ec_key()), "certificate: found .* holds no certificate"),
        (certificate(ec_key(), -0.5), pem(ec_key()), "certificate: found .* alone; .*good today"),
        (certificate(ec_key(), 5, 1), pem(ec_key()), "certificate: found .* alone; .*good today"),
        (certificate(ec_key()), None, "key: found .* cannot be read"),
        (certificate(ec_key()), b"text", "key: found .* what is no private key"),
        (certificate(ec_key()), certificate(ec_key()), "key: found .* what is no private key"),
        (certificate(ec_key()), pem(ec_key(), b"pw"), "key: found .* a key with a password"),
        (certificate(ec_key()), pem(rsa_key()), "key: found the key of another certificate"),
        (certificate(rsa_key()), pem(rsa_key(1)), "key: found the key of another certificate"),
        (
            certificate(rsa_key()) + certificate(ec_key()),  # the wrong one first
            pem(ec_key()),
            "key: found the key of another certificate",
        ),
        (certificate(rsa_key(3, 1024)), pem(rsa_key(3, 1024)), "certificate: found .* too small"),
    ],
)
def test_files_that_are_refused(
    tmp_path: Path, certificate: bytes | None, key: bytes | None, words: str
) -> None:
    (fault,) = faults(tmp_path, certificate, key)
    assert re.search(rf"profiles\.local\.gateway\.tls\.{words}", str(fault)), fault


def test_all_faults_at_once(tmp_path: Path) -> None:
    assert len(faults(tmp_path, certificate(ec_key(), -0.5), b"text")) == 2


def test_the_pair_serves_a_real_connection(tmp_path: Path) -> None:
    found = checked(tmp_path, certificate(ec_key(), 10_000), pem(ec_key()))
    assert found is not None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(found.certificate_file, found.key_file)
    trusting = ssl.create_default_context(cadata=found.certificate.decode())
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with context.wrap_socket(server.accept()[0], server_side=True) as connection:
                connection.sendall(b"hello")

        thread = threading.Thread(target=serve)
        thread.start()
        plain = socket.create_connection(server.getsockname())
        with trusting.wrap_socket(plain, server_hostname="localhost") as client:
            assert client.recv(5) == b"hello"
        thread.join()
