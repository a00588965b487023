"""What changed between two states of a port, as SQL: row by row, as a caller sees both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

CHANGE = "_change_type"
VERSION = "_commit_version"
TIME = "_commit_timestamp"
OWN = (CHANGE, VERSION, TIME)

INSERT, DELETE = "insert", "delete"
BEFORE, AFTER = "update_preimage", "update_postimage"


@dataclass(frozen=True, slots=True)
class Side:
    """One state: a relation, and its columns with their DuckDB types."""

    sql: str
    types: Mapping[str, str]


def side(connection: DuckDBPyConnection, relation: str) -> Side:
    """The state that is in ``relation``."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return Side(relation, {str(row[0]): str(row[1]) for row in rows})


def usable_key(connection: DuckDBPyConnection, old: Side, new: Side, key: Sequence[str]) -> bool:
    """Whether ``key`` tells the rows of either state apart, and has the same type in both."""
    if not key or any(old.types.get(name, "") != new.types.get(name) for name in key):
        return False
    listed = ", ".join(quote(name) for name in key)
    nulls = " OR ".join(f"{quote(name)} IS NULL" for name in key)
    for state in (old, new):
        row = connection.execute(
            f"SELECT count(*) = count(DISTINCT ({listed})) AND NOT coalesce(bool_or({nulls}), "
            f"false) FROM {state.sql}"
        ).fetchone()
        if row is None or row[0] is not True:
            return False
    return True


def changed(old: Side | None, new: Side | None, key: Sequence[str]) -> str:
    """A query for the rows that changed from ``old`` to ``new`` (None: there are none), with the
    column ``_change_type``: the columns of ``new`` where it has any.

    With ``key`` (`usable_key`) a row that has other values is an update, else its old state is
    deleted and its new one inserted. The order is that of the rows' values.
    """
    if old is None or new is None:
        state, kind = (new, INSERT) if new is not None else (old, DELETE)
        if state is None:
            raise ValueError("nothing to compare")
        return f"SELECT *, {literal(kind)} AS {CHANGE} FROM {state.sql} ORDER BY ALL"
    names = [quote(name) for name in new.types]
    listed = ", ".join(names)
    states = (
        f"WITH fresh AS (SELECT {listed} FROM {new.sql}), "
        f"past AS (SELECT {_as(old, new)} FROM {old.sql})"
    )
    if not key:
        return (
            f"{states} SELECT *, {literal(DELETE)} AS {CHANGE} FROM "
            "(SELECT * FROM past EXCEPT ALL SELECT * FROM fresh) "
            f"UNION ALL SELECT *, {literal(INSERT)} FROM "
            "(SELECT * FROM fresh EXCEPT ALL SELECT * FROM past) ORDER BY ALL"
        )
    same = " AND ".join(f"past.{quote(name)} = fresh.{quote(name)}" for name in key)
    keys = {quote(name) for name in key}
    differs = " OR ".join(
        f"past.{name} IS DISTINCT FROM fresh.{name}" for name in names if name not in keys
    )
    both = f"past JOIN fresh ON {same} WHERE {differs or 'false'}"
    ordered = ", ".join(quote(name) for name in key)
    return (
        f"{states} SELECT * FROM ("
        f"SELECT *, {literal(DELETE)} AS {CHANGE} FROM past ANTI JOIN fresh ON {same} "
        f"UNION ALL SELECT *, {literal(INSERT)} FROM fresh ANTI JOIN past ON {same} "
        f"UNION ALL SELECT past.*, {literal(BEFORE)} FROM {both} "
        f"UNION ALL SELECT fresh.*, {literal(AFTER)} FROM {both}"
        # Of an update what was stands before what is.
        f") ORDER BY {ordered}, {CHANGE} DESC"
    )


def _as(old: Side, new: Side) -> str:
    """The columns of ``old`` as ``new`` has them; what it had not is null."""
    known = {name.lower(): name for name in old.types}
    listed = []
    for name, kind in new.types.items():
        had = known.get(name.lower())
        if had is None:
            value = f"CAST(NULL AS {kind})"
        elif old.types[had] == kind:
            value = quote(had)
        else:
            value = f"TRY_CAST({quote(had)} AS {kind})"
        listed.append(f"{value} AS {quote(name)}")
    return ", ".join(listed)
