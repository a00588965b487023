"""A graph of boxes, some with rows inside, as SVG that can be followed without a script: each box
and each row is a link."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.gateway.portal.layout import layered

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDE, _HIGH, _ROW = 190, 44, 22
_ACROSS, _DOWN, _EDGE = 80, 16, 12
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
    """The graph, from left to right."""
    by_id = {box.id: box for box in boxes}
    layers = layered([box.id for box in boxes], [(each.source, each.target) for each in lines])
    heights = [sum(_high(by_id[one]) + _DOWN for one in layer) - _DOWN for layer in layers]
    most = max(heights, default=0)
    placed: dict[str, PlacedBox] = {}
    for at, layer in enumerate(layers):
        y = _EDGE + (most - heights[at]) / 2
        for one in layer:
            placed[one] = _placed(by_id[one], _EDGE + at * (_WIDE + _ACROSS), y)
            y += placed[one].high + _DOWN
    found = tuple(
        PlacedLine(each, _path(placed[each.source], placed[each.target], each))
        for each in lines
        if each.source in placed and each.target in placed and each.source != each.target
    )
    wide = 2 * _EDGE + len(layers) * (_WIDE + _ACROSS) - _ACROSS
    return Drawing(max(wide, 2 * _EDGE), most + 2 * _EDGE, tuple(placed.values()), found)


def shortened(text: str, most: int) -> str:
    """``text`` on one line, its end left out where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _high(box: Box) -> float:
    return _HIGH + (_ROW * len(box.rows) + 4 if box.rows else 0)


def _placed(box: Box, x: float, y: float) -> PlacedBox:
    rows = tuple(
        (row, y + _HIGH + _ROW * (number + 0.5)) for number, row in enumerate(box.rows.values())
    )
    return PlacedBox(box, x, y, _high(box), rows)


def _middle(placed: PlacedBox, row: str | None) -> float:
    for (_, at), name in zip(placed.rows, placed.box.rows, strict=True):
        if name == row:
            return at
    return placed.y + _HIGH / 2


def _path(source: PlacedBox, target: PlacedBox, line: Line) -> str:
    x1, y1 = source.x + _WIDE, _middle(source, line.source_row)
    x2, y2 = target.x, _middle(target, line.target_row)
    bend = max(30.0, abs(x2 - x1) / 2)
    return f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
