"""The second parser's word: DuckDB's tree of a statement, checked node by node, relations renamed.

What is not listed here is refused. Every relation gets the name of a view that the engine makes,
and every name of a WITH gets one that no catalogue has, so that a query in which the scopes were
understood wrongly finds nothing instead of something else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.faults import did_you_mean
from mesh_defs.gateway.query.faults import BadQuery
from mesh_defs.gateway.query.functions import (
    FUNCTIONS,
    OPERATORS,
    TABLE_FUNCTIONS,
    TYPES,
    TYPES_BY_NAME,
)
from mesh_defs.gateway.query.nodes import dicts, inner
from mesh_defs.gateway.query.parser import located

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.gateway.query.nodes import Node

    Named = Callable[[tuple[str, ...]], str]

MOST_RELATIONS = 32
_MOST_ARRAY = 1024
_EXPRESSIONS = {
    "BETWEEN": None,
    "CASE": None,
    "CAST": None,
    "COLUMN_REF": None,
    "COMPARISON": None,
    "CONJUNCTION": None,
    "CONSTANT": None,
    "FUNCTION": None,
    "OPERATOR": {
        "ARRAY_CONSTRUCTOR",
        "ARRAY_EXTRACT",
        "ARRAY_SLICE",
        "COMPARE_IN",
        "COMPARE_NOT_IN",
        "GROUPING_FUNCTION",
        "OPERATOR_COALESCE",
        "OPERATOR_IS_NOT_NULL",
        "OPERATOR_IS_NULL",
        "OPERATOR_NOT",
        "OPERATOR_NULLIF",
        "OPERATOR_TRY",
        "STRUCT_EXTRACT",
    },
    "PARAMETER": None,
    "POSITIONAL_REFERENCE": None,
    "STAR": None,
    "SUBQUERY": None,
    "WINDOW": None,
}
_KINDS = """
SELECT_NODE SET_OPERATION_NODE JOIN BASE_TABLE SUBQUERY TABLE_FUNCTION EXPRESSION_LIST EMPTY
ORDER_MODIFIER LIMIT_MODIFIER LIMIT_PERCENT_MODIFIER DISTINCT_MODIFIER
ORDER_DEFAULT ASCENDING DESCENDING
"""
_RELATIONS = frozenset(_KINDS.split())
_ALLOWED = "selections, joins, set operations, values, expressions and the listed functions"


@dataclass(slots=True)
class Renamed:
    """What `rename` found: the names of the views that the tree now reads, and of its WITHs."""

    views: set[str] = field(default_factory=set)
    withs: set[str] = field(default_factory=set)


def check(tree: Node, sql: str) -> None:
    """Raise `BadQuery` when anything in ``tree``, which was parsed from ``sql``, is not allowed."""
    if sum(node.get("type") == "BASE_TABLE" for node in dicts(tree)) > MOST_RELATIONS:
        raise BadQuery("too many relations", f"{MOST_RELATIONS} in a statement", "join fewer")
    for node in dicts(tree):
        if "class" in node:
            _check_expression(node, sql)
        elif isinstance(node.get("type"), str):
            _check_relation(node, sql)


def rename(tree: Node, name: Named) -> Renamed:
    """Rename every relation in ``tree``, in place. ``name`` gives the view for the parts of a
    relation's name that no WITH has given. Raises `BadQuery`, and what ``name`` raises."""
    scopes = _Scopes(name)
    scopes.visit(tree, {})
    scopes.qualify(tree)
    for node in [node for node in dicts(tree) if node.get("class") == "CONSTANT"]:
        _keep_double(node)
    return scopes.found


def _keep_double(node: Node) -> None:
    """A floating point number stays one: the engine writes it like a decimal."""
    value = node["value"]
    if value["type"]["id"] != "DOUBLE" or value["is_null"]:
        return
    kind = {"id": "VARCHAR", "type_info": None}
    written = {"type": kind, "is_null": False, "value": str(value["value"])}
    child = {**node, "alias": "", "value": written}
    cast = {"class": "CAST", "type": "OPERATOR_CAST", "child": child, "try_cast": False}
    node.pop("value")
    node.update(cast, cast_type={"id": "DOUBLE", "type_info": None})


def strangers(tree: Node, known: Renamed) -> set[str]:
    """The relations that ``tree`` reads besides those that `rename` gave."""
    tables = [node for node in dicts(tree) if node.get("type") == "BASE_TABLE"]
    return {
        str(node["table_name"])
        for node in tables
        if node["table_name"] not in known.views | known.withs
        or node["catalog_name"]
        or node["schema_name"]
    }


class _Scopes:
    """The names that WITHs give, each where it holds."""

    def __init__(self, name: Named) -> None:
        self.found = Renamed()
        self._name = name
        self._weights: dict[str, int] = {}
        self._qualified: dict[tuple[str, ...], str] = {}

    def visit(self, value: object, scope: dict[str, str]) -> int:
        """Rename in ``value``; how many relations it reads once its WITHs are written out."""
        if isinstance(value, list):
            return sum(self.visit(item, scope) for item in value)
        if not isinstance(value, dict):
            return 0
        if value.get("type") == "BASE_TABLE":
            return self._table(value, scope)
        weight = 0
        if "cte_map" in value:
            scope = dict(scope)
            for entry in value["cte_map"]["map"]:
                self._with(entry, scope)
        for key, item in value.items():
            if key != "cte_map":
                weight += self.visit(item, scope)
        if weight > MOST_RELATIONS * 4:
            found = "a WITH that is read too many times by others"
            raise BadQuery(found, f"{MOST_RELATIONS * 4} relations in all", "read it fewer times")
        return weight

    def _with(self, entry: Node, scope: dict[str, str]) -> None:
        weight = self.visit(entry["value"]["query"], scope)
        new = f"with {len(self.found.withs) + 1} {entry['key']}"
        self.found.withs.add(new)
        self._weights[new] = weight
        scope[str(entry["key"]).lower()] = new
        entry["key"] = new

    def _table(self, node: Node, scope: dict[str, str]) -> int:
        parts = tuple(
            str(part)
            for part in (node["catalog_name"], node["schema_name"], node["table_name"])
            if part
        )
        known = scope.get(parts[0].lower()) if len(parts) == 1 else None
        node["alias"] = node["alias"] or parts[-1]
        node["catalog_name"] = node["schema_name"] = ""
        if known is not None:
            node["table_name"] = known
            return self._weights[known]
        view = self._name(parts)
        if len(parts) > 1:
            self._qualified[tuple(part.lower() for part in parts)] = node["alias"]
        node["table_name"] = view
        self.found.views.add(view)
        return 1

    def qualify(self, tree: Node) -> None:
        """Columns that were written with a relation's whole name get its alias."""
        for node in dicts(tree):
            if node.get("class") != "COLUMN_REF":
                continue
            names = node["column_names"]
            for length in (3, 2):
                alias = self._qualified.get(tuple(str(n).lower() for n in names[:length]))
                if alias is not None and len(names) > length:
                    node["column_names"] = [alias, *names[length:]]
                    break


def _check_expression(node: Node, sql: str) -> None:
    kind, exact = str(node["class"]), str(node.get("type"))
    if kind == "LAMBDA":
        _refuse(
            "a lambda or the operator ->", "write json_extract(x, '$.key'), or unnest", node, sql
        )
    if kind not in _EXPRESSIONS or exact not in (_EXPRESSIONS[kind] or {exact}):
        words = (kind if kind not in _EXPRESSIONS else exact).lower().replace("_", " ")
        _refuse(f"the expression '{words}'", "remove it", node, sql)
    if kind == "CAST":
        _check_type(node["cast_type"], node, sql)
    if kind in ("FUNCTION", "WINDOW"):
        _check_function(node, sql)


def _check_function(node: Node, sql: str) -> None:
    name = str(node["function_name"]).lower()
    if node.get("catalog") or node.get("schema") not in ("", "main"):
        _refuse(f"the function '{name}' of a schema", f"write {name}(...)", node, sql)
    if name not in FUNCTIONS and name not in OPERATORS:
        line, column = located(sql, node)
        raise BadQuery(
            f"the function '{name}'",
            "functions of numbers, text, time, lists and JSON that look at their arguments alone",
            did_you_mean(name, FUNCTIONS),
            line=line,
            column=column,
        )


def _check_relation(node: Node, sql: str) -> None:
    kind = str(node["type"])
    if kind not in _RELATIONS:
        words = kind.lower().replace("_", " ")
        _refuse(f"a '{words}'", "remove it", node, sql)
    if node.get("sample"):
        _refuse("a sample", "write LIMIT", node, sql)
    if node.get("at_clause"):
        fix = 'write the version in the URL: FROM "mesh://domain/product/port?version=3"'
        _refuse("AT (...)", fix, node, sql)
    if kind == "TABLE_FUNCTION":
        name = str(node["function"].get("function_name", "")).lower()
        if name not in TABLE_FUNCTIONS:
            _refuse(f"the table function '{name}'", "read a port: domain.product.port", node, sql)


def _check_type(kind: object, node: Node, sql: str) -> None:
    """``kind`` is a type of DuckDB's own, at every depth, and no array of too many elements."""
    size = 1
    for each in _types(kind):
        name, info = str(each["id"]), each.get("type_info") or {}
        owner = info.get("catalog") or info.get("schema")
        named = str(info.get("name", "")).lower() if name == "UNBOUND" and not owner else ""
        if named in TYPES_BY_NAME:
            continue
        if name == "ARRAY":
            size *= int(info.get("size", _MOST_ARRAY + 1))
        elif name not in TYPES or info.get("alias"):
            shown = info.get("name") or info.get("alias") or name
            _refuse(f"a cast to the type '{shown}'", "cast to a plain type", node, sql)
    if size > _MOST_ARRAY:
        _refuse(f"an array type of {size} elements", "cast to a list: INTEGER[]", node, sql)


def _types(kind: object) -> list[Node]:
    """``kind`` and the types in it."""
    if isinstance(kind, list):
        return [each for item in kind for each in _types(item)]
    if not isinstance(kind, dict):
        return []
    below = [each for item in inner(kind) for each in _types(item)]
    return [kind, *below] if "id" in kind else below


def _refuse(found: str, fix: str, node: Node, sql: str) -> None:
    line, column = located(sql, node)
    raise BadQuery(found, _ALLOWED, fix, line=line, column=column)
