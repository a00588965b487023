"""The structured read of one port: columns, a condition, an order, a limit and an offset as SQL.

Every column is one of the port's, quoted; the condition is of the kind that
`mesh_defs.policy.access.conditions` lets be put to masked rows, and grows no text without bound.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from mesh_defs.faults import did_you_mean
from mesh_defs.gateway.query import growth, parser
from mesh_defs.gateway.query.allow import Query, is_text
from mesh_defs.gateway.query.faults import BadQuery
from mesh_defs.gateway.query.prune import Some
from mesh_defs.gateway.query.simple import Simple, simple_condition
from mesh_defs.policy.access.conditions import BadCondition, read_condition
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.urls import MeshUrl

MOST_NUMBER = 2**62
MOST_CONDITION = 10_000
_KEPT = 256
_ORDER = re.compile(r"(?P<name>.+?)(?:\s+(?P<way>asc|desc))?", re.IGNORECASE | re.DOTALL)
_DIGITS = re.compile(r"[0-9]{1,19}")


def select_query(
    url: MeshUrl,
    known: Sequence[str],
    *,
    columns: str | Sequence[str] | None = None,
    where: str | None = None,
    order: str | Sequence[str] | None = None,
    limit: str | int | None = None,
    offset: str | int | None = None,
) -> Query:
    """The query for the rows of ``url``, whose view has the columns ``known``.

    ``columns`` and ``order`` are lists, or text with commas; an order is a column, then ``asc`` or
    ``desc``. Names fit whatever their case. ``limit`` and ``offset`` are whole numbers from 0.
    Raises `BadQuery`, which names the part.
    """
    for word, part in (("columns", columns), ("where", where), ("order", order)):
        if isinstance(part, str) and not part.strip():
            # What was meant to leave rows or columns out must never be ignored.
            raise BadQuery(f"an empty '{word}'", "a text", f"leave '{word}' out, or fill it in")
    chosen = [_column(name, known, "columns") for name in _items(columns, "columns", known)]
    text = f"SELECT {', '.join(map(quote, chosen)) or '*'} FROM {quote(str(url))}"
    condition: str | Simple | None = None
    if where is not None:
        condition = _condition(where, tuple(known))
        text += f" WHERE {condition if isinstance(condition, str) else condition.sql}"
    if terms := [_term(item, known) for item in _items(order, "order", known)]:
        text += f" ORDER BY {', '.join(terms)}"
    cut = {"limit": limit, "offset": offset}
    numbers = {word: _number(value, word) for word, value in cut.items() if value is not None}
    for word, number in numbers.items():
        text += f" {word.upper()} {number}"
    some = None
    if isinstance(condition, Simple) and not terms:
        most, first = numbers.get("limit"), numbers.get("offset", 0)
        some = Some(str(url), tuple(chosen), condition.wanted, most, first)
    return Query(text, {str(url): url}, (), text, some)


def _items(value: str | Sequence[str] | None, part: str, known: Sequence[str]) -> list[str]:
    if value is None or not value:
        return []
    items = value.split(",") if isinstance(value, str) else list(value)
    items = [item if item in known else item.strip() for item in items]
    if not all(items):
        raise BadQuery(f"an empty name in '{part}'", ", ".join(known), "remove the comma")
    if len(items) > 2 * len(known):
        raise BadQuery(f"{len(items)} names in '{part}'", ", ".join(known), "name each one once")
    return items


def _column(name: str, known: Sequence[str], part: str) -> str:
    names = {each.lower(): each for each in known} | {each: each for each in known}
    found = names.get(name) or names.get(name.lower())
    if found is None:
        fix = did_you_mean(name, known)
        raise BadQuery(f"'{name}' in '{part}'", ", ".join(known), fix)
    return found


def _term(item: str, known: Sequence[str]) -> str:
    found = _ORDER.fullmatch(item)
    if item in known or found is None:
        return quote(_column(item, known, "order"))
    way = (found["way"] or "asc").upper()
    return f"{quote(_column(found['name'], known, 'order'))} {way}"


def _number(value: str | int, part: str) -> int:
    text = str(value).strip()
    if isinstance(value, bool) or not _DIGITS.fullmatch(text) or int(text) > MOST_NUMBER:
        allowed = f"a whole number from 0 to {MOST_NUMBER}"
        raise BadQuery(f"'{text}' in '{part}'", allowed, f"write {part}=100")
    return int(text)


@lru_cache(maxsize=_KEPT)
def _condition(where: str, known: tuple[str, ...]) -> str | Simple:
    """The condition ``where``, checked and written anew, which nothing but its columns decides.
    Raises `BadQuery`."""
    allowed = "one condition on the port's columns"
    if len(where) > MOST_CONDITION or not is_text(where):
        found = f"{len(where)} characters in 'where'"
        raise BadQuery(found, f"{MOST_CONDITION} characters of text", "write a shorter condition")
    simple = simple_condition(where, known)
    if simple is not None:
        return simple
    try:
        condition = parser.locked(
            lambda connection: read_condition(where, known, connection, growth.check_growth)
        )
    except BadCondition as error:
        raise BadQuery(f"{error.found} in 'where'", error.allowed, error.fix) from None
    except growth.Unbounded as error:
        raise BadQuery(f"{error.found} in 'where'", allowed, error.fix) from None
    except RecursionError:
        raise BadQuery("a condition that cannot be read", allowed, "write it plainly") from None
    return condition.sql
