"""The map of the mesh: few products as a graph of boxes, many as domains full of dots."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.gateway.portal.drawing import Box, Drawing, Line, drawn
from mesh_defs.gateway.portal.layout import packed, sunflower

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mesh_defs.gateway.portal.overview import Card

MOST_BOXES = 150
HEALTH = ("broken", "warned", "kept", "unpublished")
_WIDE, _GAP, _EDGE, _TITLE = 1100.0, 26.0, 16.0, 22.0
_DOT = 11.0  # the room of one dot
_MOST_LINKS = 200


@dataclass(frozen=True, slots=True)
class Circle:
    """A domain: its circle, the dots in it by health (as one path each), and what is broken."""

    name: str
    x: float
    y: float
    radius: float
    products: int
    health: dict[str, int]
    dots: tuple[tuple[str, str], ...]
    broken: tuple[tuple[Card, float, float], ...]


@dataclass(frozen=True, slots=True)
class Arc:
    """How many products of one domain read products of another."""

    path: str
    number: int
    wide: float
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Overall:
    """The map of all domains."""

    wide: float
    high: float
    circles: tuple[Circle, ...]
    arcs: tuple[Arc, ...]


def reads_of(cards: Iterable[Card], every: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Which of the products read which, as far as both are seen: from what is read on. What is read
    through a port that is not seen is left out; ``every`` is `edges.all_reads`."""
    seen = {card.identity: card.names for card in cards}
    found = [
        (source, target)
        for source, port, target in every
        if target in seen and port in seen.get(source, ())
    ]
    return list(dict.fromkeys(found))


def detailed(cards: Sequence[Card], reads: Iterable[tuple[str, str]]) -> Drawing:
    """Each product as a box."""
    boxes = [
        Box(card.identity, card.main.product, card.main.domain, f"/{card.identity}", card.health)
        for card in cards
    ]
    return drawn(boxes, [Line(source, target) for source, target in reads])


def overall(cards: Sequence[Card], reads: Iterable[tuple[str, str]]) -> Overall:
    """Each domain as a circle of dots."""
    domains: dict[str, list[Card]] = defaultdict(list)
    for card in cards:
        domains[card.main.domain].append(card)
    names = sorted(domains, key=lambda name: (-len(domains[name]), name))
    radii = [_radius(len(domains[name])) for name in names]
    # The title of a circle stands above it.
    centres, high = packed([radius + _TITLE / 2 for radius in radii], _WIDE, _GAP)
    circles = tuple(
        _circle(name, domains[name], (_EDGE + x, _EDGE + y + _TITLE / 2), radius)
        for name, (x, y), radius in zip(names, centres, radii, strict=True)
    )
    between = Counter(
        (source.partition("/")[0], target.partition("/")[0]) for source, target in reads
    )
    at = {circle.name: circle for circle in circles}
    arcs = tuple(
        _arc(at[source], at[target], number)
        for (source, target), number in between.most_common(_MOST_LINKS)
        if source != target
    )
    return Overall(_WIDE + 2 * _EDGE, high + 2 * _EDGE + _TITLE, circles, arcs)


def _radius(number: int) -> float:
    return max(34.0, _DOT * math.sqrt(number) / 1.7 + 8)


def _circle(name: str, cards: Sequence[Card], centre: tuple[float, float], radius: float) -> Circle:
    ordered = sorted(cards, key=lambda card: (HEALTH.index(card.health), card.identity))
    points = sunflower(len(ordered), radius - 8)
    places = [
        (card, centre[0] + x, centre[1] + y) for card, (x, y) in zip(ordered, points, strict=True)
    ]
    paths: dict[str, list[str]] = defaultdict(list)
    for card, x, y in places:
        paths[card.health].append(f"M{x:.0f} {y:.0f}h0")
    return Circle(
        name,
        *centre,
        radius,
        len(cards),
        dict(Counter(card.health for card in cards)),
        tuple((health, "".join(parts)) for health, parts in paths.items()),
        tuple(place for place in places if place[0].health == "broken")[:_MOST_LINKS],
    )


def _arc(source: Circle, target: Circle, number: int) -> Arc:
    """A bow from one circle's edge to the other's."""
    dx, dy = target.x - source.x, target.y - source.y
    far = math.hypot(dx, dy) or 1.0
    ux, uy = dx / far, dy / far
    x1, y1 = source.x + ux * source.radius, source.y + uy * source.radius
    x2, y2 = target.x - ux * target.radius, target.y - uy * target.radius
    bow = far / 8
    mx, my = (x1 + x2) / 2 - uy * bow, (y1 + y2) / 2 + ux * bow
    path = f"M{x1:.0f} {y1:.0f}Q{mx:.0f} {my:.0f} {x2:.0f} {y2:.0f}"
    wide = min(6.0, 1.0 + math.log2(number))
    return Arc(path, number, wide, source.name, target.name)
