"""The component ``mesh_defs.DataProduct``: a product's folder becomes Dagster definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from mesh_defs.orchestration.meshes import mesh_of
from mesh_defs.orchestration.product_defs import product_definitions
from mesh_defs.orchestration.scaffolders import ProductScaffolder
from mesh_defs.orchestration.schemas import AnyManifest
from mesh_defs.product.model import BrokenProduct, Product

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from mesh_defs.product.model import Mesh


@dg.scaffold_with(ProductScaffolder)
class DataProduct(dg.Component):
    """An autonomous data product: its manifest, its contracts and the code that makes its ports.

    The attributes are the manifest. Every output port becomes an asset with its contract's checks,
    ``<domain>/<product>/<port>``; one op runs the whole product.
    """

    def __init__(self, mesh: Mesh, product: Product | BrokenProduct) -> None:
        self.mesh = mesh
        self.product = product

    @classmethod
    def get_model_cls(cls) -> type[BaseModel] | None:
        """The manifest's schema, without its validation; that happens in `load`."""
        return AnyManifest

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What the component produces, for Dagster's pickers."""
        return dg.ComponentTypeSpec(tags=["data mesh"], produces=["asset", "asset_check"])

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> DataProduct:
        """The product in the folder of ``context``. A broken one is loaded as broken."""
        del attributes  # The folder is read by the mesh's own loader, which keeps lines for faults.
        mesh = mesh_of(context.path)
        return cls(mesh, find_product(mesh, context.path))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets and checks; for a broken product external assets that show its faults."""
        del context
        return product_definitions(self.mesh, self.product)


def find_product(mesh: Mesh, folder: Path) -> Product | BrokenProduct:
    """The product whose folder it is."""
    from mesh_defs.faults import Fault, relative

    products: list[Product | BrokenProduct] = [*mesh.products.values(), *mesh.broken.values()]
    for product in products:
        if product.folder == folder.resolve():
            return product
    fault = Fault(
        relative(folder, mesh.root),
        0,
        "",
        "a data product in this folder",
        "products in domains/<domain>/<product>/",
        "move the folder there",
    )
    return BrokenProduct(folder.parent.name, folder.name, folder, (fault,))
