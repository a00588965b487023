"""What is published, kept as long as it is true: versions for ever, what guards them until a file
that says so changes."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from mesh_defs.errors import CorruptRecord, NotPublished
from mesh_defs.policy.access.load import FILE as RULES
from mesh_defs.policy.access.principals import FILE as PRINCIPALS
from mesh_defs.product.access import MeshAccess, read_manifest
from mesh_defs.product.described.document import document_name
from mesh_defs.product.described.said import declared, published
from mesh_defs.product.domain import load_domain
from mesh_defs.product.inheritance import published_output
from mesh_defs.product.ledger import Ledger, record_name
from mesh_defs.product.load import load_product
from mesh_defs.product.protection import DOMAINS, MANIFEST, contract_file
from mesh_defs.product.resolve import Published, port_files, port_of, record_of, unread
from mesh_defs.product.stores import known_products, product_store, stored_products
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.product.described.said import Said
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.manifest import Manifest
    from mesh_defs.product.model import BrokenProduct, Domain, OutputPort, Product
    from mesh_defs.settings import Settings
    from mesh_defs.urls import MeshUrl

_Value = TypeVar("_Value")
_RECORDS_KEPT = 4096
_VERSIONS_KEPT = 1024
_PRODUCTS_KEPT = 20_000  # what looks at all products in turn must find all of them again
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Stamp = tuple[tuple[str, int, int, int, int], ...]


class Kept(Generic[_Value]):
    """Values by key, at most ``most``, the longest unused going first. Threads may share it."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, _Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _Value]) -> _Value:
        """The value of ``key``, made when it is not there; what ``make`` raises is not kept."""
        value = self.find(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def find(self, key: Hashable) -> _Value | None:
        """The value of ``key``, if it is kept."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key]

    def put(self, key: Hashable, value: _Value) -> None:
        """Keep ``value``."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)


class _KeptLedger(Ledger):
    """A ledger whose records are read once, until storage was made anew under the same numbers."""

    def __init__(self, store: ProductStore, identity: str, kept: Kept[Record]) -> None:
        super().__init__(store)
        self._identity = identity
        self._kept = kept

    def record(self, version: int) -> Record | None:
        """As `Ledger.record`."""
        stamp = _stamp([self.store.location(record_name(version))])
        key = (self._identity, version, stamp)
        found = self._kept.find(key)
        if found is None:
            found = super().record(version)
            if found is not None:
                self._kept.put(key, found)
        return found


@dataclass(frozen=True, slots=True)
class Opened:
    """A published version of a port, and the port as its contract described it then. ``types`` are
    its columns with their DuckDB types; ``newest`` is the newest moment of the column by which it
    promises to be fresh (None: it names no column, or has no such value); ``ledger`` is that of its
    product."""

    version: Published
    output: OutputPort
    types: Mapping[str, str]
    newest: datetime | None
    ledger: Ledger


class Catalog:
    """Published versions of one mesh in one profile, and who may see them. May be used from several
    threads. What it keeps is right at every moment: a version never changes, and the files that
    guard it are looked at in every request (their size and time of change)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._products = f"{settings.root}/{DOMAINS}"
        self._records: Kept[Record] = Kept(_RECORDS_KEPT)
        self._opened: Kept[Opened] = Kept(_VERSIONS_KEPT)
        self._subjects: Kept[PortSubject] = Kept(_PRODUCTS_KEPT)
        self._declared: Kept[Product | BrokenProduct] = Kept(_PRODUCTS_KEPT)
        self._manifests: Kept[tuple[Manifest | None]] = Kept(_PRODUCTS_KEPT)
        self._said: Kept[tuple[Said | None]] = Kept(_PRODUCTS_KEPT)
        self._domains: Kept[Domain] = Kept(_VERSIONS_KEPT)
        self._access: Kept[MeshAccess] = Kept(1)

    @property
    def access(self) -> MeshAccess:
        """Rules and principals as they are now."""
        root = str(self.settings.root)
        domains = _names(self._products)
        files = [f"{root}/{PRINCIPALS}", f"{root}/{RULES}"]
        files += [f"{self._products}/{name}/{RULES}" for name in domains]
        key = (domains, _stamp(files))
        return self._access.get(key, lambda: MeshAccess(self.settings))

    def products(self) -> list[tuple[str, str]]:
        """Domain and name of every product that was ever published. Raises as storage does."""
        return stored_products(self.settings)

    def ledger(self, identity: str) -> Ledger:
        """The ledger of ``<domain>/<product>``."""
        domain, _, product = identity.partition("/")
        store = product_store(self.settings, domain, product)
        return _KeptLedger(store, identity, self._records)

    def record(self, url: MeshUrl) -> Record:
        """The record of the version that ``url`` names. Raises `NotPublished`, `UnknownAddress`,
        `CorruptRecord`."""
        return record_of(self.ledger(url.identity), url)

    def declared(self, identity: str) -> Product | BrokenProduct | None:
        """The product as it lies there; None when there is none. It is read again when a file of
        its own, or what it takes from ``mesh.yaml``, has changed."""
        folder = self._folder(identity)
        if not (folder / MANIFEST).is_file():
            return None
        files = [file for file in folder.rglob("*") if file.suffix != ".pyc"]
        key = (identity, _stamp(sorted(files)), _stamp([self.settings.root / "mesh.yaml"]))
        return self._declared.get(key, lambda: load_product(folder, self.settings))

    def known(self) -> list[tuple[str, str]]:
        """Domain and name of every product that is declared or was ever published, sorted."""
        return known_products(self.settings)

    def open(self, url: MeshUrl, ledger: Ledger | None = None) -> Opened:
        """The version that ``url`` names; ``ledger`` is its product's, where it is at hand. Raises
        `NotPublished`, `UnknownAddress`, `CorruptRecord`, `InvalidMesh`."""
        ledger = ledger if ledger is not None else self.ledger(url.identity)
        record = record_of(ledger, url)
        port = port_of(record, url)
        key = (url.identity, record.version, port, record.run_id)
        return self._opened.get(key, lambda: self._open(ledger, url.identity, record, port))

    def subject(self, opened: Opened, ledger: Ledger | None = None) -> PortSubject:
        """The port as decisions see it now; ``ledger`` as for `open`. Raises `InvalidMesh`,
        `CorruptRecord`."""
        return self._subject(opened.version, ledger if ledger is not None else opened.ledger)

    def about(self, url: MeshUrl) -> tuple[PortSubject, Published | None]:
        """The port as decisions see it in the version that ``url`` names, whose files are not
        looked for; None where it was never published, and is as it is declared. Raises
        `UnknownAddress`, `CorruptRecord`, `InvalidMesh`."""
        ledger = self.ledger(url.identity)
        try:
            version = unread(url, record_of(ledger, url))
        except NotPublished:
            return self.access.subject(url), None
        return self._subject(version, ledger), version

    def _subject(self, version: Published, ledger: Ledger) -> PortSubject:
        newest = ledger.versions()[-1:]
        folder = f"{self._products}/{version.identity}"  # a path takes longer to make than to stat
        contract = contract_file(self.manifest(version.identity), version.port)
        declared = _stamp([f"{folder}/{MANIFEST}", f"{folder}/{contract}"])
        record = version.record
        key = (version.identity, record.version, record.run_id, version.port, *newest, declared)
        return self._subjects.get(key, lambda: self.access.published(version))

    def manifest(self, identity: str) -> Manifest | None:
        """The manifest of ``<domain>/<product>`` as it lies there; None when there is none that can
        be read."""
        key = (identity, _stamp([f"{self._products}/{identity}/{MANIFEST}"]))
        root = self.settings.root
        found = self._manifests.get(key, lambda: (read_manifest(self._folder(identity), root),))
        return found[0]

    def said(self, identity: str, record: Record | None) -> Said | None:
        """What its owner says of ``<domain>/<product>``: as it was published with the version of
        ``record``, without one as its manifest lies there. None where nobody can tell: there is no
        manifest that can be read, or the version's discovery document is damaged."""
        manifest = self.manifest(identity)
        if record is None:
            return declared(manifest) if manifest is not None else None
        store = self.ledger(identity).store
        files = [store.location(document_name(record.version))]
        files.append(f"{self._products}/{identity}/{MANIFEST}")
        key = (identity, record.version, record.run_id, _stamp(files))
        return self._said.get(key, lambda: (_said(store, identity, record, manifest),))[0]

    def domain(self, name: str) -> Domain:
        """The domain as its file says."""
        folder = self._folder(name)
        key = (name, _stamp([folder / MANIFEST]))
        return self._domains.get(key, lambda: load_domain(folder, self.settings.root)[0])

    def refuses_stale(self, opened: Opened) -> bool:
        """Whether the product rather serves nothing than what is older than promised."""
        manifest = self.manifest(opened.version.identity)
        return manifest is not None and manifest.access.when_stale == "refuse"

    def _folder(self, identity: str) -> Path:
        return self.settings.root / DOMAINS / identity

    def _open(self, ledger: Ledger, identity: str, record: Record, port: str) -> Opened:
        version = Published(identity, port, record, port_files(ledger.store, record, port))
        output = published_output(self.settings, identity, record, port)
        with _connected() as connection:
            described = connection.execute(f"DESCRIBE SELECT * FROM {version.rows.sql}").fetchall()
            types = {str(row[0]): str(row[1]) for row in described}
            fresh = output.promise.service_levels.freshness_column
            newest = _newest(connection, version, fresh) if fresh in types else None
        return Opened(version, output, types, newest, ledger)


def _said(
    store: ProductStore, identity: str, record: Record, manifest: Manifest | None
) -> Said | None:
    try:
        return published(store, identity, record, manifest)
    except CorruptRecord:
        return None  # whoever asks for the document itself is told what is wrong with it


@contextmanager
def _connected() -> Iterator[DuckDBPyConnection]:
    import duckdb

    with duckdb.connect(config={"threads": 1, "memory_limit": "100MB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _newest(
    connection: DuckDBPyConnection, version: Published, column: str | None
) -> datetime | None:
    """The newest finite value of ``column``, a date or a time; values without a zone are UTC."""
    moment = f"max({quote(column or '')})::TIMESTAMP"
    found = connection.execute(
        f"SELECT CASE WHEN isfinite({moment}) THEN epoch_us({moment}) END FROM {version.rows.sql}"
    ).fetchone()
    if found is None or found[0] is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=int(found[0]))
    except OverflowError:
        return None


def _names(folder: str) -> tuple[str, ...]:
    """What lies in ``folder``, sorted; nothing when it is none that can be looked into."""
    try:
        return tuple(sorted(os.listdir(folder)))  # noqa: PTH208  twice as fast, in every request
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return ()


def _stamp(files: Iterable[Path | str]) -> Stamp:
    """What changes when one of ``files`` does, or comes, or goes."""
    found = []
    for file in files:
        try:
            status = os.stat(file)  # noqa: PTH116  as above
        except (FileNotFoundError, NotADirectoryError):
            continue
        times = status.st_mtime_ns, status.st_ctime_ns  # the second cannot be set back
        found.append((str(file), *times, status.st_size, status.st_ino))
    return tuple(found)
