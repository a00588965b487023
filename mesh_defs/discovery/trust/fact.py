"""A fact: one thing that was measured of a port, with how, and how it was over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a moment (aware, UTC)."""

    time: datetime
    value: float

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {"time": self.time.isoformat(), "value": round(self.value, 6)}


@dataclass(frozen=True, slots=True)
class Fact:
    """What was measured: ``value`` in ``unit`` (None: there is nothing to measure, ``how`` says
    why). ``window`` says over what time; ``series`` is oldest first; ``details`` are JSON values.
    """

    id: str
    title: str
    value: float | None
    unit: str
    window: str
    how: str
    series: tuple[Point, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "id": self.id,
            "title": self.title,
            "value": round(self.value, 6) if self.value is not None else None,
            "unit": self.unit,
            "window": self.window,
            "how": self.how,
            "series": [point.as_dict() for point in self.series],
            "details": dict(self.details),
        }
