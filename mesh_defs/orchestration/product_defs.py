"""One product's Dagster definitions, sound or broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from mesh_defs.orchestration.broken import broken_specs
from mesh_defs.orchestration.execution import product_assets
from mesh_defs.product.model import Product

if TYPE_CHECKING:
    from mesh_defs.product.model import BrokenProduct, Mesh


def product_definitions(mesh: Mesh, product: Product | BrokenProduct) -> dg.Definitions:
    """The assets and checks of one product. What its domain shares is not in them: stubs of
    inputs, sensors and the job come from `mesh_defs.orchestration.domain`."""
    if isinstance(product, Product):
        return dg.Definitions(assets=[product_assets(mesh, product)])
    return dg.Definitions(assets=broken_specs(mesh, product))
