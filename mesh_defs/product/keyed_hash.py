"""``keyed_hash``: what transforms hash identifiers with, so that nobody else can try out values.

HMAC-SHA256 (RFC 2104) of a text's UTF-8 bytes, as 64 hex digits. The key is derived from the
profile's ``hash_key``, so that the digits are the same in all products of the mesh, and others than
those of the masks that readers see: who may write a transform cannot look up what masks hide.

Code that is given the function is not given the key: what is kept of it is the state of both
digests after the key went in.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb
    import pyarrow as pa

    from mesh_defs.settings import Settings

NAME = "keyed_hash"
SHORTEST = 16  # bytes

_PURPOSE = b"mesh transforms"
_BLOCK, _PADS = 64, (0x36, 0x5C)  # of SHA-256; RFC 2104, section 2
_MISSING = f"Scalar Function with name {NAME} does not exist"


class KeyedHash:
    """The function, for one profile (None: it raises when it is called). ``reason`` tells why there
    is none, and what to do; empty when there is one."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._states: tuple[hashlib._Hash, hashlib._Hash] | None = None
        self.reason = ""
        try:
            key = _key(settings)
        except MeshError as error:
            self.reason = f"{NAME} has no key: {error}"
        else:
            block = hmac.digest(key, _PURPOSE, "sha256").ljust(_BLOCK, b"\0")
            inner, outer = (bytes(byte ^ pad for byte in block) for pad in _PADS)
            self._states = hashlib.sha256(inner), hashlib.sha256(outer)

    def __call__(self, value: str | None) -> str | None:
        """The digits of a text; None of None. Raises `MeshError` without a key, `TypeError` for
        what is no text."""
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError(f"{NAME} takes a text, not a {type(value).__name__}: make one of it")
        if self._states is None:
            raise MeshError(self.reason)
        inner, outer = (state.copy() for state in self._states)
        inner.update(value.encode())
        outer.update(inner.digest())
        return outer.hexdigest()

    def arrow(self, values: pa.Array | pa.ChunkedArray) -> pa.Array:
        """The digits of an Arrow array of texts, as an array; each different text is hashed once.
        Raises as calling does."""
        import pyarrow as pa

        if not pa.types.is_null(values.type):
            values = values.cast(pa.string()) if pa.types.is_large_string(values.type) else values
        encoded = pa.chunked_array(values).combine_chunks().dictionary_encode()
        digits = [self(value) for value in encoded.dictionary.to_pylist()]
        return pa.array(digits, pa.string()).take(encoded.indices)

    def install(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make it a function of ``connection`` and of all its cursors; nothing without a key."""
        if self._states is None:
            return
        from duckdb.func import PythonUDFType

        connection.create_function(
            NAME, _plain(self.arrow), ["VARCHAR"], "VARCHAR", type=PythonUDFType.ARROW
        )

    def explained(self, message: str) -> str | None:
        """Why an engine does not know the function, when that is what its ``message`` says."""
        return self.reason if self.reason and _MISSING in message else None


def _plain(function: Callable[[pa.ChunkedArray], pa.Array]) -> Callable[..., pa.Array]:
    """Without annotations, which DuckDB would try to resolve where pyarrow is not imported."""

    def keyed_hash(values):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        return function(values)

    return keyed_hash


def variable(settings: Settings) -> str | None:
    """The environment variable that holds the key; None when none is declared."""
    declared = settings.profile.hash_key
    return declared.removeprefix("${").removesuffix("}") if declared is not None else None


def _key(settings: Settings | None) -> bytes:
    """Raises `MeshError` that says what to set."""
    if settings is None:
        raise MeshError("this is no run of a product")
    name = variable(settings)
    if name is None:
        raise MeshError(
            f"profile '{settings.profile_name}' of mesh.yaml has no hash_key; write "
            'hash_key: "${MESH_HASH_KEY}" there, and set this variable to a random text '
            "(openssl rand -hex 32)"
        )
    try:
        key = str(settings.resolved({"key": settings.profile.hash_key or ""})["key"]).encode()
    except MeshError:
        raise MeshError(
            f"the environment variable {name}, which mesh.yaml names as hash_key, is not set; set "
            "it to a random text (openssl rand -hex 32), the same wherever this mesh runs"
        ) from None
    if len(key) < SHORTEST:
        raise MeshError(
            f"the environment variable {name} is shorter than {SHORTEST} bytes; set it to a random "
            "text (openssl rand -hex 32)"
        )
    return key
