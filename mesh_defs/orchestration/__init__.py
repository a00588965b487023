"""Dagster's room, the only one that imports it: products become components, assets, checks,
conditions and sensors."""

from __future__ import annotations

import warnings

import dagster as dg

# Code references and sensors are beta in Dagster and used here on purpose. A domain's own code is
# in other modules and still hears of what is beta.
for _category in (dg.BetaWarning, dg.PreviewWarning):
    warnings.filterwarnings("ignore", category=_category, module=r"(mesh_defs|dagster)\.")
