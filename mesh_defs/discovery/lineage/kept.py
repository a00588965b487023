"""The graph of one mesh, kept as long as it is true: a product is read again when it has another
version, or another manifest."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from mesh_defs.discovery.lineage.declared import NOT_PUBLISHED, drafted
from mesh_defs.discovery.lineage.facts import ProductFacts, recorded
from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.errors import CorruptRecord
from mesh_defs.product.access import read_manifest
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.load import load_product
from mesh_defs.product.protection import DOMAINS, MANIFEST
from mesh_defs.product.stores import known_products, product_store

if TYPE_CHECKING:
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
        """Its manifest; None when there is none that can be read. As long as nothing changed, the
        same object."""

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
    """Facts, and what they were read from: the newest version's number, the manifest and, without a
    version, the declarations of the product and of what it reads."""

    newest: int | None
    manifest: Manifest | None
    declared: tuple[object, ...]
    facts: ProductFacts | None


class KeptGraph:
    """The graph of the mesh of ``catalogue``, which is at most ``fresh`` seconds old. May be used
    from several threads: one of them looks, and others wait for it."""

    def __init__(self, catalogue: Catalogue, fresh: float = FRESH_SECONDS) -> None:
        self.catalogue = catalogue
        self.fresh = fresh
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

    def _look(self) -> None:
        names = ["/".join(pair) for pair in self.catalogue.known()]
        known = {name: self._now(name) for name in names}
        changed = known.keys() != self._known.keys() or any(
            one is not self._known[name] for name, one in known.items()
        )
        if changed:
            self._known = known
            self._ledgers = {name: self._ledgers[name] for name in names}
            facts = {name: one.facts for name, one in known.items()}
            self._graph = LineageGraph({n: one for n, one in facts.items() if one is not None})

    def _now(self, name: str) -> _Known:
        if name not in self._ledgers:
            self._ledgers[name] = self.catalogue.ledger(name)
        newest = next(reversed(self._ledgers[name].versions()), None)
        before = self._known.get(name)
        declared: tuple[object, ...] = ()
        manifest = None
        if newest is None:
            declared = self._declared(name)
        else:
            manifest = self.catalogue.manifest(name)
        if (
            before is not None
            and (before.newest, len(before.declared)) == (newest, len(declared))
            and before.manifest is manifest
            and all(a is b for a, b in zip(before.declared, declared, strict=True))
        ):
            return before
        return _Known(newest, manifest, declared, self._read(name, newest, manifest))

    def _declared(self, name: str) -> tuple[object, ...]:
        product = self.catalogue.declared(name)
        above = product.upstream() if product is not None else ()
        names = dict.fromkeys(url.identity for url in above)
        return (product, *(self.catalogue.declared(each) for each in names if each != name))

    def _read(
        self, name: str, newest: int | None, manifest: Manifest | None
    ) -> ProductFacts | None:
        if newest is None:
            return self._drafted(name)
        try:
            record = self._ledgers[name].record(newest)
        except CorruptRecord as error:
            found = self._drafted(name)
            facts = found or ProductFacts(name, newest, None, {}, (), manifest=manifest)
            return replace(facts, version=newest, problem=str(error))
        return recorded(name, record, manifest) if record is not None else self._drafted(name)

    def _drafted(self, name: str) -> ProductFacts | None:
        product = self.catalogue.declared(name)
        if product is None:
            return None
        return drafted(product, self.catalogue.settings, self.catalogue.declared)


__all__ = ["NOT_PUBLISHED", "Catalogue", "KeptGraph", "MeshCatalogue"]
