"""What executing a rule found, before severity turns it into a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class CannotRun(Exception):
    """A rule cannot be run on this data; the text is the reason that the verdict carries."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Where the rows that break a rule are: ``condition`` is SQL over the rows of ``relation``
    (what goes after FROM), ``columns`` are the ones that the rule looks at. ``by_row`` says that
    each row alone tells whether it breaks the rule."""

    relation: str
    condition: str
    columns: tuple[str, ...]
    by_row: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one rule. ``met`` None means that it could not run, and ``reason`` why."""

    met: bool | None
    observed: str
    decided_by: str
    failing_rows: int | None = None
    rows: int | None = None
    reason: str | None = None
    failing: Failing | None = None
    samples: tuple[Mapping[str, Any], ...] = ()
    expected: str | None = None


def not_run(reason: str, decided_by: str) -> Finding:
    """The finding of a rule that could not run."""
    return Finding(None, "could not run", decided_by, reason=reason)


def broken_rows(
    count: int, rows: int, decided_by: str, failing: Failing, words: str = "break the rule"
) -> Finding:
    """The finding of a rule that no row may break."""
    observed = f"none of {rows} rows" if count == 0 else f"{count} of {rows} rows"
    return Finding(
        met=count == 0,
        observed=f"{observed} {words}",
        decided_by=decided_by,
        failing_rows=count,
        rows=rows,
        failing=failing if count else None,
    )
