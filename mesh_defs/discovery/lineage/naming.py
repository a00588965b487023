"""What names a column: rules of contracts, foreign keys of others, the way in which versions follow
each other, policies."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from mesh_defs.contract.describe import expected
from mesh_defs.contract.rules import (
    ColumnType,
    Custom,
    ForeignKey,
    Metric,
    NoOtherColumns,
    Query,
    Unique,
)
from mesh_defs.faults import relative
from mesh_defs.product.plan.mentions import word_pattern
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.contract.rules import Rule
    from mesh_defs.product.model import Mesh, OutputPort, Product

# They say no more than that the column is there.
_THERE = (ColumnType, NoOtherColumns)


@dataclass(frozen=True, slots=True)
class Named:
    """Something of the port ``url`` that names ``column``: its id, the ``<file>:<line>`` where it
    stands, and what it says. ``column`` None: it refers to some of the port."""

    kind: Literal["rule", "reference", "mode", "policy"]
    url: str
    column: str | None
    id: str
    where: str
    says: str

    def as_dict(self) -> dict[str, str | None]:
        """As JSON values."""
        return asdict(self)


def naming(mesh: Mesh, product: Product, port: OutputPort, column: str) -> Iterator[Named]:
    """What of ``port`` itself names its ``column``."""
    url = f"mesh://{product.identity}/{port.name}"
    file = relative(port.contract.path, mesh.root)
    for rule in port.promise.rules:
        if not isinstance(rule, _THERE) and _names(rule, column):
            yield Named("rule", url, column, rule.id, f"{file}:{rule.line}", expected(rule))
    told = {"cursor": (port.cursor,), "key": port.key, "by": (port.by,)}
    for key, names in {**told, "actual_time": (port.actual_time,)}.items():
        if column in names:
            where = f"{relative(product.folder / 'defs.yaml', mesh.root)}:{product.line}"
            yield Named("mode", url, column, key, where, f"{port.mode} by its '{key}'")
    for held in mesh.governance.in_force(product, port, mesh):
        dumped = held.policy.model_dump(mode="json") if held.policy is not None else {}
        if held.policy is not None and _mentions(dumped, column):
            where = str(held.origins[0])
            yield Named("policy", url, column, held.id, where, held.policy.message)


def referring(mesh: Mesh, target: Product, port: str, column: str | None) -> Iterator[Named]:
    """Foreign keys of any contract to ``column`` of a port (None: to any of it)."""
    for product in mesh.products.values():
        for output in product.outputs:
            for rule in output.promise.rules:
                if not isinstance(rule, ForeignKey):
                    continue
                if _target(mesh, product, output, rule) != (target.identity, port):
                    continue
                if column is not None and column not in rule.target_columns:
                    continue
                if output.name == port and product.identity == target.identity and column is None:
                    continue
                where = f"{relative(output.contract.path, mesh.root)}:{rule.line}"
                url = f"mesh://{product.identity}/{output.name}"
                yield Named("reference", url, column, rule.id, where, expected(rule))


def _target(
    mesh: Mesh, product: Product, output: OutputPort, rule: ForeignKey
) -> tuple[str, str] | None:
    if not isinstance(rule.target, MeshUrl):
        return product.identity, rule.target or output.name
    found = mesh.products.get(rule.target.identity)
    return (found.identity, rule.target.port or found.main_port) if found is not None else None


def _names(rule: Rule, column: str) -> bool:
    if rule.column == column:
        return True
    if isinstance(rule, Unique | ForeignKey):
        return column in rule.columns
    if isinstance(rule, Query):
        return word_pattern(column).search(rule.query) is not None
    if isinstance(rule, Metric):
        return _mentions(dict(rule.arguments), column)
    if isinstance(rule, Custom):
        text = rule.implementation
        written = text if isinstance(text, str) else json.dumps(dict(text), default=str)
        return word_pattern(column).search(written) is not None
    return False


def _mentions(value: object, column: str, key: str = "") -> bool:
    """Whether a parameter is the column's name, or a query that has it as a word."""
    if isinstance(value, str):
        query = key == "query" and word_pattern(column).search(value) is not None
        return query or value.lower() == column.lower()
    if isinstance(value, dict):
        return any(_mentions(each, column, str(name)) for name, each in value.items())
    return isinstance(value, list) and any(_mentions(each, column, key) for each in value)
