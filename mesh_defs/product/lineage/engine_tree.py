"""What DuckDB's own parser says a query refers to, and where in the text each reference begins.

Lineage is followed in sqlglot's tree, which is not what runs. Whatever DuckDB takes for a column or
a relation must stand there as one too (`mesh_defs.product.lineage.reading`).
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    Node = dict[str, Any]

# DuckDB writes this, and not null, where it made up a reference itself.
_NOWHERE = 2**64 - 1
# Their second argument is a lambda; anywhere else `a -> b` is an operator on JSON.
_TAKE_LAMBDAS = frozenset(
    f"{prefix}{name}"
    for name in ("transform", "apply", "filter", "reduce")
    for prefix in ("", "list_", "array_")
)
# What stands for these is no expression.
_OPAQUE = frozenset({"cast_type"})
_OWN_SCHEMA = "main"
_lock = threading.Lock()


@dataclass(slots=True)
class References:
    """Places in a query, as offsets in characters: where columns begin (with the name there), among
    them those of which a method is called (``email`` in ``email.lower()``), and relations.
    ``pivots``: columns are named by the data."""

    columns: dict[int, str] = field(default_factory=dict)
    tables: dict[int, str] = field(default_factory=dict)
    pivots: bool = False


def references(query: str) -> References:
    """What ``query`` refers to. Raises `ValueError` for text that DuckDB cannot tell apart."""
    tree = _tree(query)
    if tree["error"]:
        said = str(tree.get("error_message")).partition("\n")[0]
        raise ValueError(f"DuckDB does not tell what the query reads: {said}")
    walker = _Walker(query)
    walker.visit(tree["statements"], frozenset())
    return walker.found


def is_one_query(text: str) -> bool:
    """Whether DuckDB reads ``text`` as one query and nothing else."""
    tree = _tree(text)
    return not tree["error"] and len(tree["statements"]) == 1


def _tree(query: str) -> Node:
    with _lock:
        found = _connection().execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    tree: Node = json.loads(found[0]) if found is not None else {"error": True}
    return tree


class _Walker:
    """Collects references. ``bound`` are the variables of the lambdas around a node."""

    def __init__(self, query: str) -> None:
        self.found = References()
        self.bytes = query.encode()
        self.plain = query.isascii()

    def visit(self, value: object, bound: frozenset[str]) -> None:
        if isinstance(value, list):
            for item in value:
                self.visit(item, bound)
        elif isinstance(value, dict):
            self._node(value, bound)

    def _node(self, node: Node, bound: frozenset[str]) -> None:
        kind = node.get("class")
        if kind == "CONSTANT":
            return
        if kind == "COLUMN_REF":
            self._column(node, node["column_names"][0], bound)
        elif kind in ("FUNCTION", "WINDOW"):
            self._function(node, bound)
            return
        elif node.get("type") == "BASE_TABLE":
            self.found.tables[self._place(node)] = str(node["table_name"])
        elif node.get("type") == "PIVOT":
            self.found.pivots = True
        self._inside(node, bound)

    def _function(self, node: Node, bound: frozenset[str]) -> None:
        schema = node.get("schema") or ""
        method = schema not in ("", _OWN_SCHEMA) or bool(node.get("catalog"))
        if method:
            self._column(node, node.get("catalog") or schema, bound)
        at = 0 if method else 1
        lambdas = str(node["function_name"]).lower() in _TAKE_LAMBDAS
        for index, child in enumerate(node.get("children") or ()):
            if lambdas and index == at and child.get("class") == "LAMBDA":
                self.visit(child["expr"], bound | set(_variables(child["lhs"])))
            else:
                self.visit(child, bound)
        self._inside({key: item for key, item in node.items() if key != "children"}, bound)

    def _inside(self, node: Node, bound: frozenset[str]) -> None:
        for key, item in node.items():
            if key not in _OPAQUE:
                self.visit(item, bound)

    def _column(self, node: Node, name: str, bound: frozenset[str]) -> None:
        if name.lower() not in bound:
            self.found.columns[self._place(node)] = name

    def _place(self, node: Node) -> int:
        place = node.get("query_location")
        if not isinstance(place, int) or place >= _NOWHERE:
            raise ValueError("DuckDB does not tell where the query refers to what it reads")
        return place if self.plain else len(self.bytes[:place].decode(errors="ignore"))


def _variables(left: Node) -> Iterable[str]:
    parts = [left] if left.get("class") == "COLUMN_REF" else left.get("children") or ()
    return (str(part["column_names"][0]).lower() for part in parts if "column_names" in part)


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    import duckdb

    closed = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    connection = duckdb.connect(config={**closed, "threads": 1})
    connection.execute("SET enable_external_access = false")
    return connection
