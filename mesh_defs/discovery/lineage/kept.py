"""The graph of one mesh, kept as long as it is true: a product is read again when it has another
version, or another manifest."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from mesh_defs.discovery.lineage.declared import NOT_PUBLISHED, drafted
from mesh_defs.discovery.lineage.facts import ProductFacts, recorded, told_by
from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.discovery.lineage.saved import read, save
from mesh_defs.errors import CorruptRecord
from mesh_defs.product.access import read_manifest
from mesh_defs.product.ledger import Ledger, record_name
from mesh_defs.product.load import load_product
from mesh_defs.product.protection import DOMAINS, MANIFEST
from mesh_defs.product.stores import known_products, product_store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mesh_defs.product.manifest import Manifest
    from mesh_defs.product.model import BrokenProduct, Product
    from mesh_defs.settings import Settings

FRESH_SECONDS = 1.0


class Catalogue(Protocol):
    """What there is in a mesh. The gateway has one that keeps what it read."""

    settings: Settings

    def known(self) -> list[tuple[str, str]]:
        """Domain and name of every product that is declared or was ever published."""

    def ledger(self, identity: str) -> Ledger:
        """The ledger of ``<domain>/<product>``."""

    def manifest(self, identity: str) -> Manifest | None:
        """Its manifest; None when there is none that can be read."""

    def declared(self, identity: str) -> Product | BrokenProduct | None:
        """The product as it is declared; None when it is not. As long as nothing changed, the same
        object."""


class MeshCatalogue:
    """What lies in the folders of a mesh, read when it is asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def known(self) -> list[tuple[str, str]]:
        """As `Catalogue.known`. Raises as storage does."""
        return known_products(self.settings)

    def ledger(self, identity: str) -> Ledger:
        """As `Catalogue.ledger`."""
        return Ledger(product_store(self.settings, *identity.split("/")))

    def manifest(self, identity: str) -> Manifest | None:
        """As `Catalogue.manifest`, read each time."""
        return read_manifest(self.settings.root / DOMAINS / identity, self.settings.root)

    def declared(self, identity: str) -> Product | BrokenProduct | None:
        """As `Catalogue.declared`, read each time."""
        folder = self.settings.root / DOMAINS / identity
        return load_product(folder, self.settings) if (folder / MANIFEST).is_file() else None


@dataclass(frozen=True, slots=True)
class _Known:
    """Facts, and what they were read from: ``mark`` changes with the newest version and with the
    manifest and, without a version, ``declared`` are those of the product and of what it reads."""

    mark: str
    declared: tuple[object, ...]
    facts: ProductFacts | None


class KeptGraph:
    """The graph of the mesh of ``catalogue``, which is at most ``fresh`` seconds old. May be used
    from several threads: one of them looks, and others wait for it. What is in ``file`` is taken
    for what has not changed since."""

    def __init__(
        self, catalogue: Catalogue, fresh: float = FRESH_SECONDS, file: Path | None = None
    ) -> None:
        self.catalogue = catalogue
        self.fresh = fresh
        self._file = file
        self._written: LineageGraph | None = None
        self._lock = threading.Lock()
        self._ledgers: dict[str, Ledger] = {}
        self._known: dict[str, _Known] = {}
        self._graph = LineageGraph({})
        self._looked: float | None = None

    def graph(self) -> LineageGraph:
        """The graph as it is now. Raises as storage does."""
        with self._lock:
            now = time.monotonic()
            if self._looked is None or now - self._looked >= self.fresh:
                self._look()
                self._looked = time.monotonic()
            return self._graph

    def save(self) -> None:
        """Write what is known into the file, if it is not what stands there. Raises OSError."""
        with self._lock:
            graph, known = self._graph, self._known
        if self._file is None or graph is self._written:
            return
        save(self._file, _sound(known))
        self._written = graph

    def _look(self) -> None:
        names = ["/".join(pair) for pair in self.catalogue.known()]
        first = self._looked is None
        if first and self._file is not None:
            saved = read(self._file)
            self._known = {name: _Known(mark, (), facts) for name, (mark, facts) in saved.items()}
        before = self._known
        known = {name: self._now(name) for name in names}
        changed = (
            first
            or known.keys() != self._known.keys()
            or any(one is not self._known[name] for name, one in known.items())
        )
        if changed:
            self._known = known
            self._ledgers = {name: self._ledgers[name] for name in names}
            facts = {name: one.facts for name, one in known.items()}
            self._graph = LineageGraph({n: one for n, one in facts.items() if one is not None})
            if first and before and _sound(known) == _sound(before):
                self._written = self._graph

    def _now(self, name: str) -> _Known:
        if name not in self._ledgers:
            self._ledgers[name] = self.catalogue.ledger(name)
        newest = next(reversed(self._ledgers[name].versions()), None)
        before = self._known.get(name)
        declared = self._declared(name) if newest is None else ()
        mark = self._mark(name, newest)
        if (
            before is not None
            and (before.mark, len(before.declared)) == (mark, len(declared))
            and all(a is b for a, b in zip(before.declared, declared, strict=True))
        ):
            return before
        return _Known(mark, declared, self._read(name, newest))

    def _mark(self, name: str, newest: int | None) -> str:
        if newest is None:
            return ""
        manifest = f"{self.catalogue.settings.root}/{DOMAINS}/{name}/{MANIFEST}"
        record = self._ledgers[name].store.location(record_name(newest))
        return f"{newest} {_changed(record)} {_changed(manifest)}"

    def _declared(self, name: str) -> tuple[object, ...]:
        product = self.catalogue.declared(name)
        above = product.upstream() if product is not None else ()
        names = dict.fromkeys(url.identity for url in above)
        return (product, *(self.catalogue.declared(each) for each in names if each != name))

    def _read(self, name: str, newest: int | None) -> ProductFacts | None:
        if newest is None:
            return self._drafted(name)
        manifest = self.catalogue.manifest(name)
        try:
            record = self._ledgers[name].record(newest)
        except CorruptRecord as error:
            found = self._drafted(name)
            facts = found or ProductFacts(name, newest, None, {}, (), told=told_by(manifest))
            return replace(facts, version=newest, problem=str(error))
        return recorded(name, record, manifest) if record is not None else self._drafted(name)

    def _drafted(self, name: str) -> ProductFacts | None:
        product = self.catalogue.declared(name)
        if product is None:
            return None
        return drafted(product, self.catalogue.settings, self.catalogue.declared)


def _sound(known: Mapping[str, _Known]) -> dict[str, tuple[str, ProductFacts]]:
    """What is known for sure, as it is kept."""
    return {
        name: (one.mark, one.facts)
        for name, one in known.items()
        if one.facts is not None and one.facts.version is not None and not one.facts.problem
    }


def _changed(file: str) -> str:
    """What changes when a file does; nothing where there is none."""
    try:
        status = os.stat(file)  # noqa: PTH116  of all products in turn: paths take longer
    except OSError:
        return "-"
    return f"{status.st_mtime_ns:x}:{status.st_ctime_ns:x}:{status.st_size:x}:{status.st_ino:x}"


__all__ = ["NOT_PUBLISHED", "Catalogue", "KeptGraph", "MeshCatalogue"]
