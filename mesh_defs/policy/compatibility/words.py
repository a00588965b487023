"""What is written for people: whether it may mean something else now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.policy.compatibility.model import Change
from mesh_defs.policy.compatibility.units import unit_change

if TYPE_CHECKING:
    from mesh_defs.policy.compatibility.model import Level

_WORD = re.compile(r"\w+|[^\w\s.,;:!?'\"]")


def word_change(
    key: str, before: object, after: object, column: str | None, line: int = 0
) -> Change:
    """The change of a text that promises nothing."""
    reason = "words for people: read whether it still means the same"
    return Change("text", column, _shown(key, before), _shown(key, after), "none", reason, line)


def description_change(
    before: str | None, after: str | None, column: str, line: int = 0
) -> Change | None:
    """The change of a column's description, None when there is none.

    A machine cannot tell whether a text still means the same, so that another one is compatible at
    best; another unit or currency in it is breaking, as it is in a custom property. A first
    description takes nothing away, and neither does another spelling.
    """
    old, new = before or "", after or ""
    if old == new:
        return None
    units = unit_change(old, new)
    if old and units is not None:
        reason = (
            f"another unit ({units[0]} -> {units[1]}): the same number means something else"
            if units[1] != "none"
            else f"the unit is not named any more ({units[0]})"
        )
        return _meaning(before, after, column, line, "breaking", reason)
    if not old or _bare(old) == _bare(new):
        return word_change("description", before, after, column, line)
    reason = "the meaning may have changed: read whether it still means the same"
    return _meaning(before, after, column, line, "compatible", reason)


def _meaning(
    before: str | None, after: str | None, column: str, line: int, level: Level, reason: str
) -> Change:
    was, now = _shown("description", before), _shown("description", after)
    return Change("meaning", column, was, now, level, reason, line)


def _shown(key: str, value: object) -> str | None:
    return f"{key}: {value}" if value is not None else None


def _bare(text: str) -> list[str]:
    """The words alone: spelling, spaces and punctuation say nothing else."""
    return [word.casefold() for word in _WORD.findall(text)]
