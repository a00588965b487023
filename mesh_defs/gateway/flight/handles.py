"""Handles of what the server keeps between two calls: tickets and prepared statements.

A handle is 32 random bytes. It is good for the caller alone who got it, and says nothing.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from mesh_defs.gateway.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.gateway.identity.caller import Caller

_Value = TypeVar("_Value")
_BYTES = 32
Owner = tuple[str, str]


class NoSuchHandle(GatewayError):
    """A ticket or a prepared statement that is not there for who shows it."""

    status = 404
    title = "Not found"


def owner_of(caller: Caller) -> Owner:
    """What has to be the same when a handle is shown as when it was given."""
    return str(caller.principal), caller.credential


@dataclass(slots=True)
class _Held(Generic[_Value]):
    owner: Owner
    value: _Value


class Handles(Generic[_Value]):
    """Values by handle, at most ``most_each`` of one owner and ``most`` of all: then the oldest go,
    which ``dropped`` is told. ``word`` names them in errors. Used by all threads."""

    def __init__(
        self, word: str, most_each: int, most: int, dropped: Callable[[_Value], None]
    ) -> None:
        self._word = word
        self._most_each = most_each
        self._most = most
        self._dropped = dropped
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, _Held[_Value]] = OrderedDict()

    def put(self, owner: Owner, value: _Value) -> bytes:
        """A handle for ``value``."""
        handle = secrets.token_bytes(_BYTES)
        gone = []
        with self._lock:
            own = [key for key, held in self._held.items() if held.owner == owner]
            surplus = own[: max(0, len(own) + 1 - self._most_each)]
            if not surplus and len(self._held) >= self._most:
                surplus = [next(iter(self._held))]
            gone = [self._held.pop(key).value for key in surplus]
            self._held[handle] = _Held(owner, value)
        for each in gone:
            self._dropped(each)
        return handle

    def get(self, handle: bytes, owner: Owner) -> _Value:
        """What ``handle`` is for. Raises `NoSuchHandle`."""
        with self._lock:
            held = self._held.get(handle)
            if held is None or held.owner != owner:
                raise self._nothing()
            self._held.move_to_end(handle)
            return held.value

    def take(self, handle: bytes, owner: Owner) -> _Value:
        """What ``handle`` was for, once. Raises `NoSuchHandle`."""
        with self._lock:
            held = self._held.get(handle)
            if held is None or held.owner != owner:
                raise self._nothing()
            del self._held[handle]
            return held.value

    def sweep(self, over: Callable[[_Value], bool]) -> None:
        """Drop every value that is ``over``."""
        with self._lock:
            keys = [key for key, held in self._held.items() if over(held.value)]
            gone = [self._held.pop(key).value for key in keys]
        for each in gone:
            self._dropped(each)

    def __len__(self) -> int:
        return len(self._held)

    def _nothing(self) -> NoSuchHandle:
        return NoSuchHandle(
            f"no such {self._word}: it was used or closed, has expired, or is somebody else's. "
            "Fix: run the query again"
        )
