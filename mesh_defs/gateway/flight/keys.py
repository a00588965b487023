"""Primary and foreign keys, as contracts promise them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.rules import ForeignKey
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mesh_defs.gateway.describe import PortView, ProductView
    from mesh_defs.gateway.flight.messages import Command

_NO_ACTION = 3
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, order=True)
class _Table:
    catalog: str
    schema: str
    name: str

    def named(self, values: Mapping[str, Any], prefix: str = "") -> bool:
        """Whether the fields of a command that start with ``prefix`` name it."""
        wanted = {"catalog": self.catalog, "db_schema": self.schema}
        return values[f"{prefix}table"] == self.name and all(
            values[prefix + field] in (None, name) for field, name in wanted.items()
        )

    def row(self, prefix: str, column: str) -> dict[str, Any]:
        """Its names and a column's, in the columns of an answer that start with ``prefix``."""
        return {
            f"{prefix}catalog_name": self.catalog,
            f"{prefix}db_schema_name": self.schema,
            f"{prefix}table_name": self.name,
            f"{prefix}column_name": column,
        }


@dataclass(frozen=True, slots=True)
class _Foreign:
    name: str
    child: _Table
    columns: tuple[str, ...]
    parent: _Table
    parent_columns: tuple[str, ...]

    def rows(self) -> Iterator[dict[str, Any]]:
        for number, pair in enumerate(zip(self.columns, self.parent_columns, strict=False), 1):
            yield {
                **self.parent.row("pk_", pair[1]),
                **self.child.row("fk_", pair[0]),
                "key_sequence": number,
                "fk_key_name": self.name,
                "pk_key_name": None,
                "update_rule": _NO_ACTION,
                "delete_rule": _NO_ACTION,
            }


def key_rows(products: Sequence[ProductView], values: Mapping[str, Any]) -> Rows:
    """The answer to ``CommandGetPrimaryKeys`` with those ``values``."""
    found = []
    for table, port in _tables(products):
        if table.named(values):
            for number, column in enumerate(port.output.promise.primary_key, 1):
                row = table.row("", column)
                found.append({**row, "key_name": None, "key_sequence": number})
    return found


def foreign_keys(products: Sequence[ProductView], command: Command) -> Rows:
    """The answer to ``CommandGetExportedKeys`` (that lead to the table), ``CommandGetImportedKeys``
    (that lead out of it) or ``CommandGetCrossReference``. Keys of which an end may not be known of
    are not there."""
    found = list(_all(products))
    values = command.values
    if command.name == "CommandGetImportedKeys":
        found = [each for each in found if each.child.named(values)]
        found.sort(key=lambda each: (each.parent, each.name))
    elif command.name == "CommandGetExportedKeys":
        found = [each for each in found if each.parent.named(values)]
        found.sort(key=lambda each: (each.child, each.name))
    else:
        found = [
            each
            for each in found
            if each.parent.named(values, "pk_") and each.child.named(values, "fk_")
        ]
        found.sort(key=lambda each: (each.parent, each.child, each.name))
    return [row for each in found for row in each.rows()]


def _tables(products: Sequence[ProductView]) -> Iterator[tuple[_Table, PortView]]:
    for product in products:
        for port in product.ports:
            address = product.address
            yield _Table(address.domain, address.product, port.name), port


def _all(products: Sequence[ProductView]) -> Iterator[_Foreign]:
    known = {table for table, _ in _tables(products)}
    main = {product.identity: product.main for product in products}
    for child, port in _tables(products):
        for rule in port.output.promise.rules:
            if isinstance(rule, ForeignKey):
                parent = _parent(child, rule, main)
                if parent in known:
                    yield _Foreign(rule.id, child, rule.columns, parent, rule.target_columns)


def _parent(child: _Table, rule: ForeignKey, main: Mapping[str, str]) -> _Table:
    target = rule.target
    if isinstance(target, MeshUrl):
        port = target.port or main.get(target.identity, target.product)
        return _Table(target.domain, target.product, port)
    return child if target is None else _Table(child.catalog, child.schema, target)
