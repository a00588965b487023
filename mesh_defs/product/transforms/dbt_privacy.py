"""Which columns a dbt test's failing rows may show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.transforms.dbt_project import DbtTest

# What dbt's own generic tests call the tested column in their rows, and what they count.
_TESTED = frozenset({"unique_field", "value_field", "from_field"})
_COUNTS = frozenset({"n_records"})


@dataclass(frozen=True, slots=True)
class Privacy:
    """Names of columns that contracts know (lower case): ``personal`` ones and ``plain`` ones.

    ``closed`` tells that a test may also see columns that no contract classifies, and that must be
    taken for personal: those of an operational system, or of a product that has personal columns.
    """

    personal: frozenset[str]
    plain: frozenset[str]
    closed: bool

    @classmethod
    def of(cls, mesh: Mesh, product: Product) -> Privacy:
        """What ``product``'s contracts, and those of the products that it reads, say."""
        promises = [output.promise for output in product.outputs]
        closed = False
        for port in product.inputs:
            upstream = (
                mesh.products.get(port.source.identity)
                if isinstance(port.source, MeshUrl)
                else None
            )
            closed = closed or upstream is None
            promises += [output.promise for output in upstream.outputs] if upstream else []
        personal = {name.lower() for promise in promises for name in promise.personal_columns}
        known = {column.name.lower() for promise in promises for column in promise.columns}
        return cls(frozenset(personal), frozenset(known - personal), closed or bool(personal))

    def shows(self, test: DbtTest, column: str) -> bool:
        """Whether ``column`` of the failing rows of ``test`` may be shown."""
        name = column.lower()
        if name in _TESTED and test.column is not None:
            name = test.column.lower()
        return not self.closed or name in self.plain or name in _COUNTS
