"""Step one of a run: every input becomes one published version, or one fingerprinted entity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Rows, Unavailable
from mesh_defs.contract.rules import ForeignKey
from mesh_defs.errors import MeshError, NotPublished, UnknownAddress
from mesh_defs.product.ledger import InputRecord, Ledger
from mesh_defs.product.manifest import ServiceInput
from mesh_defs.product.stores import product_store, source
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import InputPort, Product
    from mesh_defs.settings import Settings


@dataclass(frozen=True, slots=True)
class Resolved:
    """An input that the run holds on to. ``paths`` are the files that it may read for it."""

    name: str
    record: InputRecord
    rows: Rows
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """One published version of one port: its record and its files (absolute paths)."""

    identity: str
    port: str
    record: Record
    files: tuple[str, ...]

    @property
    def rows(self) -> Rows:
        """The version's rows."""
        return Rows.parquet(self.files)


def published(settings: Settings, url: MeshUrl) -> Published:
    """The version that ``url`` names: newest, ``@major``'s newest, ``?version=`` or ``?as_of=``.

    Raises `NotPublished`, `UnknownAddress`.
    """
    store = product_store(settings, url.domain, url.product)
    record = _record(Ledger(store), url)
    port = _port(record, url)
    return Published(url.identity, port, record, port_files(store, record, port))


def port_files(store: ProductStore, record: Record, port: str) -> tuple[str, ...]:
    """Absolute paths of the files of ``port`` in ``record``'s version."""
    folder = store.port_folder(port)
    files = store.table_files(port, record.ports[port].table_version)
    return tuple(str(folder / file.path) for file in files)


def _record(ledger: Ledger, url: MeshUrl) -> Record:
    if url.version is not None:
        record = ledger.record(url.version)
        if record is None:
            versions = ledger.versions()
            known = f"{versions[0]} to {versions[-1]}" if versions else "none yet"
            raise UnknownAddress(
                f"{url.product_url()} has no version {url.version}; it has {known}"
            )
        return record
    if url.as_of is not None:
        record = ledger.as_of(url.as_of, url.major)
        if record is None:
            first = next(iter(ledger.versions()), None)
            start = ledger.record(first) if first is not None else None
            since = f"; its first is of {start.published_at}" if start else ""
            raise NotPublished(f"{url.product_url()} had no version at {url.as_of}{since}")
        return record
    record = ledger.latest(url.major)
    if record is None:
        newest = ledger.latest()
        if newest is not None:
            raise NotPublished(
                f"{url.product_url()} has no published version of @{url.major}; "
                f"its newest is {newest.product_version}"
            )
        raise NotPublished(
            f"{url.product_url()} has no published version yet; publish it with: "
            f"mesh run {url.product_url()}"
        )
    return record


def _port(record: Record, url: MeshUrl) -> str:
    names = list(record.ports)
    port = url.port or (names[0] if len(names) == 1 else url.product)
    if port not in record.ports:
        raise UnknownAddress(
            f"{url.product_url()} has no port '{port}' in version {record.version}; "
            f"it has {', '.join(names)}"
        )
    return port


def resolve_inputs(
    settings: Settings, product: Product, connection: duckdb.DuckDBPyConnection
) -> dict[str, Resolved]:
    """Every input of ``product``, in its order; services are attached to ``connection``.

    Raises `NotPublished`, `UnknownAddress`, `SourceUnavailable`, `MissingDriver`.
    """
    return {port.name: _resolve(settings, port, connection) for port in product.inputs}


def _resolve(
    settings: Settings, port: InputPort, connection: duckdb.DuckDBPyConnection
) -> Resolved:
    if isinstance(port.source, ServiceInput):
        driver = source(settings, port.source.service)
        # The fingerprint is taken before the data is read: a change in between is seen next time.
        fingerprint = driver.fingerprint(port.source.entity)
        relation = driver.attach(connection, port.source.entity)
        record = InputRecord(str(port.source), fingerprint=fingerprint)
        return Resolved(
            port.name, record, Rows(relation.sql, _parquet(relation.paths)), relation.paths
        )
    found = published(settings, port.source)
    record = InputRecord(str(port.source), version=found.record.version)
    return Resolved(port.name, record, found.rows, found.files)


def _parquet(paths: tuple[str, ...]) -> tuple[str, ...]:
    return paths if all(Path(path).suffix == ".parquet" for path in paths) else ()


def current_inputs(settings: Settings, product: Product) -> dict[str, InputRecord]:
    """What a run of ``product`` would read now, without reading it. Same errors as resolving."""
    records: dict[str, InputRecord] = {}
    for port in product.inputs:
        if isinstance(port.source, ServiceInput):
            driver = source(settings, port.source.service)
            fingerprint = driver.fingerprint(port.source.entity)
            records[port.name] = InputRecord(str(port.source), fingerprint=fingerprint)
        else:
            url = port.source
            record = _record(Ledger(product_store(settings, url.domain, url.product)), url)
            records[port.name] = InputRecord(str(url), version=record.version)
    return records


def foreign_relations(
    settings: Settings, product: Product, inputs: Mapping[str, Resolved]
) -> dict[str, Rows | Unavailable]:
    """The ports of other products that foreign keys refer to, by ``str(target)``.

    A product that is also an input is read in the version that the run holds on to.
    """
    held = {
        (port.source.identity, port.source.port): inputs[port.name].rows
        for port in product.inputs
        if isinstance(port.source, MeshUrl) and port.name in inputs
    }
    relations: dict[str, Rows | Unavailable] = {}
    for output in product.outputs:
        for rule in output.promise.rules:
            if not isinstance(rule, ForeignKey) or not isinstance(rule.target, MeshUrl):
                continue
            url = rule.target
            if url.identity == product.identity or str(url) in relations:
                continue
            rows = held.get((url.identity, url.port)) or held.get((url.identity, None))
            relations[str(url)] = rows if rows is not None else _reference(settings, url)
    return relations


def _reference(settings: Settings, url: MeshUrl) -> Rows | Unavailable:
    try:
        return published(settings, url).rows
    except MeshError as error:
        return Unavailable(str(error))
