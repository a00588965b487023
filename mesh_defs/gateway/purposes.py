"""The form of a purpose: the same wherever one is named, in a query, a header or a token."""

from __future__ import annotations

import re

from mesh_defs.errors import InvalidRequest
from mesh_defs.faults import one_line, short

PURPOSE = re.compile(r"[A-Za-z][A-Za-z0-9_. -]{0,62}\Z")
PURPOSE_RULE = "letters, digits, blanks and _ . -, starting with a letter, at most 63"
_SHOWN = 60


def checked_purpose(purpose: str | None) -> str | None:
    """``purpose`` as it is. Raises `InvalidRequest` for one of another form: it would stand in
    receipts."""
    if purpose is None or PURPOSE.match(purpose):
        return purpose
    shown = short(one_line(purpose[: 2 * _SHOWN]), _SHOWN)
    raise InvalidRequest(
        f"'{shown}' is no purpose; allowed: {PURPOSE_RULE}. Fix: name one that the product permits"
    )
