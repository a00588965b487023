"""All products of the mesh in a few words each, ready before anybody asks: pages that show many
look at nothing else.

The words are those of the index, which follows what is published. What it does not have, how the
last run ended and what became of each policy, is read product by product beside the requests. A
gateway that serves keeps all of it up to date in a thread of its own, from its start on: a page
waits for nothing, and says what is still being read. What was read is kept in files from one start
to the next.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.entry import HERE
from mesh_defs.discovery.index.question import Question
from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.errors import MeshError
from mesh_defs.gateway.portal.edges import all_reads
from mesh_defs.gateway.portal.render import environment, files
from mesh_defs.gateway.portal.standing import UNKNOWN, VERSIONS, Standing
from mesh_defs.gateway.portal.standings import Standings
from mesh_defs.gateway.sight import Sight
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller

_FRESH_SECONDS = 2.0
# How long a page waits for what is read first.
_FIRST_SECONDS = 0.1
_LEAST_SECONDS, _MOST_SECONDS, _AFTER_FAULT_SECONDS = 0.5, 30.0, 10.0
# Of the time at most this share is spent on looking.
_SHARE = 10
# What is known is written at most that often: all of it takes a while.
_SAVE_SECONDS = 30.0
_STOP_SECONDS = 30.0
# So that who asks meanwhile gets their turn.
_WORK_SECONDS, _PAUSE_SECONDS = 0.003, 0.002
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Card:
    """One product, by those of its ports that somebody may know of."""

    ports: tuple[Entry, ...]
    standing: Standing = UNKNOWN

    @property
    def main(self) -> Entry:
        """The port that tells what is told of all of them."""
        return next((entry for entry in self.ports if entry.main), self.ports[0])

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return f"{self.main.domain}/{self.main.product}"

    @property
    def name(self) -> str:
        """What it is called."""
        return self.main.title or self.main.product

    @property
    def health(self) -> str:
        """In one word: ``broken``, ``warned``, ``kept`` or ``unpublished``."""
        if self.standing.broken or any(each.damaged for each in self.ports):
            return "broken"
        if self.main.version < 0:
            return "unpublished"
        told = self.standing is UNKNOWN and any(each.trust == "warned" for each in self.ports)
        return "warned" if told or self.warnings else "kept"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the ports that are seen."""
        return tuple(entry.port for entry in self.ports)

    @property
    def warnings(self) -> list[str]:
        """What did not pass, of the ports that are seen."""
        warned = self.standing.warned
        return [name for port, name in warned if port in self.names] if warned else []


class Overview:
    """Cards of all products of this mesh. Threads may share it. Until `start` it looks whenever it
    is asked and what it has is old. ``file`` keeps how products stand."""

    def __init__(self, mesh: Gateway, file: Path) -> None:
        self._mesh = mesh
        self._lock = threading.Lock()
        self._mark: object = None
        self._ports: dict[str, tuple[Entry, ...]] = {}
        self._standings = Standings(mesh.catalog, file)
        self._looked: float | None = None
        self._opened = False
        self._graph: LineageGraph | None = None
        self._reads: tuple[LineageGraph, list[tuple[str, str, str]]] = (LineageGraph({}), [])
        self._sight = Sight(mesh)
        self._thread: threading.Thread | None = None
        self._first, self._begun = threading.Event(), threading.Event()
        self._stop = threading.Event()
        self._hurrying, self._rested, self._saved = False, 0.0, 0.0

    def start(self, begun: Callable[[], None] = lambda: None) -> None:
        """Keep all of it up to date in the background, until `close`; the index as well. ``begun``
        is called once all was read."""
        self._thread = threading.Thread(
            target=self._run, args=(begun,), name="overview", daemon=True
        )
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait until all is read for the first time, for so long at most; whether it is. Meanwhile
        nobody else is given way to."""
        self._hurrying = True
        self._begun.wait(seconds)
        self._hurrying = False
        return not self.reading

    def close(self) -> None:
        """End what runs in the background."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)

    @property
    def products(self) -> int:
        """How many products are known."""
        return len(self._ports)

    @property
    def reading(self) -> bool:
        """Whether the mesh is still read for the first time."""
        return self._looked is None

    def graph(self) -> LineageGraph:
        """Which product reads which, as old as the cards may be. It is waited for."""
        self._now()
        graph = self._graph
        return graph if graph is not None else self._mesh.lineage.graph()

    def reads(self) -> list[tuple[str, str, str]]:
        """`all_reads` of that graph, as far as it is known."""
        self._now()
        return self._reads[1]

    def cards(self, who: Caller) -> list[Card]:
        """Those products that ``who`` may know of, by domain and name."""
        ports = self._now()
        seen: dict[str, list[Entry]] = {}
        every = (entry for entries in ports.values() for entry in entries)
        for entry in self._sight.seen(who, every):
            seen.setdefault(f"{entry.domain}/{entry.product}", []).append(entry)
        found = []
        for identity, entries in seen.items():
            found.append(Card(tuple(entries), self._standings.of(identity)))
        return found

    def knows(self, who: Caller, address: MeshUrl) -> bool:
        """As `mesh_defs.gateway.reads.reads.Reads.knows`: what is known of the port here is enough
        for it as long as it is true."""
        newest = address.version is None and address.as_of is None and address.major is None
        entries = self._ports.get(address.identity, ()) if newest else ()
        name = address.port or (entries[0].port if len(entries) == 1 else address.product)
        for entry in entries:
            if entry.port == name:
                return self._sight.knows(who, entry)
        return self._mesh.reads.knows(who, address)

    def _now(self) -> Mapping[str, tuple[Entry, ...]]:
        """The ports by product."""
        if self._thread is not None:
            self._first.wait(_FIRST_SECONDS)
            return self._ports
        if self._age() >= _FRESH_SECONDS:
            with self._lock:
                if self._age() >= _FRESH_SECONDS:
                    self._look()
        return self._ports

    def _age(self) -> float:
        return time.monotonic() - self._looked if self._looked is not None else math.inf

    def _run(self, begun: Callable[[], None]) -> None:
        """Look again and again. A fault is told in the log once, and tried again."""
        last = ""
        self._begin()
        begun()
        self._begun.set()
        while not self._stop.is_set():
            start = time.monotonic()
            try:
                self._look()
                took, last = time.monotonic() - start, ""
                wait = min(max(_LEAST_SECONDS, took * _SHARE), _MOST_SECONDS)
            except (MeshError, OSError, ValueError) as error:
                if str(error) != last:
                    _log.warning("pages are not kept up to date: %s", error)
                wait, last = _AFTER_FAULT_SECONDS, str(error)
            self._stop.wait(wait)
        with suppress(OSError):
            self._save(0.0)

    def _begin(self) -> None:
        """Read what every first page needs, and look for the first time."""
        templates = environment()
        for name in templates.list_templates():
            templates.get_template(name)
        files()
        search = self._mesh.search
        # Where there is an index, what is in it is shown before anything else is done.
        made = search.live.shelf.mark() is not None
        if not made:
            search.start()
        looked = False
        with suppress(MeshError, OSError, ValueError):  # `_run` tells of it
            self._standings.load()
            if made:
                self._read()
                looked = not search.live.refresh(others=False).failed
            else:
                self._graph = self._mesh.lineage.graph()
            self._look()
            # The first question of all opens what others find opened.
            search.live.search(Question("product"), None, lambda _: True, meaning=False)
        if made:
            search.start(looked=looked)

    def _look(self) -> None:
        self._read()
        stamps = {name: entries[0].stamp for name, entries in self._ports.items()}
        # What is worst first: how each stands now, before how it stood.
        for versions in (1, VERSIONS):
            self._standings.look(stamps, versions, self._going_on)
        if self._thread is not None:
            self._save(_SAVE_SECONDS)
        if not self._stop.is_set():
            self._looked = time.monotonic()

    def _read(self) -> None:
        """Which products there are, and what they read."""
        opened = self._mesh.search.live.opened()
        if opened.mark != self._mark:
            self._ports = _by_product(opened.entries(), self._ports)
            self._mark = opened.mark
        self._first.set()
        self._open_one()
        self._sight.prepare({entries[0].domain for entries in self._ports.values()})
        graph = self._graph = self._mesh.lineage.graph()
        if self._reads[0] is not graph:
            graph.prepare()
            self._reads = (graph, all_reads(graph))

    def _open_one(self) -> None:
        """Open a product once: the first time, engines are loaded for it."""
        if self._opened or self._thread is None:
            return
        for entries in self._ports.values():
            if entries[0].version >= 0:
                with suppress(MeshError):  # its own page tells of it
                    self._mesh.catalog.open(_address(entries[0]))
                    self._opened = True
                    return

    def _going_on(self) -> bool:
        """Whether to read on; others are given way to now and then."""
        if self._thread is None:
            return True
        if not self._hurrying and time.monotonic() - self._rested >= _WORK_SECONDS:
            self._stop.wait(_PAUSE_SECONDS)
            self._rested = time.monotonic()
        return not self._stop.is_set()

    def _save(self, after: float) -> None:
        """Keep what is known for the next start, if it was not kept in the last seconds. Raises
        OSError."""
        if self._looked is None or time.monotonic() - self._saved >= after:
            self._mesh.lineage.save()
            self._standings.save()
            self._saved = time.monotonic()


def _address(entry: Entry) -> MeshUrl:
    return MeshUrl(entry.domain, entry.product, entry.port)


def _by_product(
    entries: Iterable[Entry], before: Mapping[str, tuple[Entry, ...]]
) -> dict[str, tuple[Entry, ...]]:
    """The ports of this mesh by product; those that are as they were stay the same objects."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.origin == HERE:
            found.setdefault(f"{entry.domain}/{entry.product}", []).append(entry)
    made = {}
    for identity in sorted(found):
        ports = tuple(sorted(found[identity], key=lambda each: each.port))
        old = before.get(identity)
        same = old is not None and old == ports and old[0].stamp == ports[0].stamp
        made[identity] = old if old is not None and same else ports
    return made
