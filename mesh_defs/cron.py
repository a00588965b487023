"""Cron expressions of five fields: minute, hour, day of month, month, day of week."""

from __future__ import annotations

import re

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?\Z")


def fault_in(expression: str) -> str | None:
    """What is wrong with ``expression``; None when nothing is."""
    fields = expression.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} fields"
    for text, (name, low, high, words) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if not _fits(part.lower(), low, high, words):
                return f"'{part}' is no {name} ({low} to {high})"
    return None


def _fits(part: str, low: int, high: int, words: dict[str, int]) -> bool:
    match = _PART.match(part)
    if match is None or (match[3] is not None and int(match[3]) == 0):
        return False
    ends = [words.get(end, int(end) if end.isdecimal() else -1) for end in match.group(1, 2) if end]
    return all(low <= end <= high for end in ends) and ends == sorted(ends)
