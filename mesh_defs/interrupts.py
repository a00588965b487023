"""Ctrl-C and SIGTERM while queries run: what runs ends, and what comes of it is told from a fault.

A signal reaches Python in the main thread alone, between two steps of it. DuckDB looks for signals
while a query runs and then raises ``RuntimeError("Query interrupted")`` *from* what the signal's
handler raised, but leaves the query running; the next use of the connection, its closing too, waits
for that. What Python code inside a query raises is lost in an error of the engine's.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from duckdb import DuckDBPyConnection

    Handler = Callable[[int, FrameType | None], object]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_connections: list[DuckDBPyConnection] = []
_received: list[int] = []
_scopes: list[object] = []
_counted: list[int] = []


def is_interrupt(error: BaseException) -> bool:
    """Whether a signal to stop is behind ``error``: it is a KeyboardInterrupt, or was raised
    because of one or while one was handled; or a signal came within the `listening` around this
    call."""
    if _received:
        return True
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        if isinstance(one, KeyboardInterrupt):
            return True
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
    return False


def received() -> str | None:
    """The first signal that came within the `listening` around this call, in a person's words."""
    if not _received:
        return None
    first = signal.Signals(_received[0])
    return "Ctrl-C" if first is signal.SIGINT else first.name


def count() -> int:
    """How many signals came within any `listening` of this process so far; for threads, which may
    go on after it."""
    return len(_counted)


@contextmanager
def listening() -> Iterator[None]:
    """Within, a signal to stop ends the queries of all `interruptible` connections and is
    remembered; then it does what it did before. Only in the main thread, where signals arrive."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    replaced = {number: handler for number, handler in before.items() if callable(handler)}
    _scopes.append(replaced)
    for number, handler in replaced.items():
        signal.signal(number, partial(_stop, handler))
    try:
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)
        _scopes.pop()
        if not _scopes:
            _received.clear()


@contextmanager
def interruptible(connection: DuckDBPyConnection) -> Iterator[None]:
    """Within, a signal in a `listening` ends what runs on ``connection``."""
    _connections.append(connection)
    try:
        yield
    finally:
        _connections.remove(connection)


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Within, SIGTERM does what Ctrl-C does. Only in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _as_ctrl_c)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(handler: Handler, number: int, frame: FrameType | None) -> None:
    import duckdb

    _received.append(number)
    _counted.append(number)
    for connection in tuple(_connections):
        with suppress(duckdb.ConnectionException):  # closed meanwhile
            connection.interrupt()
    handler(number, frame)


def _as_ctrl_c(_: int, frame: FrameType | None) -> None:
    # A command that a shell started in the background ignores Ctrl-C, and ends by SIGTERM.
    handler = signal.getsignal(signal.SIGINT)
    ends = handler if callable(handler) else signal.default_int_handler
    ends(signal.SIGINT, frame)
