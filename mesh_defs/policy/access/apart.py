"""Whether rules look at nothing but who asks and what is asked about: what else is known changes
nothing then, and many requests can be decided over the same entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def is_apart(node: Any) -> bool:  # noqa: ANN401  JSON
    """Whether, in Cedar's JSON form, entities that are named stand nowhere but where something is
    compared with them, or looked for in them."""
    if isinstance(node, list):
        return all(is_apart(item) for item in node)
    if not isinstance(node, dict):
        return True
    asked = [] if "==" in node or "!=" in node else _asked(node)
    return not any(_names(each) for each in asked) and all(
        is_apart(value) for value in node.values()
    )


def _asked(node: Mapping[str, Any]) -> list[Any]:
    """What ``node`` looks something up of."""
    return [
        value[side]
        for value in node.values()
        if isinstance(value, dict)
        for side in ("left", "arg")
        if side in value
    ]


def _names(node: Any) -> bool:  # noqa: ANN401  JSON
    if isinstance(node, list):
        return any(map(_names, node))
    if not isinstance(node, dict):
        return False
    return "__entity" in node or any(map(_names, node.values()))
