"""All products of the mesh in a few words each, ready before anybody asks: pages that show many
look at nothing else.

The words are those of the index, which follows what is published. What it does not have, how the
last run ended and what became of each policy, is read product by product beside the requests, a
little at a time.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.discovery.index.entry import HERE
from mesh_defs.discovery.index.visible import subject_of
from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.gateway.portal.edges import all_reads
from mesh_defs.gateway.portal.standing import UNKNOWN, Standing, standing_of
from mesh_defs.gateway.reads.catalog import Kept
from mesh_defs.gateway.reads.decisions import Decisions
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mesh_defs.discovery.index.entry import Entry
    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.identity.caller import Caller
    from mesh_defs.policy.access.decide import Access

_FRESH_SECONDS = 2.0
_STALE_SECONDS = 60.0
_AGAIN_SECONDS = 30.0
# What a page may wait for, and what is read beside it before others are let in.
_NOW_SECONDS, _QUICK_SECONDS = 0.03, 0.06
_BESIDE_SECONDS = 0.15
# Of the time at most this share is spent on looking.
_SHARE = 20
_VIEWS_KEPT = 64


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
        if self.standing.broken:
            return "broken"
        if self.main.version < 0:
            return "unpublished"
        return "warned" if self.warnings else "kept"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the ports that are seen."""
        return tuple(entry.port for entry in self.ports)

    @property
    def warnings(self) -> list[str]:
        """What did not pass, of the ports that are seen."""
        warned = self.standing.warned
        return [name for port, name in warned if port in self.names] if warned else []


@dataclass(frozen=True, slots=True)
class _View:
    """What was decided of each port under the rules of ``access``."""

    access: Access
    decided: dict[tuple[str, str, str], tuple[Entry, bool]]


class Overview:
    """Cards of all products of this mesh. Threads may share it."""

    def __init__(self, mesh: Gateway) -> None:
        self._mesh = mesh
        self._lock = threading.Lock()
        self._beside = threading.Lock()
        self._mark: object = None
        self._ports: dict[str, tuple[Entry, ...]] = {}
        self._standings: dict[str, tuple[str, float, Standing]] = {}
        self._looked: float | None = None
        self._took = 0.0
        self._graph = LineageGraph({})
        self._reads: tuple[LineageGraph, list[tuple[str, str, str]]] = (self._graph, [])
        self._views: Kept[_View] = Kept(_VIEWS_KEPT)
        self._decisions = Decisions()

    def graph(self) -> LineageGraph:
        """Which product reads which, as old as the cards may be."""
        self._now()
        return self._graph

    def reads(self) -> list[tuple[str, str, str]]:
        """`all_reads` of that graph."""
        graph, found = self.graph(), self._reads
        if found[0] is not graph:
            found = self._reads = (graph, all_reads(graph))
        return found[1]

    def cards(self, who: Caller) -> list[Card]:
        """Those products that ``who`` may know of, by domain and name."""
        ports = self._now()
        sees = self._sight(who)
        found = []
        for identity, entries in ports.items():
            seen = tuple(entry for entry in entries if sees(entry))
            if seen:
                kept = self._standings.get(identity)
                found.append(Card(seen, kept[2] if kept is not None else UNKNOWN))
        return found

    def _sight(self, who: Caller) -> Callable[[Entry], bool]:
        """Whether ``who`` may know of a port: decided once for each, until rules, principals or the
        port are others."""
        access = self._mesh.catalog.access.access
        if who.anonymous and not self._mesh.profile.public_discovery:
            return lambda _: False
        key = (id(access), who.principal)
        view = self._views.get(key, lambda: _View(access, {}))
        if view.access is not access:
            view = _View(access, {})
            self._views.put(key, view)

        granted = self._granted(who)

        def sees(entry: Entry) -> bool:
            name = (entry.domain, entry.product, entry.port)
            kept = view.decided.get(name)
            if kept is not None and kept[0] is entry:
                return kept[1]
            subject = subject_of(entry)
            if subject is None:
                return False
            allowed = access.decide(who.principal, subject, "discover").allowed
            if not allowed and name[:2] in granted:
                return self._mesh.reads.knows(who, MeshUrl(*name))
            if self._decisions.lasting(access.rulebook.in_force(entry.domain)):
                view.decided[name] = (entry, allowed)
            return allowed

        return sees

    def _granted(self, who: Caller) -> frozenset[tuple[str, str]]:
        """Domain and name of the products that ``who`` holds a grant of."""
        if who.anonymous:
            return frozenset()
        now, principal = datetime.now(UTC), str(who.principal)
        held = self._mesh.state.grants.listed(now, principal=principal)
        names = (grant.identity.partition("/") for grant in held)
        return frozenset((domain, product) for domain, _, product in names)

    def _now(self) -> Mapping[str, tuple[Entry, ...]]:
        """The ports by product. What is a little old is taken as it is, and looked at beside, where
        looking takes longer than a page may."""
        age = self._age()
        if age >= _STALE_SECONDS or (age >= _FRESH_SECONDS and self._took < _QUICK_SECONDS):
            with self._lock:
                if self._age() >= _FRESH_SECONDS:
                    self._look(_NOW_SECONDS)
        elif age >= max(_FRESH_SECONDS, self._took * _SHARE) and self._beside.acquire(
            blocking=False
        ):
            threading.Thread(target=self._look_beside, name="overview", daemon=True).start()
        return self._ports

    def _age(self) -> float:
        return time.monotonic() - self._looked if self._looked is not None else math.inf

    def _look_beside(self) -> None:
        try:
            with self._lock:
                self._look(_BESIDE_SECONDS)
        finally:
            self._beside.release()

    def _look(self, seconds: float) -> None:
        start = time.monotonic()
        opened = self._mesh.search.live.opened()
        if opened.mark != self._mark:
            self._ports = _by_product(opened.entries(), self._ports)
            self._mark = opened.mark
        self._graph = self._mesh.lineage.graph()
        self._stand(seconds)
        self._looked = time.monotonic()
        self._took = self._looked - start

    def _stand(self, seconds: float) -> None:
        """Read how products stand, those first of which the least is known, for so long."""
        now = time.monotonic()
        waiting = []
        for identity, entries in self._ports.items():
            kept = self._standings.get(identity)
            stamp = entries[0].stamp
            if kept is None or kept[0] != stamp:
                waiting.append((0.0, identity, stamp))
            elif now - kept[1] >= _AGAIN_SECONDS:
                waiting.append((kept[1], identity, stamp))
        for _, identity, stamp in sorted(waiting):
            standing = standing_of(self._mesh.catalog, identity)
            self._standings[identity] = (stamp, time.monotonic(), standing)
            if time.monotonic() - now >= seconds:
                break
        for gone in self._standings.keys() - self._ports.keys():
            del self._standings[gone]


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
