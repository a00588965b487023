"""What a policy names: entities, roles, and the values that it compares attributes with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.access.rules import Rule

_COMPARISONS = ("==", "!=", "contains", "containsAny", "containsAll", "in")


@dataclass(frozen=True, slots=True)
class Compared:
    """An attribute of ``owner`` (``resource``, ``context``...) that is compared with a text."""

    owner: str
    attribute: str
    value: str


def entities(rule: Rule) -> list[tuple[str, str]]:
    """Every entity that the policy names, as type and id, in its head and in its conditions."""
    return list(dict.fromkeys(_entities(rule.json)))


def compared(rule: Rule) -> list[Compared]:
    """Every attribute that the policy compares with a text."""
    return list(dict.fromkeys(_compared(rule.json)))


def _entities(node: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  JSON
    if isinstance(node, list):
        for item in node:
            yield from _entities(item)
    elif isinstance(node, dict):
        if set(node) == {"type", "id"}:
            yield str(node["type"]), str(node["id"])
            return
        for value in node.values():
            yield from _entities(value)


def _compared(node: Any) -> Iterator[Compared]:  # noqa: ANN401  JSON
    if isinstance(node, list):
        for item in node:
            yield from _compared(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name in _COMPARISONS and isinstance(value, dict) and {"left", "right"} <= set(value):
                sides = value["left"], value["right"]
                for one, other in (sides, sides[::-1]):
                    yield from _pairs(one, other)
            yield from _compared(value)


def _pairs(one: Any, other: Any) -> Iterator[Compared]:  # noqa: ANN401  JSON
    access = one.get(".") if isinstance(one, dict) else None
    owner = access["left"].get("Var") if isinstance(access, dict) else None
    if isinstance(access, dict) and owner is not None:
        for text in _texts(other):
            yield Compared(str(owner), str(access["attr"]), text)


def _texts(node: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    if not isinstance(node, dict):
        return
    value = node.get("Value")
    if isinstance(value, str):
        yield value
    for item in node.get("Set", ()):
        yield from _texts(item)
