"""``docs/reference/policies.md``: every policy that ships, from its class."""

from __future__ import annotations

import inspect

from pydantic_core import PydanticUndefined

from mesh_defs.policy.model import DeclaredPolicy, Policy
from mesh_defs.policy.registry import SHIPPED, policy_class

_HEAD = """\
# The policies that ship

Made from the classes by `python -m mesh_defs.cli.reference`; change it there. The
[guide](../guides/govern.md) says how they are put in force. A parameter that is `higher` is
stricter when its value is higher, and so on; one without a direction cannot be changed below the
level that set it.
"""
_MOMENTS = {True: "What is declared", False: "The data, before it is published"}


def policies_page() -> str:
    """The text of the page. Raises `ImportError` when a policy's home is not what it says."""
    lines = [_HEAD]
    for declared in (True, False):
        lines.append(f"## {_MOMENTS[declared]}\n")
        for name in SHIPPED:
            kind = policy_class(name)
            if kind is not None and issubclass(kind, DeclaredPolicy) == declared:
                lines.append(_section(kind))
    return "\n".join(lines)


def _section(kind: type[Policy]) -> str:
    text = inspect.cleandoc(kind.__doc__ or "")
    lines = [f"### {kind.__name__}", "", text, ""]
    if kind.model_fields:
        lines += ["| parameter | default | stricter | |", "| --- | --- | --- | --- |"]
    for name, field in kind.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "required" if default is PydanticUndefined else f"`{default!r}`"
        description = (field.description or "").replace("|", "\\|")
        shown = shown.replace("|", "\\|")
        lines.append(f"| `{name}` | {shown} | {kind.direction(name) or ''} | {description} |")
    return "\n".join([*lines, ""]) if kind.model_fields else "\n".join(lines)
