"""Where people look at a mesh: the address of its gateway's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.gateway.address import serving

if TYPE_CHECKING:
    from mesh_defs.settings import Settings


def portal_address(settings: Settings) -> str | None:
    """What the profile says, else where the gateway answers that runs here; None where nobody
    knows. Without a slash at its end."""
    gateway = settings.profile.gateway
    if gateway.url is not None:
        return gateway.url.rstrip("/")
    place = serving(settings)
    if place is not None:
        return place.base
    return gateway.address(gateway.port) if gateway.port is not None else None
