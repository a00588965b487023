"""DuckDB's own parser, on a connection that reaches nothing."""

from __future__ import annotations

import json
import threading
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from mesh_defs.gateway.query.faults import BadQuery, place

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from mesh_defs.gateway.query.nodes import Node

_Read = TypeVar("_Read")
_lock = threading.Lock()
_ALLOWED = "one statement that reads: SELECT, WITH ... SELECT, set operations"


def parsed(sql: str) -> Node:
    """The tree of ``sql``, which is one reading statement. Raises `BadQuery`."""
    try:
        tree: Node = json.loads(_ask("SELECT json_serialize_sql(?::VARCHAR)", sql))
    except RecursionError:
        raise too_deep() from None
    if tree["error"]:
        said = str(tree["error_message"]).partition("\n")[0]
        line, column = place(sql, _offset(sql, tree.get("position")))
        raise BadQuery(said, _ALLOWED, "mend the SQL", line=line, column=column)
    if len(tree["statements"]) != 1:
        found = f"{len(tree['statements'])} statements"
        raise BadQuery(found, _ALLOWED, "send one statement at a time")
    return tree


def written(tree: Node) -> str:
    """The text of ``tree``. Raises `BadQuery`."""
    import duckdb

    try:
        return _ask("SELECT json_deserialize_sql(?::JSON)", json.dumps(tree))
    except duckdb.Error as error:
        said = str(error).partition("\n")[0]
        raise BadQuery(said, _ALLOWED, "write the statement more plainly") from None


def too_deep() -> BadQuery:
    """What is said of a statement that no parser follows to its bottom."""
    return BadQuery("a statement nested too deeply", _ALLOWED, "nest fewer brackets and queries")


def located(sql: str, node: Node | None) -> tuple[int, int]:
    """Line and column of ``node`` in ``sql``; zeros when its place is not known."""
    offset = None if node is None else node.get("query_location")
    return place(sql, _offset(sql, offset))


def _offset(sql: str, position: object) -> int | None:
    """A place in bytes, as the parser counts, as one in characters."""
    if not isinstance(position, int | str) or not str(position).isdecimal():
        return None
    whole = sql.encode()
    if int(position) > len(whole):
        return None
    return len(whole[: int(position)].decode(errors="ignore"))


def locked(step: Callable[[duckdb.DuckDBPyConnection], _Read]) -> _Read:
    """What ``step`` reads on the parser's connection, which no other thread uses meanwhile."""
    with _lock:
        return step(_connection())


def _ask(query: str, value: str) -> str:
    found = locked(lambda connection: connection.execute(query, [value]).fetchone())
    assert found is not None  # noqa: S101  a scalar function yields one row
    return str(found[0])


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "threads": 1,
            "memory_limit": "64MB",
        }
    )
    connection.execute("PRAGMA disable_optimizer")  # which takes longer than it has to gain here
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection
