"""The Cedar schema of a mesh: what access policies may speak of.

Format: Cedar schema syntax (docs.cedarpolicy.com, "Cedar schema format"). It is the same for every
mesh and is written to ``schemas/mesh.cedarschema`` by ``mesh schema --write``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mesh_defs.contract.model import CLASSIFICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "mesh.cedarschema"
SCHEMAS = "schemas"

PRINCIPALS = ("Person", "Service", "Agent")
PRINCIPAL_ATTRIBUTES: Mapping[str, str] = {
    "domain?": "String",
    "known": "Bool",
    "name": "String",
}
_PRODUCT: Mapping[str, str] = {
    "archetype": "String",
    "domain": "String",
    "owner?": "String",
    "status": "String",
    "tags": "Set<String>",
}
_PORT: Mapping[str, str] = {"classification": "String", **_PRODUCT}
RESOURCES: Mapping[str, tuple[str | None, Mapping[str, str]]] = {
    "Domain": (None, {"domain": "String"}),
    "Product": ("Domain", _PRODUCT),
    "Port": ("Product", _PORT),
    "Column": ("Port", _PORT),
}
# Which resources each action is about. Who reads a port is asked about the port and each column.
Action = Literal["discover", "read", "query", "subscribe", "control"]
ACTIONS: Mapping[Action, tuple[str, ...]] = {
    "discover": ("Domain", "Product", "Port", "Column"),
    "read": ("Port", "Column"),
    "query": ("Port", "Column"),
    "subscribe": ("Port", "Column"),
    "control": ("Product",),
}
# ``granted`` tells that the owner approved the request of this principal, for this purpose.
CONTEXT: Mapping[str, str] = {
    "environment": "String",
    "granted": "Bool",
    "purpose?": "String",
    "time": "datetime",
}

# Values that an attribute can have; what is compared with another one never holds.
VALUES: Mapping[str, tuple[str, ...]] = {
    "archetype": ("source-aligned", "aggregate", "consumer-aligned"),
    "classification": CLASSIFICATIONS,
    "status": ("proposed", "draft", "active", "deprecated", "retired"),
}


def cedar_schema() -> str:
    """The schema's text."""
    parts = [
        "// What access policies of a mesh may speak of. Made by `mesh schema --write`.",
        "",
        "entity Role;",
        *(f"entity {name} in [Role] {_record(PRINCIPAL_ATTRIBUTES)};" for name in PRINCIPALS),
        "",
    ]
    for name, (parent, attributes) in RESOURCES.items():
        inside = f" in [{parent}]" if parent is not None else ""
        parts.append(f"entity {name}{inside} {_record(attributes)};")
    parts += ["", f"type Request = {_record(CONTEXT)};", ""]
    for action, resources in ACTIONS.items():
        parts += [
            f"action {action} appliesTo {{",
            f"  principal: [{', '.join(PRINCIPALS)}],",
            f"  resource: [{', '.join(resources)}],",
            "  context: Request,",
            "};",
        ]
    return "\n".join(parts) + "\n"


def _record(attributes: Mapping[str, str]) -> str:
    listed = ", ".join(f"{name}: {kind}" for name, kind in attributes.items())
    return f"{{ {listed} }}"
