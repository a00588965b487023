"""Runs queries over granted files alone, so many at a time, with bounded memory, disk and time.

It is the second wall, and stands without the first (`mesh_defs.gateway.query.allow`): whatever text
comes here, one SELECT at most runs, on an instance that can open the granted files and no other.

Making an instance takes 15 ms and reading the Parquet footers again as long, so they are kept:
by exactly what they may read, each for one query at a time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import safe_text
from mesh_defs.gateway.limits import Slots
from mesh_defs.gateway.memory import resident_mb, tidy
from mesh_defs.gateway.query.answer import Answer, Limits
from mesh_defs.gateway.query.faults import BadQuery, Cancelled, QueryFailed
from mesh_defs.gateway.query.functions import TABLE_FUNCTIONS
from mesh_defs.gateway.query.hold import Hold, Room
from mesh_defs.gateway.query.instance import Instance, Size
from mesh_defs.gateway.query.nodes import dicts
from mesh_defs.gateway.query.parser import parsed
from mesh_defs.gateway.query.prune import Bounds, narrowed
from mesh_defs.gateway.query.spool import Space
from mesh_defs.gateway.query.watch import Watch
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

    from mesh_defs.contract.data import Rows
    from mesh_defs.gateway.query.instance import Relations
    from mesh_defs.gateway.query.nodes import Node

    Values = Sequence[object] | Mapping[str, object]


_MB = 1_000_000
_MOST_WAITING = 10_000  # how many may ask at all is bounded before


class Engine:
    """``running`` queries at a time, one less of one principal, share ``memory_mb`` and ``temp_mb``
    of disk below ``scratch`` alike; one share of the disk is for answers whose readers are slow
    (`Room`). Who waits longer than ``wait`` seconds is told to come again. ``kept`` instances wait
    for another query over the same relations. Above ``process_mb`` of the whole process none is
    kept, and what grows too much is ended (`Watch`; None: no matter how much). All in millions of
    bytes. Threads may share an engine.
    """

    def __init__(
        self,
        scratch: Path,
        *,
        memory_mb: int = 256,
        temp_mb: int = 4096,
        running: int = 4,
        kept: int = 3,
        threads: int = 2,
        wait: float = 2.0,
        process_mb: int | None = 480,
    ) -> None:
        scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._scratch = scratch
        temp_mb //= running + 1
        self._size = Size(memory_mb // running, temp_mb, threads)
        self._slots = Slots(running, _MOST_WAITING, each=max(1, running - 1), seconds=wait)
        self._room = Room(self._roomy)
        self._space = Space(scratch, temp_mb * _MB)
        self._kept = kept
        self._idle: OrderedDict[Instance, None] = OrderedDict()
        self._lock = threading.Lock()
        self._process_mb = process_mb
        self._watch = Watch(process_mb, self._size.memory_mb)
        self._bounds = Bounds()
        self._closed = False

    def run(
        self,
        sql: str,
        relations: Mapping[str, Rows],
        parameters: Values = (),
        *,
        limits: Limits | None = None,
        written: str | None = None,
        who: str = "",
    ) -> Answer:
        """The answer to ``sql``, which reads each relation by its name as a view.

        ``parameters`` are the values of ``$1``, ``$2``, ... or by name; ``written`` is the text as
        it was sent, which errors may quote (default: ``sql``); ``who`` asks: who waits for a slot
        is served in turn by that. Raises `BadQuery` when it is not one
        SELECT, `QueryFailed`, `TooLarge`, `Overloaded`.
        """
        self._check()
        hold = Hold(self._slots, who, self._room)
        hold.take(self._check)
        told = sql if written is None else written
        try:
            instance = self._instance(frozenset(relations.items()), told)
        except BaseException:
            hold.give_back()
            raise
        try:
            statement, tree = _one_select(instance.connection, sql)
            cursor = instance.connection.cursor()
        except BaseException:
            self._release(instance, hold, clean=False)
            raise

        def done(answer: Answer, clean: bool) -> None:
            self._room.remove(answer)
            self._watch.remove(answer)
            self._release(instance, hold, clean=clean)

        answer = Answer(cursor, limits or Limits(), told, done, hold, self._space)
        self._watch.add(answer)
        self._room.add(answer, hold)
        values = list(parameters) if not hasattr(parameters, "keys") else parameters

        def run() -> duckdb.DuckDBPyConnection:
            for name, rows in narrowed(tree, relations, self._bounds):
                cursor.execute(f"CREATE TEMP VIEW {quote(name)} AS SELECT * FROM {rows.sql}")
            return cursor.execute(statement, values or None)

        answer.begin(run)
        return answer

    def close(self) -> None:
        """End all queries and free everything."""
        with self._lock:
            self._closed = True
            idle = list(self._idle)
            self._idle.clear()
        self._watch.close(Cancelled("the gateway ends"))
        for instance in idle:
            instance.close()

    def _check(self) -> None:
        if self._closed:
            raise Cancelled("the gateway ends")

    def _roomy(self) -> bool:
        """Whether what an answer holds may stay in memory beside all that may run."""
        if self._process_mb is None:
            return True
        tidy()
        return resident_mb() + self._size.memory_mb <= self._process_mb

    def _instance(self, relations: Relations, written: str) -> Instance:
        import duckdb

        with self._lock:
            for instance in reversed(self._idle):
                if instance.relations == relations:
                    del self._idle[instance]
                    return instance
        try:
            return Instance(relations, self._scratch, self._size)
        except duckdb.Error as error:
            raise QueryFailed(safe_text(str(error), known=written, place="the files")) from None

    def _release(self, instance: Instance, hold: Hold, *, clean: bool) -> None:
        """Keep what is clean, the youngest ``kept`` of them; the slot is free once it is done."""
        surplus = [instance]
        full = self._process_mb is not None and resident_mb() > self._process_mb
        try:
            if clean and instance.clean:
                with self._lock:
                    surplus = []
                    if self._closed:
                        surplus = [instance]
                    else:
                        self._idle[instance] = None
                    while len(self._idle) > (0 if full else self._kept):
                        surplus.append(self._idle.popitem(last=False)[0])
        finally:
            for each in surplus:
                each.close()
            hold.give_back()
            tidy()


def _one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[duckdb.Statement, Node]:
    """The one statement of ``sql``, and its tree. Anything but a SELECT could write where it may
    read."""
    import duckdb

    allowed, fix = "one SELECT", "send one SELECT"
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise BadQuery(str(error).partition("\n")[0], allowed, "mend the SQL") from None
    if len(statements) != 1:
        raise BadQuery(f"{len(statements)} statements", allowed, fix)
    if statements[0].type != duckdb.StatementType.SELECT:
        raise BadQuery(f"a statement of the kind {statements[0].type.name}", allowed, fix)
    return statements[0], _checked(sql)


@lru_cache(maxsize=256)
def _checked(sql: str) -> Node:
    """The tree of ``sql``, which must not be changed. No function stands in place of a table but
    those that make rows of their arguments: some others begin logs, which no lock forbids, and to
    files at that: the engine then ends the process when it is closed."""
    tree = parsed(sql)
    for node in dicts(tree):
        called = node["function"] if node.get("type") == "TABLE_FUNCTION" else {}
        name = str(called.get("function_name", "unnest")).lower()
        if name not in TABLE_FUNCTIONS:
            allowed = ", ".join(sorted(TABLE_FUNCTIONS))
            raise BadQuery(f"the table function '{name}'", allowed, "read a relation by its name")
    return tree
