"""URLs of files that need no login: whoever has one reads that file, for a while.

A URL is a path alone, without a query, so that every Parquet reader takes it as it is::

    /-/files/<reading>/<expires>-<signature>/<file>.parquet

``signature`` is HMAC-SHA256 (RFC 2104) of what was read, by whom and until when. What of it is not
in the URL, principal and credential, stays with the gateway, which asks at every request whether
they are still good: a URL is bound to its caller in that it ends with the caller's access.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError, StorageFailed
from mesh_defs.gateway.state.place import FOLDER
from mesh_defs.private_files import make_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.settings import Settings

PREFIX = "/-/files"
SUFFIX = ".parquet"
KEY_FILE = "sign.key"
SHORTEST_KEY = 16  # bytes
_KEY_BYTES = 32
_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Claim:
    """What a URL is good for: one file of one reading (by the id of its receipt) of one version,
    for who began it, until ``expires`` (seconds since 1970)."""

    reading: str
    file: str
    version: int
    principal: str
    credential: str
    expires: int


@dataclass(frozen=True, slots=True)
class SignKey:
    """The key of signed URLs. It signs; it is never shown."""

    secret: bytes = field(repr=False)

    def sign(self, claim: Claim) -> str:
        """The signature of ``claim``, 64 hex digits."""
        who = (claim.principal, claim.credential)
        return self._mac("url", claim.reading, claim.file, claim.version, *who, claim.expires)

    def path(self, claim: Claim) -> str:
        """The URL of ``claim``, without scheme and host."""
        proof = f"{claim.expires}-{self.sign(claim)}"
        return f"{PREFIX}/{claim.reading}/{proof}/{claim.file}{SUFFIX}"

    def fits(self, claim: Claim, signature: str) -> bool:
        """Whether ``signature`` is that of ``claim``; the time it takes tells nothing of it."""
        return hmac.compare_digest(self.sign(claim).encode(), signature.encode())

    def file_id(self, *parts: str) -> str:
        """A name for a file, which tells nothing of ``parts`` and is the same for the same ones."""
        return self._mac("file", *parts)[:_ID_DIGITS]

    def _mac(self, *parts: str | int) -> str:
        return hmac.digest(self.secret, json.dumps(parts).encode(), "sha256").hex()


def load_sign_key(settings: Settings) -> SignKey:
    """The key that the profile names, or that of ``.mesh/gateway/sign.key`` (mode 0600), which is
    made when it is not there. Raises `MeshError` when it is too short, `StorageFailed`."""
    variable = settings.profile.gateway.sign_key
    if variable is not None:
        key = str(settings.resolved({"key": variable})["key"]).encode()
        return _checked(
            key,
            f"the sign_key {variable} is shorter than {SHORTEST_KEY} bytes; set it to a random "
            "text (openssl rand -hex 32)",
        )
    file = settings.state / FOLDER / KEY_FILE
    try:
        if not file.exists():
            _make(file)
        content = file.read_bytes().strip()
    except OSError as error:
        raise StorageFailed(f"'{file}' cannot be used: {error.strerror or error}") from None
    return _checked(content, f"'{file}' holds no key. Fix: remove it; the gateway makes a new one")


def _checked(key: bytes, otherwise: str) -> SignKey:
    if len(key) < SHORTEST_KEY:
        raise MeshError(otherwise)
    return SignKey(key)


def _make(file: Path) -> None:
    """A new key, complete when its name appears; one another process makes meanwhile stays."""
    make_private(file.parent)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        write_private(fresh, secrets.token_hex(_KEY_BYTES).encode())
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(fresh)
    finally:
        fresh.unlink(missing_ok=True)
