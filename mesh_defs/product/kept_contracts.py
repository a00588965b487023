"""The contracts that versions were published under, kept beside the ledger."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from mesh_defs.errors import TransformFailed
from mesh_defs.product.ledger import contract_name

if TYPE_CHECKING:
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.model import Product


def keep_contracts(product: Product, store: ProductStore) -> None:
    """The contracts as they were read for this run, so that a version explains itself later. Raises
    `TransformFailed` when one has changed since."""
    for output in product.outputs:
        digest = output.contract.digest
        try:
            content = output.contract.path.read_bytes()
        except OSError:
            content = b""  # which is no contract either
        if hashlib.sha256(content).hexdigest() != digest:
            raise TransformFailed(
                f"{output.contract.path.name} changed while the product ran; run it again"
            )
        store.put_if_absent(contract_name(digest), content)
