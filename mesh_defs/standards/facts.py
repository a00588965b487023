"""What documents of any standard say of a product."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.contract.model import CLASSIFICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.product.described.said import Said
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import OutputPort


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """One product: what is ``said`` of it (None where nobody can tell), what is published of it
    (None: nothing yet), and the ports that may be told of. ``mesh`` is the mesh's name, ``base``
    the address that its HTTP addresses start with, ``inputs`` the addresses that it reads, by name,
    as far as they may be told. ``classified`` has a port's classification where it is known to be
    another than the highest of its contract's."""

    mesh: str
    base: str
    domain: str
    product: str
    said: Said | None
    record: Record | None
    outputs: tuple[OutputPort, ...]
    inputs: Mapping[str, str]
    classified: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The product's global URL."""
        return f"mesh://{self.domain}/{self.product}"

    @property
    def page(self) -> str:
        """The product's HTTP address."""
        return f"{self.base}/{self.domain}/{self.product}"

    @property
    def version(self) -> str:
        """The interface's version: of what is published, else as it is declared."""
        if self.record is not None:
            return self.record.product_version
        return self.said.version if self.said is not None else "0.0.0"

    @property
    def status(self) -> str:
        """The product's status; ``draft`` where nothing tells it."""
        return self.said.status if self.said is not None else "draft"

    def classification(self, output: OutputPort) -> str:
        """How protected a port is: as its most protected column."""
        declared = [column.classification for column in output.promise.columns]
        highest = max(declared, key=CLASSIFICATIONS.index, default="internal")
        return self.classified.get(output.name, highest)
