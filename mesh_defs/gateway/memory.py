"""How much memory a gateway holds, and how its allocators are kept from keeping it.

Every library brings an allocator of its own, and each keeps what it once had, by thread: with as
many threads as requests that is several times what is in use.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HIGH_MB = 320.0  # above it what is free goes back to the system
_EVERY = 1.0
_STATM = Path("/proc/self/statm")
# glibc's malloc.h
_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8
_ARENAS = 2
_TRIM_BYTES = 16 << 20
# Read by the libraries when they are loaded; whoever sets them otherwise knows why.
_VARIABLES = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "POLARS_MAX_THREADS": "2",
    "_RJEM_MALLOC_CONF": f"narenas:{_ARENAS}",
}


def be_frugal() -> None:
    """Have this process' allocators keep little, and keep pandas out. Call it once, before pyarrow
    and polars are imported: what was loaded before stays as it is."""
    for name, value in _VARIABLES.items():
        os.environ.setdefault(name, value)
    # DuckDB imports it to bind the value of any parameter: 45 MB and a second, for nothing here.
    sys.meta_path.insert(0, _Without("pandas"))
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, _ARENAS)
        mallopt(_M_TRIM_THRESHOLD, _TRIM_BYTES)


def be_still() -> None:
    """Have the collector of garbage pass over all that there is now, which stays: looking at it
    again and again holds up every request for as long as that takes."""
    gc.freeze()


def resident_mb() -> float:
    """How much memory this process holds, in millions of bytes; 0 where that cannot be known."""
    try:
        with open(_STATM, "rb") as told:  # noqa: PTH123  asked several times in a request
            return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except FileNotFoundError:
        return 0.0


def give_back() -> None:
    """Let the allocators return what is free to the system."""
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class _Without:
    """A finder by which the module ``name`` is not installed. (None in `sys.modules` would be taken
    for the module itself by what Cython made.)"""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Raises `ModuleNotFoundError` for it."""
        del path, target
        if name == self._name:
            raise ModuleNotFoundError(f"{name} is kept out of the gateway", name=name)


class Tidy:
    """Gives back what is free while the process holds more than ``high_mb``, once a second at most.
    Used by all threads."""

    def __init__(
        self,
        high_mb: float = HIGH_MB,
        *,
        resident: Callable[[], float] = resident_mb,
        clock: Callable[[], float] = time.monotonic,
        returning: Callable[[], None] = give_back,
    ) -> None:
        self._high_mb = high_mb
        self._resident, self._clock, self._returning = resident, clock, returning
        self._lock = threading.Lock()
        self._next = 0.0

    def __call__(self) -> None:
        """Do it, if it is time; another thread that does it already is not waited for."""
        if self._clock() < self._next or not self._lock.acquire(blocking=False):
            return
        try:
            if self._clock() >= self._next and self._resident() > self._high_mb:
                self._returning()
                self._next = self._clock() + _EVERY
        finally:
            self._lock.release()


tidy = Tidy()
