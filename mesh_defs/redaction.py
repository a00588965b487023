"""Secrets that a text must not show: found in settings, replaced literally wherever they occur."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

MASK = "***"
SECRET_KEYS = frozenset({"dsn", "password", "secret", "token", "key", "credentials"})

_SHORTEST = 3  # shorter texts occur by chance
# libpq, "Connection Strings": keyword = value, or 'value' with \' and \\ inside.
_KEYWORD = re.compile(
    r"\b(?:password|passwd|sslpassword)\s*=\s*(?:'((?:\\.|[^'\\])*)'|(\S+))", re.IGNORECASE
)
# A password in a URI ends at the last '@' before the path.
_URI = re.compile(r"://[^:/?#]*:([^/?#]*)@")


def secrets_of(value: str) -> set[str]:
    """``value`` itself, and the passwords that a connection string in it carries, in every spelling
    in which a message may repeat them."""
    found = {value}
    for quoted, plain in _KEYWORD.findall(value):
        found |= {quoted, re.sub(r"\\(.)", r"\1", quoted)} if quoted else {plain}
    for password in _URI.findall(value):
        found |= {password, unquote(password)}
    return {text for text in found if len(text) >= _SHORTEST}


def redact(text: str, secrets: Iterable[str]) -> str:
    """``text`` with every secret replaced, the longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text
