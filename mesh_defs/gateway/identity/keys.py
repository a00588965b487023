"""A JSON Web Key Set (RFC 7517), reduced to the keys that may verify tokens of one issuer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.gateway.identity.fetch import NotFetched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jwt import PyJWK

MOST_KEYS = 100
_LEAST_RSA_BITS = 2048  # RFC 7518, section 3.3
# RFC 7518, section 3.1, and RFC 8037: what an algorithm wants of `kty` and `crv`.
_TYPES: Mapping[str, tuple[str, frozenset[str] | None]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", None)),
    "ES256": ("EC", frozenset({"P-256"})),
    "ES384": ("EC", frozenset({"P-384"})),
    "ES512": ("EC", frozenset({"P-521"})),
    "EdDSA": ("OKP", frozenset({"Ed25519", "Ed448"})),
}


class KeySet:
    """Keys by ``kid`` (None: without one) and algorithm."""

    def __init__(self, keys: Sequence[tuple[str | None, str, PyJWK]]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, kid: str | None, algorithm: str) -> tuple[PyJWK, ...]:
        """The keys with ``kid`` for ``algorithm``. A token without kid is verified only where there
        is no choice (OpenID Connect Core 1.0, section 10.1)."""
        fitting = [(name, key) for name, alg, key in self._keys if alg == algorithm]
        if kid is None:
            return (fitting[0][1],) if len(fitting) == 1 else ()
        return tuple(key for name, key in fitting if name == kid)


def read_keys(document: Mapping[str, object], algorithms: Sequence[str]) -> KeySet:
    """The keys of a set, each with every one of ``algorithms`` that it is for. What cannot be used
    is left out. Raises `NotFetched` when nothing is left."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise NotFetched("the key set has no list 'keys'")
    found: list[tuple[str | None, str, PyJWK]] = []
    for entry in listed[:MOST_KEYS]:
        if isinstance(entry, dict) and _is_public(entry):
            kid = entry.get("kid")
            for algorithm in algorithms:
                key = _key(entry, algorithm)
                if key is not None and (kid is None or isinstance(kid, str)):
                    found.append((kid, algorithm, key))
    if not found:
        raise NotFetched(f"the key set has no key for {', '.join(algorithms)}")
    return KeySet(found)


def _is_public(entry: Mapping[str, object]) -> bool:
    """Whether it is the public part of a signing key. Whoever reads a set that has the private part
    can sign, so that such a key proves nothing."""
    operations = entry.get("key_ops")
    verifies = operations is None or (isinstance(operations, list) and "verify" in operations)
    return "d" not in entry and entry.get("use") in (None, "sig") and verifies


def _key(entry: dict[str, object], algorithm: str) -> PyJWK | None:
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    kind, curves = _TYPES[algorithm]
    if entry.get("kty") != kind or entry.get("alg") not in (None, algorithm):
        return None
    if curves is not None and entry.get("crv") not in curves:
        return None
    try:
        key = PyJWK(entry, algorithm)
    except (PyJWTError, ValueError, TypeError, AttributeError, KeyError):
        return None  # It is not well formed; the others of the set may be.
    size = getattr(key.key, "key_size", None)
    if kind == "RSA" and (size is None or size < _LEAST_RSA_BITS):
        return None
    return key
