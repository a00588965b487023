"""What a version costs, within what was agreed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from mesh_defs.policy.model import DataPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Mesh, OutputPort, Product

Cost = Literal["rows", "bytes", "seconds"]
COSTS: tuple[Cost, ...] = get_args(Cost)
_FORMS = {"rows": ",", "bytes": ",", "seconds": ",.2f"}


class WithinBudget(DataPolicy):
    """A version has no more rows and bytes, and took no more seconds, than the product's budget and
    the mesh's allow."""

    rows: int | None = parameter(None, stricter="lower", gt=0, description="rows of a port")
    bytes: int | None = parameter(None, stricter="lower", gt=0, description="bytes of its files")
    seconds: float | None = parameter(
        None, stricter="lower", gt=0, description="seconds of the run until it was verified"
    )

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:  # noqa: ARG002
        """Where there is any limit."""
        return any(self._limit(product, cost) is not None for cost in COSTS)

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """One finding per limit that is passed."""
        spent = {"rows": port.rows, "bytes": port.bytes, "seconds": port.seconds}
        for cost in COSTS:
            limit = self._limit(port.product, cost)
            if limit is not None and spent[cost] > limit:
                yield Finding(
                    f"{spent[cost]:{_FORMS[cost]}} {cost}, where {limit:,} are allowed",
                    fix="make it cheaper, or agree on a larger budget",
                    port=port.name,
                    rows=port.rows,
                )

    def _limit(self, product: Product, cost: Cost) -> float | None:
        """The smaller of the product's limit and the policy's; None where neither has one."""
        budget = product.manifest.budget
        limits = (getattr(self, cost), getattr(budget, cost) if budget is not None else None)
        return min((limit for limit in limits if limit is not None), default=None)
