"""The interface that a product declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.compatibility.model import Interface, PortInterface

if TYPE_CHECKING:
    from mesh_defs.product.model import Product


def declared_interface(product: Product, source: str = "") -> Interface:
    """What ``product`` promises as it is written down."""
    ports = {
        output.name: PortInterface(output.contract, output.promise, output.continues)
        for output in product.outputs
    }
    return Interface(product.manifest.version, ports, source, product.manifest.status)
