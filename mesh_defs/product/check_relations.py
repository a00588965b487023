"""Which relations a query reads beside those that it may: the system's own, and functions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from mesh_defs.faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import duckdb

# Functions that make rows of their arguments alone.
_HARMLESS = frozenset(
    ["generate_series", "json_each", "json_tree", "range", "repeat", "repeat_row", "unnest"]
)
# A query without any of these words reads what stands in it: tables of the surface, or nothing that
# binds. Only the others are taken apart, which costs more than all else that is asked of a query.
_SUSPECT = re.compile(
    r"\b(?:(?:duckdb|pragma|pg|sqlite|parquet|icu|read|sniff|which|test|enable|disable|truncate)_\w+\b"
    r"|\w+_(?:scan|scan_dumb|checkpoint|execute_serialized_sql|map_function)\b"
    r"|information_schema\b|query(?:_table)?\s*\(|glob\s*\(|checkpoint\s*\(|summary\s*\("
    r"|histogram(?:_values)?\s*\(|(?:show|describe|summarize)\b)",
    re.IGNORECASE,
)


def is_suspect(text: str) -> bool:
    """Whether ``text`` may read anything beside tables of its own."""
    return _SUSPECT.search(text) is not None


def outside(
    connection: duckdb.DuckDBPyConnection, query: str, known: Sequence[str]
) -> tuple[str, str] | None:
    """Found and fix for the first relation of ``query`` that is none of ``known``, nor made in the
    query itself; None when there is none. ``query`` is one SELECT. Nothing of it is run."""
    row = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
    tree: object = json.loads(row[0]) if row is not None else None
    nodes = list(_nodes(tree))
    allowed = {name.lower() for name in (*known, *_made(nodes))}
    for node in nodes:
        kind = node.get("type")
        if kind == "BASE_TABLE":
            name, schema = str(node.get("table_name")), node.get("schema_name")
            if name.lower() not in allowed or schema not in ("", "main", "temp"):
                whole = f"{schema}.{name}" if schema else name
                return f"unknown relation '{whole}'", did_you_mean(whole, known)
        elif kind == "TABLE_FUNCTION":
            function = node.get("function")
            name = str(function.get("function_name")) if isinstance(function, dict) else ""
            if name.lower() not in _HARMLESS:
                return f"the table function '{name}'", "read {object} or an input instead"
        elif kind == "SHOW_REF":
            word = str(node.get("show_type"))
            return f"{word}, which tells about relations", "select from {object} or an input"
    return None


def _nodes(node: object) -> Iterator[dict[str, object]]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _made(nodes: Iterable[dict[str, object]]) -> Iterator[str]:
    """Names that the query gives to parts of itself (WITH)."""
    for node in nodes:
        named = node.get("cte_map")
        entries = named.get("map") if isinstance(named, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            yield str(entry.get("key"))
