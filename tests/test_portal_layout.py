"""Where things stand in drawings: arrows lead on, and nothing lies on anything else."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.gateway.portal.drawing import Box, Line, Row, drawn
from mesh_defs.gateway.portal.layout import Bend, layered, packed, sunflower

NODES = st.integers(1, 24)


@st.composite
def graphs(draw: st.DrawFn, *, cycles: bool = True) -> tuple[list[str], list[tuple[str, str]]]:
    number = draw(NODES)
    names = [f"n{at}" for at in range(number)]
    pairs = draw(st.lists(st.tuples(st.integers(0, number - 1), st.integers(0, number - 1))))
    chosen = [(names[a], names[b]) for a, b in pairs if cycles or a < b]
    return draw(st.permutations(names)), chosen


@settings(deadline=None)
@given(graphs(cycles=False))
def test_every_edge_leads_on_through_each_layer_between(
    graph: tuple[list[str], list[tuple[str, str]]],
) -> None:
    nodes, edges = graph
    layers = layered(nodes, edges)
    at = {node: number for number, layer in enumerate(layers) for node in layer}
    assert sorted(each for each in at if isinstance(each, str)) == sorted(nodes)
    for source, target in edges:
        assert at[source] < at[target]
        between = range(at[source] + 1, at[target])
        assert all(at[Bend(source, target, layer)] == layer for layer in between)


@settings(deadline=None)
@given(graphs())
def test_a_cycle_is_drawn_too(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    nodes, edges = graph
    found = [each for layer in layered(nodes, edges) for each in layer if isinstance(each, str)]
    assert sorted(found) == sorted(nodes)


@settings(deadline=None)
@given(graphs(), st.integers(0, 5))
def test_boxes_lie_apart_and_inside_the_drawing(
    graph: tuple[list[str], list[tuple[str, str]]], rows: int
) -> None:
    nodes, edges = graph
    boxes = [
        Box(name, name, rows={f"r{at}": Row(f"r{at}") for at in range(rows)} if place % 2 else {})
        for place, name in enumerate(nodes)
    ]
    drawing = drawn(boxes, [Line(source, target) for source, target in edges])
    assert len(drawing.boxes) == len(nodes)
    for place, one in enumerate(drawing.boxes):
        assert 0 <= one.x <= drawing.wide - one.wide
        assert 0 <= one.y <= drawing.high - one.high
        for other in drawing.boxes[place + 1 :]:
            apart_across = one.x + one.wide <= other.x or other.x + other.wide <= one.x
            apart_down = one.y + one.high <= other.y or other.y + other.high <= one.y
            assert apart_across or apart_down
    assert len(drawing.lines) == len([1 for source, target in edges if source != target])


@settings(deadline=None)
@given(st.integers(1, 500), st.floats(10, 500))
def test_dots_fill_their_circle_and_stay_in_it(number: int, radius: float) -> None:
    dots = sunflower(number, radius)
    assert len(dots) == number
    assert all(math.hypot(x, y) <= radius for x, y in dots)


@settings(deadline=None)
@given(st.lists(st.floats(5, 200), min_size=1, max_size=60))
def test_circles_lie_apart(radii: list[float]) -> None:
    centres, high = packed(radii, 1000, 10)
    for place, ((x, y), radius) in enumerate(zip(centres, radii, strict=True)):
        assert y + radius <= high + 1e-6
        for (x2, y2), other in list(zip(centres, radii, strict=True))[place + 1 :]:
            assert math.hypot(x - x2, y - y2) >= radius + other - 1e-6
