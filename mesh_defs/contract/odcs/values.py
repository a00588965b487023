"""Values of a contract against the logical type of their column."""

from __future__ import annotations

import math
from datetime import date, datetime, time

LOGICAL_TYPES = (
    "string",
    "date",
    "timestamp",
    "time",
    "number",
    "integer",
    "object",
    "array",
    "boolean",
    "map",
    "vector",
)
TEMPORAL = frozenset({"date", "timestamp", "time"})
NUMERIC = frozenset({"number", "integer"})
NESTED = frozenset({"object", "array", "map", "vector"})


def is_number(value: object) -> bool:
    """A finite number; booleans are none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def moment(text: str, logical: str) -> date | time | None:
    """ISO 8601 ``text`` as a date, datetime or time; None when it is none."""
    try:
        if logical == "time":
            return time.fromisoformat(text)
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def fits(value: object, logical: str | None) -> bool:
    """Whether ``value`` can be a value of a column of the type ``logical`` (None: unknown)."""
    if logical == "string":
        return isinstance(value, str)
    if logical == "boolean":
        return isinstance(value, bool)
    if logical == "integer":
        return is_number(value) and float(str(value)).is_integer()
    if logical == "number":
        return is_number(value)
    if logical in TEMPORAL:
        return isinstance(value, str) and moment(value, logical or "") is not None
    return True


def type_text(logical: str | None) -> str:
    """What values of a column of this type look like, in words."""
    if logical in TEMPORAL:
        example = {"date": "2023-01-31", "time": "08:30:00"}.get(
            logical or "", "2023-01-31T08:30:00"
        )
        return f"ISO 8601 text such as {example}, as the column is a {logical}"
    words = {"string": "text (in quotes)", "boolean": "true or false", "integer": "whole numbers"}
    return f"{words.get(logical or '', 'numbers')}, as the column is of type {logical}"
