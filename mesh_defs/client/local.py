"""``mesh.open``: a port of a mesh on this machine, with the access grants that the caller holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.gateway.holders import held_locally
from mesh_defs.product.reader import open as open_port

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.product.reader import Port
    from mesh_defs.urls import MeshUrl


def open(  # noqa: A001  mesh.open reads as what it does
    url: str | MeshUrl,
    *,
    principal: str | None = None,
    purpose: str | None = None,
    root: Path | None = None,
    profile: str | None = None,
) -> Port:
    """Open the version that ``url`` names; what is read later is this version and no other.

    What is seen of it is what ``principal`` (``person:<name>``; default: ``MESH_PRINCIPAL``, or the
    infra profile's) may read for ``purpose``, by the rules and by the access grants in force:
    columns may be masked, rows left out. ``root`` is the mesh's folder (default: ``MESH_ROOT``, or
    found above the working folder), ``profile`` the infra profile. Raises `AccessDenied`,
    `NotPublished`, `UnknownAddress`, `MeshError`.
    """
    return open_port(
        url, principal=principal, purpose=purpose, root=root, profile=profile, held=held_locally
    )
