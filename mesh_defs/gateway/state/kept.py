"""One connection to SQLite that is kept for small questions, such as every request asks.

A pool, a transaction and objects for rows cost a hundred times what such a question does.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable


class KeptConnection:
    """A connection for queries, made by ``connect`` when it is first needed. Threads take turns."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def first(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """The first row of ``query``, of all that was committed until now, whoever committed it;
        None when there is none. Raises `sqlite3.Error`, after which a new connection is made."""
        with self._lock:
            if self._connection is None:
                self._connection = self._connect()
            try:
                # To the last row: until then the next query would see the same moment as this one.
                rows = self._connection.execute(query, values).fetchall()
            except BaseException:
                self._close()
                raise
        return rows[0] if rows else None

    def close(self) -> None:
        """Close the connection; a later question makes another."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
