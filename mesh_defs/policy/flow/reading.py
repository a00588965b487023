"""What policies on flows need of the port at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from mesh_defs.policy.flow.graph import Flows
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Product


def reads_products(product: Product) -> bool:
    """Whether ``product`` reads any other product, so that something can flow into it."""
    return any(isinstance(port.source, MeshUrl) for port in product.inputs)


def flows_of(port: StagedPort) -> Flows:
    """The graph of columns that ``port`` is in. Raises `MeshError` when nobody gave it one."""
    if port.flows is None:
        raise MeshError("what the product was made of is not known here")
    return port.flows
