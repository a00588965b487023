"""What a discovery document is composed of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mesh_defs.product.described.profile import PortPicture
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.manifest import Manifest
    from mesh_defs.product.model import OutputPort


@dataclass(frozen=True, slots=True)
class ProductFacts:
    """One version of a product, or one that is declared and has none yet (``record`` None).

    ``manifest`` is None where it cannot be read any more. ``outputs`` are the ports with the
    contracts that the version was published under; ``classified`` has their columns'
    classifications by port, ``pictures`` what was seen of their rows (none: nobody looked).
    ``transform`` is its kind (None: not known), ``digest`` that of the code; ``history`` has an
    entry per version, newest first (`mesh_defs.product.described.history`).
    """

    mesh: str
    domain: str
    product: str
    manifest: Manifest | None
    outputs: tuple[OutputPort, ...]
    record: Record | None = None
    transform: str | None = None
    digest: str | None = None
    classified: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pictures: Mapping[str, PortPicture] = field(default_factory=dict)
    history: Sequence[Mapping[str, Any]] = ()

    @property
    def url(self) -> str:
        """The product's global URL."""
        return f"mesh://{self.domain}/{self.product}"

    @property
    def main_port(self) -> str:
        """The port that the product's URL alone means."""
        return self.outputs[0].name if len(self.outputs) == 1 else self.product

    def classification(self, output: OutputPort, column: str) -> str:
        """How a column is classified, at least as its contract says."""
        declared = output.promise.column(column)
        word = declared.classification if declared is not None else "internal"
        return self.classified.get(output.name, {}).get(column, word)
