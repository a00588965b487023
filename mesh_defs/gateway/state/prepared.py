"""Statements that are put in words once, and then run by the driver itself.

What a toolkit does for each statement (to find its words again, to bind, to wrap what comes back)
takes several times as long as the statement, which counts where every read waits for five of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Dialect
    from sqlalchemy.sql import ClauseElement

    from mesh_defs.gateway.state.engine import Database


class Prepared:
    """``statement``, whose parameters all have names, in the words of ``database``."""

    def __init__(self, statement: ClauseElement, database: Database) -> None:
        dialect = _dialect(database)
        compiled = statement.compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)  # noqa: S101  of every statement on tables
        self._text = str(compiled)
        found = {
            name: bind.type.dialect_impl(dialect).bind_processor(dialect)
            for name, bind in compiled.binds.items()
        }
        self._bind = {name: made for name, made in found.items() if made is not None}

    def first(self, connection: Connection, **values: object) -> tuple[Any, ...] | None:
        """Run it in the transaction of ``connection``; its first row, None when there is none.
        Raises as the driver does."""
        cursor = connection.connection.cursor()
        try:
            cursor.execute(self._text, self._bound(values))
            rows = cursor.fetchall()
        finally:
            cursor.close()
        return tuple(rows[0]) if rows else None

    def each(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Run it with each of ``rows``, in the transaction of ``connection``. Raises as the driver
        does."""
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(self._text, [self._bound(row) for row in rows])
        finally:
            cursor.close()

    def _bound(self, values: Mapping[str, object]) -> dict[str, object]:
        bound = dict(values)
        for name, made in self._bind.items():
            bound[name] = made(bound[name])
        return bound


def _dialect(database: Database) -> Dialect:
    """That of the database, with parameters by name."""
    from sqlalchemy.dialects import sqlite

    return sqlite.dialect(paramstyle="named") if database.sqlite else database.engine.dialect
