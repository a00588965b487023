"""The values that a query with ``?`` or ``$name`` waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from mesh_defs.gateway.query.allow import is_text
from mesh_defs.gateway.query.faults import BadQuery
from mesh_defs.gateway.query.growth import MOST_PARAMETER

if TYPE_CHECKING:
    from mesh_defs.gateway.query.allow import Query

_KINDS = (str, int, float, bool, bytes, Decimal, date, datetime, time, timedelta, UUID, type(None))
_MOST_INTEGER = 2**127


def bound(query: Query, values: Sequence[object] | Mapping[str, object]) -> dict[str, object]:
    """``values`` by the names of the query's parameters; those of ``?`` are ``1``, ``2``, ...

    Raises `BadQuery` when one is missing, too many, or of a type that has no plain SQL value.
    """
    if isinstance(values, Mapping):
        given = dict(values)
    else:
        given = {str(index): value for index, value in enumerate(values, start=1)}
    wanted = ", ".join(f"${name}" for name in query.parameters) or "no parameter"
    if given.keys() != set(query.parameters):
        names = ", ".join(f"${name}" for name in given) or "no value"
        raise BadQuery(f"values for {names}", wanted, "give each parameter one value")
    for name, value in given.items():
        if not isinstance(value, _KINDS):
            found = f"a {type(value).__name__} for ${name}"
            raise BadQuery(found, "numbers, text, true, false, null, dates, times", "bind that")
        if isinstance(value, str) and not is_text(value):
            raise BadQuery(f"characters that are no text for ${name}", "text", "remove them")
        large = isinstance(value, int) and abs(value) >= _MOST_INTEGER
        if large or (isinstance(value, str | bytes) and len(value) > MOST_PARAMETER):
            allowed = f"text of up to {MOST_PARAMETER} characters, integers of 128 bits"
            raise BadQuery(f"too large a value for ${name}", allowed, "bind a smaller value")
    return given
