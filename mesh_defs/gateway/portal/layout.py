"""Where nodes of a graph stand: in layers from left to right, each as near as may be to what it is
joined with; and circles that hold many dots."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence
    from typing import TypeVar

    Node = TypeVar("Node", bound=Hashable)

_SWEEPS = 4
# Of a circle's radius, so that n dots of a sunflower fill it evenly.
_GOLDEN = math.pi * (3 - math.sqrt(5))


@dataclass(frozen=True, slots=True)
class Bend:
    """A place in a layer that the edge from ``source`` to ``target`` passes."""

    source: str
    target: str
    layer: int


def layered(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[list[str | Bend]]:
    """``nodes`` in layers, each edge from a layer to a later one (of a cycle, as far as may be),
    with a `Bend` in each layer between; in each layer in the order that crosses few edges."""
    joined = list(dict.fromkeys((a, b) for a, b in edges if a != b))
    depth = _depths(nodes, *_neighbours(nodes, joined))
    placed: list[str | Bend] = list(nodes)
    steps: list[tuple[str | Bend, str | Bend]] = []
    layer_of: dict[str | Bend, int] = {}
    layer_of.update(depth)
    for source, target in joined:
        if source not in depth or target not in depth:
            continue
        bends = [Bend(source, target, at) for at in range(depth[source] + 1, depth[target])]
        placed += bends
        layer_of |= {bend: bend.layer for bend in bends}
        steps += pairwise([source, *bends, target])
    return _ordered(placed, steps, layer_of)


def _neighbours(
    nodes: Iterable[Node], edges: Iterable[tuple[Node, Node]]
) -> tuple[dict[Node, list[Node]], dict[Node, list[Node]]]:
    """What comes after each node, and before it."""
    known = set(nodes)
    after: dict[Node, list[Node]] = defaultdict(list)
    before: dict[Node, list[Node]] = defaultdict(list)
    for a, b in edges:
        if a in known and b in known:
            after[a].append(b)
            before[b].append(a)
    return after, before


def _ordered(
    nodes: Sequence[Node], edges: Iterable[tuple[Node, Node]], depth: Mapping[Node, int]
) -> list[list[Node]]:
    after, before = _neighbours(nodes, edges)
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
        far = radius * math.sqrt((place + 0.5) / number) if number > 1 else 0.0
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
