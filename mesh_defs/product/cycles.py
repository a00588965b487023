"""Products that read each other in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, relative
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mesh_defs.product.model import BrokenProduct, Product

Reads = dict[str, list[str]]


def cycle_faults(
    products: Mapping[str, Product | BrokenProduct], root: Path
) -> list[tuple[tuple[str, ...], Fault]]:
    """Each circle of ``products`` once: its members, from the first by name on, and its fault.

    There can be more circles than anyone can read, so they are chosen: every input that lies on a
    circle lies on one that is told, the shortest.
    """
    reads = {
        name: sorted({url.identity for url in product.upstream()} & set(products))
        for name, product in products.items()
    }
    found: dict[tuple[str, ...], None] = {}
    for group in _groups(reads):
        told: set[tuple[str, str]] = set()
        for reader in sorted(group):
            for read in reads[reader]:
                if read in group and (reader, read) not in told:
                    circle = _from_first([reader, *_way(reads, read, reader, group)])
                    found[circle] = None
                    told |= set(zip(circle, (*circle[1:], circle[0]), strict=True))
    return [(circle, _fault(products, circle, root)) for circle in sorted(found)]


def _from_first(circle: list[str]) -> tuple[str, ...]:
    start = circle.index(min(circle))
    return (*circle[start:], *circle[:start])


def _way(reads: Reads, start: str, end: str, group: set[str]) -> list[str]:
    """A shortest way from ``start`` to ``end`` inside ``group``, without ``end``."""
    ways: list[list[str]] = [[start]]
    seen = {start}
    while ways[0][-1] != end:
        way = ways.pop(0)
        for name in reads[way[-1]]:
            if name in group and name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return ways[0][:-1]


def _groups(reads: Reads) -> list[set[str]]:
    """Products that can all reach each other (Tarjan's strongly connected components, iterative),
    without those that are alone and do not read themselves."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    groups: list[set[str]] = []
    for start in sorted(reads):
        work: list[tuple[str, int]] = [] if start in index else [(start, 0)]
        while work:
            node, position = work.pop()
            if position == 0:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            else:
                low[node] = min(low[node], low[reads[node][position - 1]])
            following = _unseen(reads[node], position, index)
            for edge in reads[node][position:following]:
                if edge in on_stack:
                    low[node] = min(low[node], index[edge])
            if following < len(reads[node]):
                work += [(node, following + 1), (reads[node][following], 0)]
            elif low[node] == index[node]:
                group = set(stack[stack.index(node) :])
                del stack[stack.index(node) :]
                on_stack -= group
                if len(group) > 1 or node in reads[node]:
                    groups.append(group)
    return groups


def _unseen(edges: Sequence[str], position: int, index: Mapping[str, int]) -> int:
    """Where in ``edges``, from ``position`` on, the first one not visited yet stands."""
    return next((i for i in range(position, len(edges)) if edges[i] not in index), len(edges))


def _fault(
    products: Mapping[str, Product | BrokenProduct], circle: tuple[str, ...], root: Path
) -> Fault:
    first = products[circle[0]]
    read = circle[1] if len(circle) > 1 else circle[0]
    port = next(
        p for p in first.inputs if isinstance(p.source, MeshUrl) and p.source.identity == read
    )
    path = " -> ".join((*circle, circle[0]))
    fix = f"remove the input mesh://{read} here or one of the others on the path"
    if len(circle) == 1:
        fix = "remove the input; a product keeps its own rows with 'mode: append' or 'mode: upsert'"
    return Fault(
        relative(first.folder / "defs.yaml", root),
        port.line,
        f"attributes.inputs.{port.name}",
        f"a cycle: {path}",
        "products that read each other in one direction only",
        f"{fix}, or move what all of them need into a product of its own"
        if len(circle) > 1
        else fix,
    )
