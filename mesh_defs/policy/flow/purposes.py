"""Purposes follow the data: what may be used for some purposes alone stays so downstream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import relative
from mesh_defs.policy.flow.reading import flows_of, reads_products
from mesh_defs.policy.model import DataPolicy, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.contract.model import Column
    from mesh_defs.policy.flow.graph import Flows, Purposes
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Mesh, OutputPort, Product


class PurposesFollow(DataPolicy):
    """A column may be used for no purpose that something which flows into it is not permitted for.

    A property's ``permittedPurposes`` say it, else the schema object's, else the product's
    ``purposes``; who says nothing sets no limit, and permits everything. Aggregates over groups
    that are proven large enough are free of it.
    """

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:  # noqa: ARG002
        """Where something of another product can flow in."""
        return reads_products(product)

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """One per column that permits more than its sources."""
        flows = flows_of(port)
        for column in port.contract.columns:
            ref = flows.ref(port.name, column.name)
            own = flows.own_purposes(ref)
            limits = list(flows.inherited_purposes(ref))
            broken = [one for one in limits if _beyond(own, one)]
            if broken:
                allowed = frozenset.intersection(*(one.permitted or frozenset() for one in limits))
                yield _finding(port, flows, column, broken[0], own, allowed)


def _beyond(own: frozenset[str] | None, limit: Purposes) -> bool:
    return limit.permitted is not None and (own is None or not own <= limit.permitted)


def _finding(
    port: StagedPort,
    flows: Flows,
    column: Column,
    limit: Purposes,
    own: frozenset[str] | None,
    allowed: frozenset[str],
) -> Finding:
    path = tuple(flows.url(ref) for ref in limit.path)
    permitted = limit.permitted or frozenset()
    if own is None:
        what = f"'{column.name}' says nothing of purposes"
    else:
        what = f"'{column.name}' may be used for {', '.join(sorted(own - permitted))}"
    only = ", ".join(sorted(permitted)) or "nothing"
    return Finding(
        f"{what}, and what flows into it is permitted for {only} alone: {' <- '.join(path)}",
        fix=f"write 'permittedPurposes' of {column.name}, or the product's 'purposes', as "
        f"[{', '.join(sorted(allowed & own if own is not None else allowed))}], or leave it out",
        port=port.name,
        column=column.name,
        file=relative(port.output.contract.path, port.mesh.root),
        line=column.line,
        path=path,
    )
