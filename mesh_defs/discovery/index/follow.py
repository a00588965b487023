"""An index that follows what is published, in the background of a process that serves."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.discovery.index.live import LiveIndex

_LEAST_SECONDS = 0.5
_MOST_SECONDS = 30.0
# Of the time at most this share is spent on looking whether anything has changed.
_SHARE = 10
_AFTER_FAULT_SECONDS = 60.0
_SETTLE_SECONDS = 3.0
_BATCH = 16
_log = logging.getLogger(__name__)


class Follower:
    """Three threads: one looks at this mesh's ledgers and manifests, one at other meshes, one makes
    the vectors that are missing. A fault of one is told in the log once, and tried again."""

    def __init__(self, live: LiveIndex) -> None:
        self._live = live
        self._stop = threading.Event()
        self._changed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._looked = False

    def start(self, *, looked: bool = False) -> None:
        """Begin; nothing is waited for. ``looked``: what this mesh publishes was looked at just
        now."""
        self._looked = looked
        works: list[tuple[str, Callable[[], float]]] = [("index-here", self._here)]
        if self._live.profile.meshes:
            works.append(("index-others", self._others))
        if self._live.encoder is not None:
            works.append(("index-meaning", self._meaning))
        for name, work in works:
            thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End, and wait for what is being written."""
        self._stop.set()
        self._changed.set()
        self._live.close()
        for thread in self._threads:
            thread.join(_MOST_SECONDS)

    def _run(self, work: Callable[[], float]) -> None:
        """Do ``work`` again and again; it tells for how many seconds to wait."""
        last = ""
        while not self._stop.is_set():
            try:
                wait, last = work(), ""
            except (MeshError, OSError, ValueError) as error:
                if self._stop.is_set():
                    return
                if str(error) != last:
                    _log.warning("the index is not kept up to date: %s", error)
                wait, last = _AFTER_FAULT_SECONDS, str(error)
            self._stop.wait(wait)

    def _here(self) -> float:
        if self._looked:
            self._looked = False
            self._changed.set()
            return _SETTLE_SECONDS
        start = time.monotonic()
        done = self._live.refresh(others=False)
        if done.changed or done.gone or done.rebuilt:
            self._changed.set()
            self._live.prepare()
            return _LEAST_SECONDS
        took = time.monotonic() - start
        return min(max(_LEAST_SECONDS, took * _SHARE), _MOST_SECONDS)

    def _others(self) -> float:
        done = self._live.refresh(local=False)
        for who, why in done.failed.items():
            _log.warning("%s: %s", who, why)
        if done.changed or done.gone:
            self._changed.set()
        return float(self._live.profile.every_seconds)

    def _meaning(self) -> float:
        self._changed.wait(_AFTER_FAULT_SECONDS)
        self._changed.clear()
        # What comes in a row is embedded together, and a process that ends soon does none of it.
        self._stop.wait(_SETTLE_SECONDS)
        while not self._stop.is_set() and self._live.embed(most=_BATCH):
            pass
        self._live.prepare()
        return 0.0
