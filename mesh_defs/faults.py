"""A fault: one thing that is wrong in a file a person wrote, and how to mend it."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


_SHOWN = 60


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault, complete enough to act on without opening another page.

    ``file`` is relative to the mesh's root where it lies inside, ``line`` counts from 1 (0 when the
    file as a whole is meant), ``key`` is the dotted path inside the document
    (``outputs.flights.mode``).
    """

    file: str
    line: int
    key: str
    found: str
    allowed: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        key = f" {self.key}:" if self.key else ""
        told = f"{where}:{key} found {self.found}; allowed: {self.allowed}. Fix: {self.fix}"
        return one_line(told)

    def as_dict(self) -> dict[str, str | int]:
        """The fault as plain values, for ``--json``."""
        return asdict(self)


def one_line(name: str) -> str:
    """``name`` with every character that is not printable spelled out, so that it stays on its
    line."""
    if name.isprintable():
        return name
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def short(text: str, most: int = _SHOWN) -> str:
    """``text``, or its beginning when it is longer than anyone reads."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that ``word`` was most likely meant to be, or None when nothing is near."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A fix in words for an unknown ``word``: the nearest known one, or how to go on."""
    names = list(known)
    close = nearest(word, names)
    if close is not None:
        return f"write '{close}' instead of '{word}'"
    if not names:
        return f"remove '{word}'"
    return f"remove '{word}', or use one of the allowed names"


def relative(path: Path, root: Path | None) -> str:
    """``path`` as a person should see it: relative to ``root`` where it lies inside."""
    if root is None:
        return str(path)
    text, base = str(path), f"{root}/"
    if text.startswith(base):  # what nearly always is so, without taking paths apart
        return text[len(base) :]
    return str(path.relative_to(root)) if path.is_relative_to(root) else text
