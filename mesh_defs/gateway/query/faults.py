"""What is told of a query that may not run, or that did not come to its end.

::

    GatewayError
    ├── BadQuery          400: the text is not one that may run: what was found, allowed, the fix
    ├── QueryFailed       400: the engine gave up on it (no value of a row is told)
    ├── TooLarge          413: it takes more rows, bytes, memory or time than it is given
    └── Cancelled         499: whoever asked went away
"""

from __future__ import annotations

from mesh_defs.faults import one_line, short
from mesh_defs.gateway.errors import GatewayError

_SHOWN = 300


class BadQuery(GatewayError):
    """A query, or a part of a structured read, that may not run.

    ``line`` and ``column`` count from 1 in the text as it was sent; 0 when no place is meant.
    """

    status = 400
    title = "The query may not run"

    def __init__(
        self, found: str, allowed: str, fix: str, *, line: int = 0, column: int = 0
    ) -> None:
        self.found, self.allowed, self.fix = (
            short(one_line(part), _SHOWN) for part in (found, allowed, fix)
        )
        self.line, self.column = line, column
        where = f"line {line}, column {column}: " if line else ""
        super().__init__(f"{where}found {self.found}; allowed: {self.allowed}. Fix: {self.fix}")


class QueryFailed(GatewayError):
    """The engine could not run a query that it was allowed to run."""

    status = 400
    title = "The query failed"


class TooLarge(GatewayError):
    """A query takes more than it is given."""

    status = 413
    title = "The query takes too much"


class Cancelled(GatewayError):
    """Whoever asked does not wait any more."""

    status = 499
    title = "Cancelled"


def place(text: str, offset: int | None) -> tuple[int, int]:
    """Line and column, from 1, of the character at ``offset`` in ``text``; zeros for none."""
    if offset is None or not 0 <= offset <= len(text):
        return 0, 0
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
