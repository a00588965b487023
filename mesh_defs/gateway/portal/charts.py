"""Small charts as SVG: numbers in, text out, nothing of anybody's words but what is escaped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDE, _HIGH, _EDGE = 120.0, 28.0, 2.0
_MOST_POINTS = 120
_BAR = 6


def spark(values: Sequence[float | None], label: str, *, least: float | None = None) -> Markup:
    """A line over time, the oldest first; None leaves a gap. ``label`` says what it shows; from
    ``least`` up, else from its least value."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    if not known:
        return Markup("")
    shown = _thinned(values)
    low = min(known) if least is None else min(least, *known)
    high = max(known)
    across = (_WIDE - 2 * _EDGE) / max(1, len(shown) - 1)
    points: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(shown):
        if value is None or not math.isfinite(value):
            points.append([])
            continue
        up = (value - low) / (high - low) if high > low else 0.5
        points[-1].append((_EDGE + place * across, _HIGH - _EDGE - up * (_HIGH - 2 * _EDGE)))
    lines = [_line(part) for part in points if part]
    last = next(part[-1] for part in reversed(points) if part)
    dot = f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2"/>'
    return _svg("spark", _WIDE, _HIGH, label, "".join(lines) + dot)


def histogram(counts: Sequence[int], label: str) -> Markup:
    """Bars, one for each bin, as one path: a page has many."""
    most = max(counts, default=0)
    if most <= 0:
        return Markup("")
    bars = []
    for place, number in enumerate(counts):
        high = _HIGH * number / most
        if number:
            high = max(high, 1.0)
            bars.append(f"M{place * _BAR} {_HIGH:.0f}v-{high:.1f}h{_BAR - 1}v{high:.1f}z")
    body = f'<path d="{"".join(bars)}"/>'
    return _svg("histogram", len(counts) * _BAR, _HIGH, label, body)


def share(value: float, label: str) -> Markup:
    """A share from 0 to 1, as a bar that is filled so far."""
    wide = 60.0
    filled = wide * min(1.0, max(0.0, value))
    body = f'<rect class="track" width="{wide:.0f}" height="6" rx="3"/>'
    body += f'<rect width="{filled:.1f}" height="6" rx="3"/>'
    return _svg("share", wide, 6, label, body)


def _svg(kind: str, wide: float, high: float, label: str, body: str) -> Markup:
    head = (
        f'<svg class="{kind}" viewBox="0 0 {wide:.0f} {high:.0f}" width="{wide:.0f}" '
        f'height="{high:.0f}" role="img" aria-label="'
    )
    return Markup(head) + escape(label) + Markup(f'">{body}</svg>')  # noqa: S704  numbers alone


def _line(points: Iterable[tuple[float, float]]) -> str:
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{told}"/>'


def _thinned(values: Sequence[float | None]) -> Sequence[float | None]:
    """At most so many values, the last one among them."""
    step = math.ceil(len(values) / _MOST_POINTS)
    return list(values)[::-1][::step][::-1] if step > 1 else values
