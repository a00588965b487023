"""Which product reads which."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_defs.discovery.lineage.graph import LineageGraph


def all_reads(graph: LineageGraph) -> list[tuple[str, str, str]]:
    """Each product that is read, the port, and the product that reads it."""
    found = []
    for identity, facts in graph.products.items():
        for one in facts.reads:
            source = graph.resolved(one)
            if not source.source and source.port is not None:
                found.append((source.owner, source.port, identity))
    return found
