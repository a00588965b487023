"""Where a finding about what is declared is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import relative

if TYPE_CHECKING:
    from mesh_defs.product.model import Mesh, OutputPort, Product


def manifest_file(product: Product, mesh: Mesh) -> str:
    """The product's ``defs.yaml``, relative to the mesh's root."""
    return relative(product.folder / "defs.yaml", mesh.root)


def contract_file(output: OutputPort, mesh: Mesh) -> str:
    """The port's contract, relative to the mesh's root."""
    return relative(output.contract.path, mesh.root)
