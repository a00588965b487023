"""What identity needs of the tokens that the gateway's state keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class StoredToken(Protocol):
    """A service token (``kind`` is ``service``) or a lease (``lease``), as it is kept: never its
    secret. Times are aware.

    ``roles`` and ``domain`` are what it brings beside those that are declared: a lease keeps those
    of the credential that was shown for it. ``actions`` and ``urls`` are its scope.
    """

    @property
    def id(self) -> str:
        """The part of its text that is no secret."""

    @property
    def kind(self) -> str:
        """``service`` or ``lease``."""

    @property
    def principal(self) -> str:
        """``<kind>:<name>``."""

    @property
    def roles(self) -> Sequence[str]:
        """Roles, beside those that principals.yaml declares."""

    @property
    def domain(self) -> str | None:
        """The home domain, where principals.yaml declares none."""

    @property
    def urls(self) -> Sequence[str]:
        """Domains, products and ports that it is for."""

    @property
    def actions(self) -> Sequence[str]:
        """What it is for."""

    @property
    def purpose(self) -> str | None:
        """The one purpose that it is for, or None."""

    @property
    def expires_at(self) -> datetime | None:
        """When it ends."""

    @property
    def parent(self) -> str | None:
        """Of a lease the credential that was shown for it (``oidc``, ``admin``, ``token:<id>``)."""

    @property
    def revoked_at(self) -> datetime | None:
        """When it was revoked, or None."""


class TokenStore(Protocol):
    """``State.tokens``, as far as it is needed here."""

    def find(self, secret: str) -> StoredToken | None:
        """The token whose whole text (``mesh_<id>_<secret>``) is ``secret``, compared in constant
        time, also when it has ended or was revoked; None when there is none."""
