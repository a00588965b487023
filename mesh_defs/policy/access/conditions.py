"""Conditions on rows: what ``@rows`` of a policy may say, and a reader's ``where`` on masked rows.

One boolean expression over the port's columns. No subquery and no function but those listed here,
so that it reaches nothing else, and its text is written anew from what DuckDB's parser understood,
so that it stays one expression wherever it is put.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import duckdb

_HEAD = "SELECT 1 WHERE "
_TREE = "SELECT json_serialize_sql(?::VARCHAR)::VARCHAR"
_BOTH = (
    "SELECT tree::VARCHAR, json_deserialize_sql(tree) "
    "FROM (SELECT json_serialize_sql(?::VARCHAR) AS tree)"
)
_CLASSES = {
    "BETWEEN": "BETWEEN",
    "CASE": "CASE",
    "CAST": "casts",
    "COLUMN_REF": "columns",
    "COMPARISON": "comparisons",
    "CONJUNCTION": "AND, OR",
    "CONSTANT": "values",
    "FUNCTION": "functions",
    "OPERATOR": "operators",
}
# Each gives the same for the same row, raises for no value, and looks at nothing but the row.
FUNCTIONS = frozenset(
    name
    for group in (
        ("abs", "ceil", "ceiling", "floor", "round", "sign", "greatest", "least"),
        ("concat", "contains", "ends_with", "left", "length", "lower", "ltrim", "prefix"),
        ("replace", "right", "rtrim", "starts_with", "strlen", "strpos", "substr", "substring"),
        ("suffix", "trim", "upper", "regexp_full_match", "regexp_matches"),
        ("date_diff", "date_part", "date_trunc", "year", "quarter", "month", "week", "day"),
        ("dayofweek", "isodow", "hour", "minute", "second", "list_contains", "list_value", "row"),
        ("to_days", "to_hours", "to_minutes", "to_months", "to_seconds", "to_years"),
    )
    for name in group
)
_OPERATORS = frozenset(["+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*", "~~~"])
_ALONE = "write what stands behind WHERE alone"
_ALLOWED = "one condition on the port's columns, without a subquery"


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition: ``sql`` is in brackets, ``columns`` are those that it looks at."""

    sql: str
    columns: tuple[str, ...]


class BadCondition(ValueError):
    """A condition that may not be put to the data: ``found``, ``allowed`` and ``fix``."""

    def __init__(self, found: str, allowed: str, fix: str) -> None:
        self.found, self.allowed, self.fix = found, allowed, fix
        super().__init__(f"{found}; allowed: {allowed}. Fix: {fix}")


def read_condition(
    text: str,
    columns: Iterable[str],
    connection: duckdb.DuckDBPyConnection | None = None,
    look: Callable[[dict[str, Any]], None] | None = None,
) -> Condition:
    """``text`` as a condition over ``columns``; ``connection`` serves to parse, ``look`` is shown
    the tree of the SELECT that it is the condition of. Raises `BadCondition`, and what ``look``
    raises."""
    import duckdb

    if connection is None:
        with duckdb.connect() as own:
            return read_condition(text, columns, own, look)
    names = {name.lower(): name for name in columns}
    where, canonical, tree = _parsed(text, connection)
    if look is not None:
        look(tree)
    used: dict[str, None] = {}
    for node in _nodes(where):
        _check(node)
        if node["class"] == "COLUMN_REF":
            used[_column(node, names)] = None
    return Condition(f"({canonical})", tuple(used))


def _parsed(
    text: str, connection: duckdb.DuckDBPyConnection
) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """The condition's tree, its text written anew, and the tree of the whole SELECT."""
    serialised, canonical = _read_and_written(_HEAD + text, connection)
    tree = json.loads(serialised)
    if tree["error"]:
        said = str(tree["error_message"]).partition("\n")[0]
        raise BadCondition(said, _ALLOWED, "mend the condition, such as: origin = 'JFK'")
    whole = tree["statements"]
    node = whole[0]["node"] if len(whole) == 1 else {}
    plain = node.get("type") == "SELECT_NODE" and not any(
        node.get(part)
        for part in ("modifiers", "group_expressions", "group_sets", "having", "sample", "qualify")
    )
    if not plain or node["from_table"]["type"] != "EMPTY" or not node.get("where_clause"):
        raise BadCondition("more than a condition", _ALLOWED, _ALONE)
    if canonical is None:
        # A number beyond all numbers has no form in the tree.
        fix = "write numbers of up to 300 digits, and texts plainly"
        raise BadCondition("a value that cannot be written anew", _ALLOWED, fix)
    if not canonical.startswith(_HEAD):
        raise BadCondition("more than a condition", _ALLOWED, _ALONE)
    return node["where_clause"], canonical.removeprefix(_HEAD), tree


def _read_and_written(text: str, connection: duckdb.DuckDBPyConnection) -> tuple[str, str | None]:
    """The tree of ``text``, serialised, and the text that it is written as (None: it cannot be)."""
    import duckdb

    try:
        found = connection.execute(_BOTH, [text]).fetchone()
    except duckdb.Error:
        # No tree, or one that cannot be written: the tree alone says which.
        found = connection.execute(_TREE, [text]).fetchone()
    assert found is not None  # noqa: S101  a scalar function yields one row
    return str(found[0]), str(found[1]) if len(found) > 1 else None


def _nodes(node: object) -> Iterator[dict[str, Any]]:
    """Every expression in ``node``, itself first."""
    if isinstance(node, list):
        for item in node:
            yield from _nodes(item)
    elif isinstance(node, dict):
        if "class" in node:
            yield node
        for name, value in node.items():
            if name != "cast_type" and not (name == "value" and node.get("class") == "CONSTANT"):
                yield from _nodes(value)


def _check(node: dict[str, Any]) -> None:
    kind = str(node["class"])
    if kind not in _CLASSES:
        allowed = f"{_ALLOWED}: {', '.join(dict.fromkeys(_CLASSES.values()))}"
        raise BadCondition(f"a {kind.lower().replace('_', ' ')}", allowed, "remove it")
    if kind == "CAST" and node["cast_type"]["id"] in ("UNBOUND", "USER", "ENUM"):
        raise BadCondition("a cast to a type by name", _ALLOWED, "cast to a type of DuckDB's own")
    if kind != "FUNCTION":
        return
    name = str(node["function_name"]).lower()
    if name in _OPERATORS or name in FUNCTIONS:
        if node.get("schema") not in ("", "main") or node.get("catalog"):
            raise BadCondition(f"the function '{name}' of a schema", _ALLOWED, f"write {name}(...)")
        return
    allowed = ", ".join(sorted(FUNCTIONS))
    raise BadCondition(f"the function '{name}'", allowed, did_you_mean(name, FUNCTIONS))


def _column(node: dict[str, Any], names: dict[str, str]) -> str:
    parts = node["column_names"]
    found = names.get(str(parts[0]).lower())
    if found is None:
        known = list(names.values())
        name = ".".join(map(str, parts))
        raise BadCondition(f"unknown column '{name}'", ", ".join(known), did_you_mean(name, known))
    return found
