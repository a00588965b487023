"""The ed25519 keys of attestations: the one that signs here, and those whose signatures are
believed.

The profile names the key (``attestation.key``); else one is made, once, in
``.mesh/keys/attestation.key`` (mode 0600). The public half of every key that signed here is kept as
``.mesh/keys/public/<id>.pem``, so that what an earlier key signed stays believed after another took
its place. Where the profile lists ``attestation.trusted``, these are believed and no other, not
even the one that signs: whoever may write ``.mesh/keys`` could put their own there. A key's id is
the SHA-256 of its public half (DER, RFC 8410), in hex.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.errors import InvalidMesh, MeshError, StorageFailed
from mesh_defs.faults import Fault
from mesh_defs.private_files import make_private, write_private
from mesh_defs.settings import FILE as MESH_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

    from mesh_defs.settings import Settings

FOLDER = "keys"
KEY_FILE = "attestation.key"
PUBLIC = "public"
_SEED_BYTES = 32
_NAME = re.compile(r"[0-9a-f]{64}\.pem")
_ALLOWED = "a PEM private key of ed25519, or its 32 bytes in base64"
_MAKE = "openssl genpkey -algorithm ed25519"
_PUBLIC_KEY = "a file with a public key of ed25519 (PEM)"
_COPY = "copy it from .mesh/keys/public of where versions are signed, or remove it from the list"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs; it is never shown."""

    keyid: str
    private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        """The signature (RFC 8032) of ``message``, 64 bytes."""
        return self.private.sign(message)


def key_variable(settings: Settings) -> str | None:
    """The environment variable that holds the key; None when none is declared."""
    declared = settings.profile.attestation.key
    return declared.removeprefix("${").removesuffix("}") if declared is not None else None


def signing_key(settings: Settings) -> SigningKey:
    """The key that versions are signed with; its public half is kept. Raises `MeshError` for a
    variable that is not set or holds no key, `StorageFailed`."""
    folder = settings.state / FOLDER
    try:
        private = _declared(settings)
        if private is None:
            private = _own(folder)
        return SigningKey(_keep_public(folder / PUBLIC, private.public_key()), private)
    except OSError as error:
        raise _unusable(folder, error) from None


def trusted_keys(settings: Settings) -> dict[str, Ed25519PublicKey]:
    """The public keys whose signatures are believed, by id: those that the profile lists, else all
    that signed here. Raises `InvalidMesh` with every listed file that is no key, and as
    `signing_key` for a key that the profile declares."""
    listed = settings.profile.attestation.trusted
    if listed is not None:
        return _listed(settings, listed)
    folder = settings.state / FOLDER
    try:
        private = _declared(settings) if _variable_is_set(settings) else None
        if key_variable(settings) is None and (folder / KEY_FILE).exists():
            private = _own(folder)
        own = {} if private is None else {_keyid(private.public_key()): private.public_key()}
        return own | _kept(folder / PUBLIC)
    except OSError as error:
        raise _unusable(folder, error) from None


def _listed(settings: Settings, names: Sequence[str]) -> dict[str, Ed25519PublicKey]:
    found: dict[str, Ed25519PublicKey] = {}
    faults = []
    for index, name in enumerate(names):
        try:
            key = _public(settings.path(name))
        except _NotAKey as error:
            key_path = f"profiles.{settings.profile_name}.attestation.trusted[{index}]"
            said = f"'{name}', {error}"
            faults.append(Fault(MESH_FILE, 0, key_path, said, _PUBLIC_KEY, _COPY))
        else:
            found[_keyid(key)] = key
    if faults:
        raise InvalidMesh(faults)
    return found


def _unusable(folder: Path, error: OSError) -> StorageFailed:
    """Names the very file that the error is about."""
    name = error.filename or folder
    return StorageFailed(
        f"'{name}' cannot be used: {error.strerror or error}. Fix: put it back from a backup, or "
        "move it away: what is missing in .mesh/keys is made anew"
    )


def _variable_is_set(settings: Settings) -> bool:
    """Who verifies may do so without the private key."""
    name = key_variable(settings)
    return name is not None and name in os.environ


def _declared(settings: Settings) -> Ed25519PrivateKey | None:
    declared = settings.profile.attestation.key
    if declared is None:
        return None
    text = str(settings.resolved({"key": declared})["key"])
    key = _private(text.replace("\\n", "\n").encode())
    if key is None:
        # Without any of what stands there: it may be a key that was cut.
        raise MeshError(
            f"the environment variable {key_variable(settings)}, which mesh.yaml names as "
            f"attestation.key, holds no key; allowed: {_ALLOWED}. Fix: make one with: {_MAKE}"
        )
    return key


def _own(folder: Path) -> Ed25519PrivateKey:
    """The key of this folder, made when it is not there."""
    file = folder / KEY_FILE
    if not file.exists():
        _make(file)
    key = _private(file.read_bytes())
    if key is None:
        raise MeshError(
            f"'{file}' holds no key; allowed: {_ALLOWED}. Fix: put it back from a backup, or "
            "remove it: versions are then signed with a new one"
        )
    return key


def _make(file: Path) -> None:
    """A new key, complete when its name appears; one another process makes meanwhile stays."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    made = Ed25519PrivateKey.generate()
    content = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    make_private(file.parent)
    fresh = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        write_private(fresh, content)
        with contextlib.suppress(FileExistsError):
            file.hardlink_to(fresh)
    finally:
        fresh.unlink(missing_ok=True)


def _private(content: bytes) -> Ed25519PrivateKey | None:
    """The key that ``content`` is; None when it is none."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        if b"-----BEGIN" in content:
            found = load_pem_private_key(content.strip() + b"\n", None)
            return found if isinstance(found, Ed25519PrivateKey) else None
        seed = base64.b64decode(content.strip(), validate=True)
        return Ed25519PrivateKey.from_private_bytes(seed) if len(seed) == _SEED_BYTES else None
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        return None


def _keyid(key: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def _keep_public(folder: Path, key: Ed25519PublicKey) -> str:
    """Keep ``key`` below its id; the id."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    keyid = _keyid(key)
    file = folder / f"{keyid}.pem"
    if not file.exists():
        make_private(folder.parent)
        folder.mkdir(exist_ok=True)
        fresh = file.with_name(f".{keyid}.{os.getpid()}.{secrets.token_hex(4)}")
        fresh.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        fresh.replace(file)
    return keyid


def _kept(folder: Path) -> dict[str, Ed25519PublicKey]:
    """The keys in ``folder``; a file that is not the key of its name is left out."""
    found = {}
    for file in sorted(folder.glob("*.pem")):
        with contextlib.suppress(_NotAKey):
            key = _public(file)
            if _NAME.fullmatch(file.name) and _keyid(key) == file.stem:
                found[file.stem] = key
    return found


class _NotAKey(ValueError):
    """A file that is no public key; why, in words that follow its name."""


def _public(file: Path) -> Ed25519PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise _NotAKey(f"which cannot be read: {error.strerror or error}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _NotAKey("which holds no public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise _NotAKey("which holds a key of another kind")
    return key
