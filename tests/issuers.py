"""A real OpenID Connect issuer on loopback, for tests: discovery, keys, signed tokens."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms
from meshes import write

from mesh_defs.gateway.identity.authenticate import Authenticator
from mesh_defs.settings import load_settings

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/keys"
AUDIENCE = "mesh-gateway"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

Answer = tuple[int, Mapping[str, str], bytes]
Key = Any  # a private key of any kind


def rsa_key(number: int = 0, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key; the same for the same ``number``."""
    return _rsa_key(number, bits)


@cache
def _rsa_key(number: int, bits: int) -> rsa.RSAPrivateKey:
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key(curve: type[ec.EllipticCurve] = ec.SECP256R1) -> ec.EllipticCurvePrivateKey:
    return _ec_key(curve)


@cache
def _ec_key(curve: type[ec.EllipticCurve]) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve())


@cache
def ed_key() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: Key, algorithm: str, **more: object) -> dict[str, Any]:
    """The public part of ``key`` as a JSON Web Key."""
    public = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    return {**public, "use": "sig", **more}


def segment(value: object) -> str:
    """A part of a token: ``value`` as JSON, or bytes as they are."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims(issuer: str, **more: object) -> dict[str, object]:
    """The claims of a sound token at `NOW`; those that are None are left out."""
    at = int(NOW.timestamp())
    sound = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": "u-17",
        "email": "ada@shop.example",
        "email_verified": True,
        "iat": at - 10,
        "exp": at + 300,
    }
    return {name: value for name, value in {**sound, **more}.items() if value is not None}


@dataclass
class Issuer:
    """What the server answers with; tests change it while it runs. ``asked`` counts paths."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Callable[[], Answer]] = field(default_factory=dict)

    def answer(self, path: str) -> Answer:
        self.asked[path] += 1
        if path in self.answers:
            return self.answers[path]()
        if path == DISCOVERY:
            told = {"issuer": self.url, "jwks_uri": self.url + JWKS, **self.discovery}
            return 200, {}, json.dumps(told).encode()
        if path == JWKS:
            return 200, self.headers, json.dumps({"keys": self.keys}).encode()
        return 404, {}, b"{}"

    def token(
        self,
        key: Key | None = None,
        algorithm: str = "RS256",
        header: Mapping[str, object] | None = None,
        **more: object,
    ) -> str:
        """A signed token of this issuer; ``more`` are claims that differ from the sound ones."""
        headers = {"kid": "one", **(header or {})}
        return jwt.encode(
            claims(self.url, **more),
            key if key is not None else rsa_key(),
            algorithm,
            headers={name: value for name, value in headers.items() if value is not None},
        )


@contextmanager
def issuing(keys: list[dict[str, Any]] | None = None) -> Iterator[Issuer]:
    """An issuer that runs; by default it has one RSA key, ``one``."""
    issuer = Issuer(keys=keys if keys is not None else [jwk(rsa_key(), "RS256", kid="one")])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = issuer.answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    issuer.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class NoTokens:
    """A store in which nobody ever put a token."""

    def find(self, secret: str) -> None:
        del secret


def gateway_mesh(
    root: Path, *issuers: Mapping[str, object], principals: str = "", **more: object
) -> Path:
    """A mesh whose profile believes ``issuers``; ``more`` are other keys of its gateway."""
    gateway = {"identity": {"issuers": [dict(one) for one in issuers]}, **more}
    text = yaml.safe_dump({"name": "test", "profiles": {"local": {"gateway": gateway}}})
    files = {"mesh.yaml": text} | ({"principals.yaml": principals} if principals else {})
    return write(root, files)


def believed(issuer: Issuer, **more: object) -> dict[str, object]:
    """An entry of ``issuers``."""
    return {"issuer": issuer.url, "audience": AUDIENCE, **more}


def authenticator(
    root: Path,
    *issuers: Mapping[str, object],
    clock: Callable[[], float] = time.monotonic,
    **more: Any,
) -> Authenticator:
    """One that believes ``issuers`` and has no tokens of its own."""
    settings = load_settings(gateway_mesh(root, *issuers, **more))
    return Authenticator(settings, NoTokens(), clock)
