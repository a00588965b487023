"""Walking the tree that DuckDB's own parser makes of a query (``json_serialize_sql``).

An expression is an object with a ``class``; a relation, a selection or an ordering one with a
``type``. The value of a constant and the type of a cast are looked at by nobody here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Node = dict[str, Any]
_OPAQUE = frozenset({"cast_type"})
_HIDDEN = frozenset({"cast_type", "value"})
_HOLDING = (list, dict)


def dicts(value: object) -> Iterator[Node]:
    """Every object in ``value``, itself first."""
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, list):
            waiting.extend(reversed(found))
        elif isinstance(found, dict):
            yield found
            below = [item for item in inner(found) if type(item) in _HOLDING]
            waiting.extend(reversed(below))


def inner(node: Node) -> list[object]:
    """What stands in ``node`` that is to be looked at."""
    hidden = _HIDDEN if node.get("class") == "CONSTANT" else _OPAQUE
    return [item for key, item in node.items() if key not in hidden]


def roots(value: object, *, inside: bool = False) -> Iterator[Node]:
    """Every expression that stands in no other of its own selection. Of a function in place of a
    table, its arguments."""
    if isinstance(value, list):
        for item in value:
            yield from roots(item, inside=inside)
    elif isinstance(value, dict):
        if value.get("type") == "TABLE_FUNCTION":
            yield from roots(value["function"]["children"])
            return
        if "class" in value and not inside:
            yield value
        within = (inside or "class" in value) and "cte_map" not in value
        for item in inner(value):
            yield from roots(item, inside=within)


def expressions(expression: Node) -> Iterator[Node]:
    """``expression`` and every expression in it."""
    yield expression
    for child in children(expression):
        yield from expressions(child)


def children(expression: Node) -> list[Node]:
    """The expressions right below, those of a subquery among them."""
    return list(_first(inner(expression)))


def _first(values: Iterable[object]) -> Iterator[Node]:
    for value in values:
        if isinstance(value, list):
            yield from _first(value)
        elif isinstance(value, dict):
            if "class" in value:
                yield value
            else:
                yield from _first(inner(value))


def integer(node: Node) -> int | None:
    """The whole number that ``node`` is, written out, or None."""
    if node.get("class") == "FUNCTION" and node.get("function_name") == "-":
        given = node["children"]
        below = integer(given[0]) if len(given) == 1 else None
        return None if below is None else -below
    value = _constant(node)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text(node: Node) -> str | None:
    """The text that ``node`` is, written out, or None."""
    value = _constant(node)
    return value if isinstance(value, str) else None


def _constant(node: Node) -> object:
    if node.get("class") != "CONSTANT" or node["value"].get("is_null"):
        return None
    value: object = node["value"].get("value")
    return value
