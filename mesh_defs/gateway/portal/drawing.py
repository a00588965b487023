"""A graph of boxes, some with rows inside, as SVG that can be followed without a script: each box
and each row is a link."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.gateway.portal.layout import Bend, layered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WIDE, _HIGH, _ROW = 190, 44, 22
_ACROSS, _DOWN, _EDGE = 80, 16, 12
_COLUMNS = 4
_BEND = 4  # the room of a line that passes boxes
_MOST_LETTERS, _MOST_ROW_LETTERS = 26, 28


@dataclass(frozen=True, slots=True)
class Row:
    """A column in a box: what it is called, where it leads, and whether it is the one asked for."""

    name: str
    link: str | None = None
    chosen: bool = False


@dataclass(slots=True)
class Box:
    """A box by ``id``: two lines of text, where it leads, a word for its looks, its rows by id."""

    id: str
    title: str
    line: str = ""
    link: str | None = None
    look: str = "plain"
    chosen: bool = False
    rows: dict[str, Row] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """An arrow from a box, or one of its rows, to another; ``told`` says what flows; ``look`` is a
    word for its looks."""

    source: str
    target: str
    source_row: str | None = None
    target_row: str | None = None
    told: str = ""
    look: str = "reads"


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A box with the place of its upper left corner; ``rows`` with the height of their middle."""

    box: Box
    x: float
    y: float
    high: float
    rows: tuple[tuple[Row, float], ...]

    wide: int = _WIDE

    @property
    def title(self) -> str:
        """The first line, as far as it fits."""
        return shortened(self.box.title, _MOST_LETTERS)

    @property
    def line(self) -> str:
        """The second line, as far as it fits."""
        return shortened(self.box.line, _MOST_ROW_LETTERS)


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """An arrow with its path, in numbers alone."""

    line: Line
    path: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a template draws; in units that are pixels at first."""

    wide: float
    high: float
    boxes: tuple[PlacedBox, ...]
    lines: tuple[PlacedLine, ...]


def drawn(boxes: Sequence[Box], lines: Sequence[Line]) -> Drawing:
    """The graph, from left to right; boxes that nothing is joined with stand in rows below it."""
    by_id = {box.id: box for box in boxes}
    edges = [(each.source, each.target) for each in lines]
    joined = {name for edge in edges if edge[0] != edge[1] for name in edge}
    layers = layered([box.id for box in boxes if box.id in joined], edges)
    high = {each: _high(by_id, each) for layer in layers for each in layer}
    heights = [sum(high[one] + _DOWN for one in layer) - _DOWN for layer in layers]
    most = max(heights, default=0)
    placed: dict[str, PlacedBox] = {}
    bends: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for at, layer in enumerate(layers):
        x, y = _EDGE + at * (_WIDE + _ACROSS), _EDGE + (most - heights[at]) / 2
        for one in layer:
            if isinstance(one, Bend):
                bends[one.source, one.target].append((x, y + high[one] / 2))
            else:
                placed[one] = _placed(by_id[one], x, y, high[one])
            y += high[one] + _DOWN
    alone = [box for box in boxes if box.id not in joined]
    columns = max(_COLUMNS, len(layers)) if len(alone) >= _COLUMNS else len(alone)
    low = _rows_of(alone, columns, most + _EDGE + (_DOWN if layers else 0), placed)
    found = tuple(
        PlacedLine(each, _path(placed[each.source], placed[each.target], each, bends))
        for each in lines
        if each.source in placed and each.target in placed and each.source != each.target
    )
    wide = 2 * _EDGE + max(len(layers), columns) * (_WIDE + _ACROSS) - _ACROSS
    return Drawing(wide, max(most + _EDGE, low) + _EDGE, tuple(placed.values()), found)


def _rows_of(boxes: Sequence[Box], columns: int, top: float, placed: dict[str, PlacedBox]) -> float:
    """Place ``boxes`` in rows of so many from ``top`` on; where the last one ends."""
    end = top if boxes else 0.0
    for first in range(0, len(boxes), columns or 1):
        row = boxes[first : first + columns]
        high = max(_high_of(box) for box in row)
        for at, box in enumerate(row):
            x = _EDGE + at * (_WIDE + _ACROSS)
            placed[box.id] = _placed(box, x, top, _high_of(box))
        end = top + high
        top = end + _DOWN
    return end


def shortened(text: str, most: int) -> str:
    """``text`` on one line, its end left out where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _high(boxes: Mapping[str, Box], one: str | Bend) -> float:
    if isinstance(one, Bend):
        return _BEND
    return _high_of(boxes[one])


def _high_of(box: Box) -> float:
    return _HIGH + (_ROW * len(box.rows) + 4 if box.rows else 0)


def _placed(box: Box, x: float, y: float, high: float) -> PlacedBox:
    rows = tuple(
        (row, y + _HIGH + _ROW * (number + 0.5)) for number, row in enumerate(box.rows.values())
    )
    return PlacedBox(box, x, y, high, rows)


def _middle(placed: PlacedBox, row: str | None) -> float:
    for (_, at), name in zip(placed.rows, placed.box.rows, strict=True):
        if name == row:
            return at
    return placed.y + _HIGH / 2


def _path(
    source: PlacedBox,
    target: PlacedBox,
    line: Line,
    bends: Mapping[tuple[str, str], Sequence[tuple[float, float]]],
) -> str:
    """From box to box, past those between."""
    x, y = source.x + _WIDE, _middle(source, line.source_row)
    parts = [f"M{x:.0f} {y:.0f}"]
    for left, middle in bends.get((line.source, line.target), ()):
        parts.append(_curve(x, y, left, middle))
        x, y = left + _WIDE, middle
        parts.append(f"H{x:.0f}")
    parts.append(_curve(x, y, target.x, _middle(target, line.target_row)))
    return "".join(parts)


def _curve(x1: float, y1: float, x2: float, y2: float) -> str:
    bend = max(30.0, abs(x2 - x1) / 2)
    return f"C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
