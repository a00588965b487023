"""Code locations: ``mesh_defs.locations.<domain>`` holds that domain's Dagster definitions.

``workspace.yaml`` has one entry per domain, and one code server serves one domain::

    dagster code-server start -m mesh_defs.locations -a fleet
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import dagster as dg


def __getattr__(name: str) -> Callable[..., dg.Definitions]:
    """The lazily loaded definitions of the domain ``name``."""
    if name.startswith("_"):
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    import dagster as dg

    from mesh_defs.faults import did_you_mean
    from mesh_defs.orchestration.meshes import mesh_of
    from mesh_defs.orchestration.tree import location

    mesh = mesh_of()
    domains = [domain.name for domain in mesh.domains]
    if name not in domains:
        raise AttributeError(
            f"no domain '{name}' in '{mesh.root / 'domains'}'; it has "
            f"{', '.join(domains) or 'none'}. Fix: {did_you_mean(name, domains)}"
        )

    def load() -> dg.Definitions:
        return location(name, mesh.root)

    return dg.definitions(load)


def __dir__() -> list[str]:
    from mesh_defs.orchestration.meshes import mesh_of

    return sorted(domain.name for domain in mesh_of().domains)
