"""One product's Dagster definitions, sound or broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from dagster_shared.check import CheckError

from mesh_defs.faults import Fault, relative
from mesh_defs.orchestration.broken import broken_specs
from mesh_defs.orchestration.execution import product_assets
from mesh_defs.product.model import BrokenProduct, Product

if TYPE_CHECKING:
    from mesh_defs.product.model import Mesh


def product_definitions(mesh: Mesh, product: Product | BrokenProduct) -> dg.Definitions:
    """The assets and checks of one product. What its domain shares is not in them: stubs of
    inputs, sensors and the job come from `mesh_defs.orchestration.domain`."""
    if isinstance(product, Product):
        try:
            return dg.Definitions(assets=[product_assets(mesh, product)])
        except (dg.DagsterError, CheckError, ValueError) as error:
            product = _refused(mesh, product, error)
    return dg.Definitions(assets=broken_specs(mesh, product))


def _refused(mesh: Mesh, product: Product, error: Exception) -> BrokenProduct:
    """A product that Dagster does not take, shown as broken so that its domain keeps working."""
    fault = Fault(
        relative(product.folder / "defs.yaml", mesh.root),
        product.line,
        "attributes",
        f"something that Dagster refuses ({error})",
        "what Dagster takes",
        "mend what the message names",
    )
    return BrokenProduct(product.domain, product.name, product.folder, (fault,))
