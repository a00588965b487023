"""The text of a signed token (JWS compact serialization, RFC 7515), before anything is believed."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from mesh_defs.errors import Unauthenticated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 16_384
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_TYPES = ("jwt", "at+jwt")  # RFC 7519, section 5.1; RFC 9068, section 2.1
# Headers that change what is signed or how it is read. None of them is understood here.
_REFUSED = ("crit", "b64", "zip", "enc")


@dataclass(frozen=True, slots=True)
class Compact:
    """A token in its parts. None of it is verified: ``claims`` tell whose keys to ask for, and are
    believed after that alone."""

    text: str
    algorithm: str
    kid: str | None
    claims: Mapping[str, object]


def read_compact(text: str) -> Compact:
    """The parts of ``text``. Raises `Unauthenticated`.

    Keys that the header brings along (``jwk``, ``jku``, ``x5u``, ``x5c``) are not looked at.
    """
    if len(text) > LONGEST:
        raise Unauthenticated(f"the token is longer than {LONGEST} characters")
    if not _FORM.match(text):
        raise Unauthenticated("the token is no signed token of three parts")
    parts = text.split(".")
    header, claims = _object(parts[0], "header"), _object(parts[1], "claims")
    _bytes(parts[2], "signature")
    for name in _REFUSED:
        if name in header:
            raise Unauthenticated(f"the token's header has '{name}', which is not accepted")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in _TYPES:
        raise Unauthenticated("the token's 'typ' is that of another kind of token")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str):
        raise Unauthenticated("the token does not say how it is signed")
    if kid is not None and not isinstance(kid, str):
        raise Unauthenticated("the token's 'kid' is no text")
    return Compact(text, algorithm, kid, claims)


def _bytes(part: str, name: str) -> bytes:
    try:
        value = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise Unauthenticated(f"the token's {name} cannot be read") from None
    # One value has one spelling, so that no two texts are the same token.
    if base64.urlsafe_b64encode(value).rstrip(b"=").decode() != part:
        raise Unauthenticated(f"the token's {name} cannot be read")
    return value


def _object(part: str, name: str) -> dict[str, object]:
    try:
        value = json.loads(
            _bytes(part, name).decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant
        )
    except (ValueError, RecursionError):
        raise Unauthenticated(f"the token's {name} cannot be read") from None
    if not isinstance(value, dict):
        raise Unauthenticated(f"the token's {name} is no JSON object")
    return value


def _once(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Of a key that stands twice, parsers take different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _constant(text: str) -> NoReturn:
    raise ValueError(text)
