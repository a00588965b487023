"""All domains of the mesh in one code location: what ``dg`` and ``dagster definitions`` load.

It lies outside of ``domains/``, because inside Dagster would load it as a part of itself.
"""

from __future__ import annotations

import dagster as dg

from mesh_defs.orchestration.tree import every_location


@dg.definitions
def defs() -> dg.Definitions:
    """Every domain of the mesh around the working folder (or ``MESH_ROOT``)."""
    return every_location()
