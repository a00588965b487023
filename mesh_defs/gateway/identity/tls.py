"""The server's certificate and key, checked before anything is served with them."""

from __future__ import annotations

import ssl
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mesh_defs.errors import InvalidMesh
from mesh_defs.gateway_faults import gateway_path

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.x509 import Certificate

    from mesh_defs.faults import Fault
    from mesh_defs.gateway_profile import Tls
    from mesh_defs.settings import Settings

WARN_DAYS = 14
_MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class ServerTls:
    """A certificate chain and its key, which fit: as files for HTTP, as PEM for Flight. ``ends`` is
    when the certificate does; ``warnings`` is what should be mended soon."""

    certificate_file: Path
    key_file: Path
    certificate: bytes
    key: bytes = field(repr=False)
    ends: datetime
    warnings: tuple[str, ...]


def check_start(settings: Settings, now: datetime | None = None) -> ServerTls | None:
    """What the profile's gateway is served with; None without TLS. Raises `InvalidMesh` with every
    reason why it cannot be served as it is declared, at ``now`` (aware; default: the clock's)."""
    settings.check_gateway()
    declared = settings.profile.gateway.tls
    if declared is None:
        return None
    return _Check(settings, declared, now if now is not None else datetime.now(UTC)).result()


class _Check:
    def __init__(self, settings: Settings, declared: Tls, now: datetime) -> None:
        self.settings = settings
        self.now = now
        self.faults: list[Fault] = []
        self.certificate_file = settings.path(declared.certificate)
        self.key_file = settings.path(declared.key)

    def result(self) -> ServerTls:
        certificate = self._read("certificate", self.certificate_file)
        key = self._read("key", self.key_file)
        leaf = self._leaf(certificate) if certificate is not None else None
        public = self._public(key) if key is not None else None
        if leaf is not None and public is not None and _spki(leaf.public_key()) != public:
            fix = "name the key that the certificate was made for"
            self._fault("key", "the key of another certificate", "the certificate's key", fix)
        elif leaf is not None and public is not None:
            self._loads()
        if leaf is None or certificate is None or key is None or self.faults:
            raise InvalidMesh(self.faults)
        ends = leaf.not_valid_after_utc
        warnings = tuple(self._warnings(ends))
        return ServerTls(self.certificate_file, self.key_file, certificate, key, ends, warnings)

    def _fault(self, key: str, found: str, allowed: str, fix: str) -> None:
        path = (*gateway_path(self.settings.profile_name), "tls", key)
        fault = self.settings.document.fault(path, found=found, allowed=allowed, fix=fix)
        self.faults.append(fault)

    def _read(self, key: str, file: Path) -> bytes | None:
        try:
            with file.open("rb") as opened:
                return opened.read(_MOST_BYTES)
        except OSError as error:
            found = f"'{file}', which cannot be read ({error.strerror or error})"
            self._fault(key, found, "a readable PEM file", "write the path of the file")
            return None

    def _leaf(self, pem: bytes) -> Certificate | None:
        from cryptography.x509 import load_pem_x509_certificates

        try:
            leaf = load_pem_x509_certificates(pem)[0]
        except ValueError:
            found = f"'{self.certificate_file}', which holds no certificate that can be read"
            fix = "write it as -----BEGIN CERTIFICATE-----, the server's own first"
            self._fault("certificate", found, "a PEM certificate", fix)
            return None
        begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        if not begins <= self.now < ends:
            found = f"a certificate that is good from {begins:%Y-%m-%d} to {ends:%Y-%m-%d} alone"
            self._fault("certificate", found, "one that is good today", "get a new certificate")
        return leaf

    def _public(self, pem: bytes) -> bytes | None:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            return _spki(load_pem_private_key(pem, password=None).public_key())
        except TypeError:
            found, fix = "a key with a password", "write it without one, readable to you alone"
        except (ValueError, UnsupportedAlgorithm):
            found, fix = "what is no private key", "write it as -----BEGIN PRIVATE KEY-----"
        self._fault("key", f"'{self.key_file}', {found}", "a PEM private key", fix)
        return None

    def _loads(self) -> None:
        """What serves may ask more than we do, such as the length of the key."""
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                self.certificate_file, self.key_file
            )
        except (ssl.SSLError, OSError) as error:
            found = f"a certificate that cannot be served with ({error.strerror or error})"
            self._fault("certificate", found, "one that OpenSSL accepts", "get a new certificate")

    def _warnings(self, ends: datetime) -> list[str]:
        found = []
        if ends - self.now < timedelta(days=WARN_DAYS):
            found.append(
                f"the certificate '{self.certificate_file}' ends on {ends:%Y-%m-%d %H:%M}Z"
            )
        if stat.S_IMODE(self.key_file.stat().st_mode) & 0o007:
            found.append(f"the key '{self.key_file}' is open to every user of this machine")
        return found


def _spki(key: object) -> bytes:
    """A public key in its one form, to compare."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    encode = getattr(key, "public_bytes")  # noqa: B009  every kind of key has it
    encoded = encode(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return bytes(encoded)
