"""How far somebody has read a change feed: ``4`` is all of version 4, ``4.1000.<digest>`` the first
1,000 rows of what changed with it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mesh_defs.gateway.errors import BadRequest

FORM = "<version>, or a position that an answer told, such as 4.1000.0a1b2c3d4e5f6071"
BEFORE_ALL = -1
_TEXT = re.compile(r"(-1|[0-9]{1,15})(?:\.([0-9]{1,15})\.([0-9a-f]{16}))?\Z")


@dataclass(frozen=True, slots=True)
class Position:
    """``version`` -1 is before the first one. ``offset`` counts rows of what changed with
    ``version``, None is all of them; it counts those of one caller's view of them, by its
    ``digest``: for another view the version begins anew."""

    version: int
    offset: int | None = None
    digest: str = ""

    def before(self, version: int) -> bool:
        """Whether something of what changed with ``version`` is behind it."""
        return version > self.version or (version == self.version and self.offset is not None)

    def __str__(self) -> str:
        if self.offset is None:
            return str(self.version)
        return f"{self.version}.{self.offset}.{self.digest}"


def read_position(text: str, name: str = "since") -> Position:
    """The position that ``text`` tells. Raises `BadRequest`."""
    match = _TEXT.match(text)
    if match is None or (match[1] == "-1" and match[2]):
        found = text if len(text) <= 40 else f"{text[:40]}…"
        raise BadRequest(
            f"{name}: found '{found}'; allowed: {FORM}. Fix: write the last version that was read, "
            "-1 for none"
        )
    if match[2] is None:
        return Position(int(match[1]))
    return Position(int(match[1]), int(match[2]), match[3])
