"""The conditions that most readers send, recognised without a parser: columns compared with numbers
and texts, joined by AND. Anything else is for the engine's own parser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMPARISON = re.compile(
    r"\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?P<op>>=|<=|=|>|<)\s*"
    r"(?P<constant>-?[0-9]{1,18}|'(?:[^']|'')*')(?=\s|\Z)"
)
_AND = re.compile(r"\s+AND(?=\s)", re.IGNORECASE)


def simple_condition(where: str, known: Sequence[str]) -> str | None:
    """``where`` in brackets, with the names quoted that are among ``known`` (whatever their case);
    None when it is not that simple."""
    names = {name.lower(): name for name in known}
    if len(names) < len(known):
        return None
    parts: list[str] = []
    place = 0
    while (found := _COMPARISON.match(where, place)) is not None:
        name = names.get(found["name"].lower())
        if name is None:
            return None
        parts.append(f"{quote(name)} {found['op']} {found['constant']}")
        place = found.end()
        if not where[place:].strip():
            return f"({' AND '.join(parts)})"
        following = _AND.match(where, place)
        if following is None:
            return None
        place = following.end()
    return None
