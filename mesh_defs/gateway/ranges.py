"""Byte ranges (RFC 9110, section 14): which parts of a file are asked for, and which were sent."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

# An answer of more parts than these is more headers than data: then the whole file is sent.
MOST_PARTS = 64
_MOST_DIGITS = 18
_SPEC = re.compile(rf"([0-9]{{0,{_MOST_DIGITS}}})-([0-9]{{0,{_MOST_DIGITS}}})\Z")
_MOST_SPANS = 65_536

Span = tuple[int, int]  # from a byte up to another, which is not in it


class Unsatisfiable(Exception):
    """No part of the file is asked for; to be answered with 416."""


def read_ranges(header: str | None, size: int) -> list[Span] | None:
    """The parts of a file of ``size`` bytes that a ``Range`` asks for, those that touch each other
    as one, in the order in which they were asked for first.

    None means the whole file: no ``Range``, one that is not understood (which a server ignores), or
    more parts than `MOST_PARTS`. Raises `Unsatisfiable`.
    """
    if header is None:
        return None
    unit, equals, listed = header.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    specs = [_SPEC.match(each.strip()) for each in listed.split(",") if each.strip()]
    if not specs:
        return None
    found: list[Span] = []
    for spec in specs:
        if spec is None or not (spec[1] or spec[2]):
            return None
        if spec[1] and spec[2] and int(spec[2]) < int(spec[1]):
            return None
        span = _span(spec[1], spec[2], size)
        if span is not None:
            found.append(span)
    if not found:
        raise Unsatisfiable
    merged = _merged(found)
    return merged if len(merged) <= MOST_PARTS else None


def _span(first: str, last: str, size: int) -> Span | None:
    if not first:
        length = min(int(last), size)
        return (size - length, size) if length else None
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    return (start, stop) if start < size else None


def _merged(spans: list[Span]) -> list[Span]:
    union = Spans()
    for start, stop in spans:
        union.add(start, stop)
    return list(dict.fromkeys(union.around(start) for start, _ in spans))


@dataclass(slots=True)
class Spans:
    """A set of bytes, as the spans that they make up; ``size`` counts them, each once.

    Of more than 65,536 spans no further ones are kept: then ``size`` is less than it was.
    """

    starts: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    size: int = 0

    def add(self, start: int, stop: int) -> None:
        """Add the bytes from ``start`` up to ``stop``."""
        if start >= stop:
            return
        first = bisect_left(self.stops, start)
        last = bisect_right(self.starts, stop)
        if first == last and len(self.starts) >= _MOST_SPANS:
            return
        if first < last:
            start = min(start, self.starts[first])
            stop = max(stop, self.stops[last - 1])
        gone = sum(self.stops[i] - self.starts[i] for i in range(first, last))
        self.starts[first:last] = [start]
        self.stops[first:last] = [stop]
        self.size += stop - start - gone

    def covers(self, start: int, stop: int) -> bool:
        """Whether all bytes from ``start`` up to ``stop`` are in the set."""
        index = bisect_right(self.starts, start) - 1
        return start >= stop or (index >= 0 and stop <= self.stops[index])

    def around(self, byte: int) -> Span:
        """The span that ``byte``, which is in the set, belongs to."""
        index = bisect_right(self.starts, byte) - 1
        return self.starts[index], self.stops[index]
