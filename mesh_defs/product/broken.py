"""What is known of a product that is declared, cannot be loaded and was never published: what its
manifest says, as far as that can be read. It is shown, as broken, to who would see it sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.policy.access.entities import PortSubject, subject_of
from mesh_defs.product.model import OutputPort

if TYPE_CHECKING:
    from mesh_defs.product.manifest import Manifest
    from mesh_defs.product.model import BrokenProduct


def broken_ports(product: BrokenProduct, manifest: Manifest) -> list[str]:
    """The names of its ports."""
    return list(manifest.outputs) or [product.name]


def broken_subject(product: BrokenProduct, manifest: Manifest, port: str) -> PortSubject:
    """A port of it as decisions see it: without a contract that can be read as protected as can
    be."""
    for contract in product.contracts:
        promise = contract.for_port(port)
        if promise is not None:
            output = OutputPort(port, contract, promise, "snapshot")
            return subject_of(product.domain, product.name, output, manifest)
    return PortSubject(
        product.domain,
        product.name,
        port,
        (),
        CLASSIFICATIONS[-1],
        archetype=manifest.archetype,
        status=manifest.status,
        tags=tuple(manifest.tags),
        purposes=tuple(manifest.purposes),
        owner=manifest.owner,
    )
