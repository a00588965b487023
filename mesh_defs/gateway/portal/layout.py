"""Where nodes of a graph stand: in layers from left to right, each as near as may be to what it is
joined with; and circles that hold many dots."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import TypeVar

    Node = TypeVar("Node", bound=Hashable)

_SWEEPS = 4
# Of a circle's radius, so that n dots of a sunflower fill it evenly.
_GOLDEN = math.pi * (3 - math.sqrt(5))


def layered(nodes: Sequence[Node], edges: Iterable[tuple[Node, Node]]) -> list[list[Node]]:
    """``nodes`` in layers, each edge from a layer to a later one (of a cycle, as far as may be);
    in each layer in the order that crosses few edges."""
    known = set(nodes)
    joined = {(a, b) for a, b in edges if a in known and b in known and a != b}
    after: dict[Node, list[Node]] = defaultdict(list)
    before: dict[Node, list[Node]] = defaultdict(list)
    at = {node: number for number, node in enumerate(nodes)}
    for a, b in sorted(joined, key=lambda edge: (at[edge[0]], at[edge[1]])):
        after[a].append(b)
        before[b].append(a)
    depth = _depths(nodes, after, before)
    layers: list[list[Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in nodes:
        layers[depth[node]].append(node)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        near = before if forward else after
        place = {node: at for layer in layers for at, node in enumerate(layer)}
        for layer in layers if forward else reversed(layers):
            layer.sort(key=lambda node: _middle(near[node], place, place[node]))
            place |= {node: at for at, node in enumerate(layer)}
    return layers


def _depths(
    nodes: Sequence[Node],
    after: Mapping[Node, Sequence[Node]],
    before: Mapping[Node, Sequence[Node]],
) -> dict[Node, int]:
    """The longest way to each node. A cycle is cut at its first node."""
    left = {node: len(before.get(node, ())) for node in nodes}
    depth = dict.fromkeys(nodes, 0)
    done: set[Node] = set()
    ready = [node for node in nodes if not left[node]]
    waiting = iter(nodes)
    while len(done) < len(nodes):
        if not ready:
            ready = [next(node for node in waiting if node not in done)]
        node = ready.pop()
        if node in done:
            continue
        done.add(node)
        for other in after.get(node, ()):
            left[other] -= 1
            if other not in done:
                depth[other] = max(depth[other], depth[node] + 1)
                if not left[other]:
                    ready.append(other)
    return depth


def _middle(near: Sequence[Node], place: Mapping[Node, int], own: int) -> float:
    return sum(place[node] for node in near) / len(near) if near else own


def sunflower(number: int, radius: float) -> list[tuple[float, float]]:
    """``number`` points that fill a circle of that radius around the origin."""
    found = []
    for place in range(number):
        far = radius * math.sqrt((place + 0.5) / number)
        turn = place * _GOLDEN
        found.append((far * math.cos(turn), far * math.sin(turn)))
    return found


def packed(
    radii: Sequence[float], wide: float, gap: float
) -> tuple[list[tuple[float, float]], float]:
    """The centres of circles in rows of about ``wide``, and how high all rows are together."""
    centres: list[tuple[float, float]] = []
    x, y, high = 0.0, 0.0, 0.0
    for radius in radii:
        if x and x + 2 * radius > wide:
            x, y, high = 0.0, y + high + gap, 0.0
        centres.append((x + radius, y + radius))
        x += 2 * radius + gap
        high = max(high, 2 * radius)
    return centres, y + high
