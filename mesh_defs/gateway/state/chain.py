"""How receipts hang together: each is signed with what it follows, under a key of the gateway.

``hash`` of a receipt is HMAC-SHA256 (RFC 2104) of its number, the hash before it and its body, so
that nobody without the key can change, remove, insert or swap one. Where the chain ends, the head,
is signed as well.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError, StorageFailed
from mesh_defs.private_files import make_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.gateway.state.place import Place

START = "0" * 64
KEY_FILE = "audit.key"
SHORTEST_KEY = 16  # bytes
_KEY_BYTES = 32
_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: the last receipt's number (0 before the first) and hash."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"


EMPTY = Head(0, START)


@dataclass(frozen=True, slots=True)
class Key:
    """The key of receipts. It signs; it is never shown."""

    secret: bytes

    def __repr__(self) -> str:
        return "Key(***)"

    def sign(self, seq: int, previous: str, body: str) -> str:
        """The hash of the receipt number ``seq``, 64 hex digits."""
        return hmac.digest(self.secret, f"{seq}.{previous}.{body}".encode(), "sha256").hex()

    def mac(self, head: Head) -> str:
        """The signature of a head. It is none of a receipt: their texts begin with a number."""
        return hmac.digest(self.secret, f"head.{head}".encode(), "sha256").hex()

    @property
    def name(self) -> str:
        """What tells this key from another, and nothing else of it."""
        return hmac.digest(self.secret, b"name", "sha256").hex()[:16]


def same(found: object, signed: str) -> bool:
    """Whether ``found``, which anybody may have written, is ``signed``."""
    return isinstance(found, str) and hmac.compare_digest(found.encode(), signed.encode())


def read_head(text: str) -> Head:
    """The head that ``text`` (``<seq>:<hash>``) tells. Raises `ValueError`."""
    number, colon, digits = text.strip().partition(":")
    if not colon or not number.isdecimal() or len(digits) != _DIGITS:
        raise ValueError("not of the form <number>:<64 hex digits>")
    int(digits, 16)
    return Head(int(number), digits.lower())


def load_key(place: Place, *, make: bool) -> Key:
    """The key that the profile names, or that of the file beside the database, which is made where
    ``make`` allows. Raises `MeshError` when there is none or it is too short, `StorageFailed`."""
    if place.audit_key is not None:
        if len(place.audit_key) < SHORTEST_KEY:
            raise MeshError(
                f"the audit_key {place.audit_variable} is shorter than {SHORTEST_KEY} bytes; set "
                "it to a random text (openssl rand -hex 32), the same for each gateway of this mesh"
            )
        return Key(place.audit_key)
    file = place.folder / KEY_FILE
    try:
        if not file.exists():
            if not make:
                raise MeshError(
                    f"the key of the receipts, '{file}', is gone. Fix: put it back from a backup, "
                    "or name the key as gateway.audit_key of the profile"
                )
            _make(file)
        content = file.read_bytes().strip()
    except OSError as error:
        raise StorageFailed(f"'{file}' cannot be used: {error.strerror or error}") from None
    if len(content) < SHORTEST_KEY:
        raise MeshError(f"'{file}' is no key of receipts. Fix: put it back from a backup")
    return Key(content)


def _make(file: Path) -> None:
    """A new key, complete when its name appears; one that another process makes meanwhile stays."""
    make_private(file.parent)
    fresh = file.with_name(f"{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        write_private(fresh, secrets.token_hex(_KEY_BYTES).encode())
        try:
            os.link(fresh, file)
        except FileExistsError:
            return
    finally:
        fresh.unlink(missing_ok=True)
