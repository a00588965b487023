"""Semantic versions (https://semver.org, 2.0.0): which is higher, and whether it was raised enough.

Before 1.0.0 anything may change at any time (item 4), and so it may in a pre-release (item 9):
there every change is satisfied by a higher version.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_defs.policy.compatibility.model import Bump

_FORM = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
    r"(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z",
    re.ASCII,
)


@total_ordering
@dataclass(frozen=True, slots=True)
class SemanticVersion:
    """A semantic version without its build metadata, which does not count (item 10)."""

    major: int
    minor: int
    patch: int
    pre: tuple[str, ...] = ()

    @property
    def stable(self) -> bool:
        """Whether it promises anything about what comes after it."""
        return self.major > 0 and not self.pre

    @property
    def core(self) -> tuple[int, int, int]:
        """Its three numbers."""
        return self.major, self.minor, self.patch

    def __lt__(self, other: SemanticVersion) -> bool:
        return self._order < other._order

    @property
    def _order(self) -> tuple[tuple[int, int, int], bool, list[tuple[bool, int, str]]]:
        """The precedence of item 11: numbers below words, a pre-release below its release."""
        parts = [
            (False, int(part), "") if part.isdecimal() else (True, 0, part) for part in self.pre
        ]
        return self.core, not self.pre, parts


def parse_version(text: str) -> SemanticVersion | None:
    """``text`` as a semantic version, or None when it is none."""
    match = _FORM.match(text)
    if match is None:
        return None
    pre = tuple(match[4].split(".")) if match[4] else ()
    return SemanticVersion(int(match[1]), int(match[2]), int(match[3]), pre)


def satisfied(before: str, after: str, bump: Bump) -> bool:
    """Whether going from ``before`` to ``after`` raises the version as much as ``bump`` asks for.

    False whenever the version was lowered, and for one that is no semantic one, unless it was
    so before and nothing changed. A semantic version after one that was none will always do.
    """
    old, new = parse_version(before), parse_version(after)
    if new is None:
        return bump == "none" and before == after
    if old is None:
        return True
    if bump == "none":
        return new >= old
    if not old.stable:
        return new > old
    if bump == "major":
        return new.major > old.major
    if bump == "minor":
        return (new.major, new.minor) > (old.major, old.minor)
    return new.core > old.core


def least(before: str, bump: Bump) -> str | None:
    """The lowest release that satisfies ``bump`` after ``before``; None when that is no semantic
    version."""
    old = parse_version(before)
    if old is None:
        return None
    major, minor, patch = old.core
    if bump == "none":
        return before
    if not old.stable:
        return f"{major}.{minor}.{patch}" if old.pre else f"{major}.{minor}.{patch + 1}"
    if bump == "major":
        return f"{major + 1}.0.0"
    return f"{major}.{minor + 1}.0" if bump == "minor" else f"{major}.{minor}.{patch + 1}"
