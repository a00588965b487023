"""Profile files: how a recipient's tool finds a gateway (protocol: "Profile File Format")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

PREFIX = "/-/sharing"
SUFFIX = ".share"


def profile(base: str, token: str, expires_at: datetime | None) -> dict[str, Any]:
    """The profile for the bearer of ``token``; ``base`` is the gateway's address. It holds the
    token: who has the file may read what its holder may."""
    told: dict[str, Any] = {
        "shareCredentialsVersion": 1,
        "endpoint": f"{base.rstrip('/')}{PREFIX}/",
        "bearerToken": token,
    }
    if expires_at is not None:
        told["expirationTime"] = expires_at.isoformat(timespec="milliseconds")
    return told
