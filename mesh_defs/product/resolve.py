"""Step one of a run: every input becomes one published version, or one fingerprinted entity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import safe_text
from mesh_defs.contract.data import Rows, Unavailable
from mesh_defs.contract.rules import ForeignKey
from mesh_defs.errors import MeshError, NotPublished, SourceUnavailable, UnknownAddress
from mesh_defs.interrupts import interruptible
from mesh_defs.product.ledger import InputRecord, Ledger
from mesh_defs.product.manifest import ServiceInput
from mesh_defs.product.stores import product_store, source
from mesh_defs.sql import literal
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Product
    from mesh_defs.settings import Settings


@dataclass(frozen=True, slots=True)
class Resolved:
    """An input that the run holds on to. ``paths`` are the files that it may read for it;
    ``in_place`` tells that they are a service's own files, which may change under the run."""

    name: str
    record: InputRecord
    rows: Rows
    paths: tuple[str, ...]
    in_place: bool = False


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
    record = record_of(Ledger(store), url)
    port = port_of(record, url)
    return Published(url.identity, port, record, port_files(store, record, port))


def unread(url: MeshUrl, record: Record) -> Published:
    """The version of ``record`` of the port that ``url`` names, for who only decides about it: its
    files are not looked for. Raises `UnknownAddress`."""
    return Published(url.identity, port_of(record, url), record, ())


def port_files(store: ProductStore, record: Record, port: str) -> tuple[str, ...]:
    """Absolute paths of the files of ``port`` in ``record``'s version."""
    folder = store.port_folder(port)
    files = store.table_files(port, record.ports[port].table_version)
    return tuple(str(folder / file.path) for file in files)


def record_of(ledger: Ledger, url: MeshUrl) -> Record:
    """The record of the version that ``url`` names. Raises `NotPublished`, `UnknownAddress`,
    `CorruptRecord`."""
    if url.version is not None:
        record = ledger.record(url.version)
        if record is None:
            versions = ledger.versions()
            known = f"{versions[0]} to {versions[-1]}" if versions else "none yet"
            raise UnknownAddress(
                f"{url.product_url()} has no version {url.version}; it has {known}"
            )
        if url.major not in (None, record.major):
            raise UnknownAddress(
                f"version {url.version} of {url.product_url()} is of @{record.major}, not of "
                f"@{url.major}. Fix: leave one of them out"
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


def port_of(record: Record, url: MeshUrl) -> str:
    """The port of ``record`` that ``url`` names. Raises `UnknownAddress`."""
    names = list(record.ports)
    port = url.port or (names[0] if len(names) == 1 else url.product)
    if port not in record.ports:
        raise UnknownAddress(
            f"{url.product_url()} has no port '{port}' in version {record.version}; "
            f"it has {', '.join(names)}"
        )
    return port


def resolve_inputs(
    settings: Settings, product: Product, scratch: Path, *, private: bool
) -> dict[str, Resolved]:
    """Every input of ``product``, in its order, as Parquet that does not change during the run.

    What an operational system holds is copied into ``scratch``, all of it in one transaction, on a
    connection that is closed before any of the product's code runs: that code never meets a
    credential, nor a table that it did not declare. ``private`` keeps what an engine says of rows
    out of errors. Raises `NotPublished`, `UnknownAddress`, `SourceUnavailable`, `MissingDriver`.
    """
    import duckdb

    scratch.mkdir(parents=True, exist_ok=True)
    with (
        duckdb.connect(config={"autoinstall_known_extensions": False}) as connection,
        interruptible(connection),
    ):
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute("BEGIN TRANSACTION READ ONLY")
        return {
            port.name: _service(settings, port.name, port.source, connection, scratch, private)
            if isinstance(port.source, ServiceInput)
            else _published_input(settings, port.name, port.source)
            for port in product.inputs
        }


def _published_input(settings: Settings, name: str, url: MeshUrl) -> Resolved:
    found = published(settings, url)
    return Resolved(
        name, InputRecord(str(url), version=found.record.version), found.rows, found.files
    )


def _service(
    settings: Settings,
    name: str,
    where: ServiceInput,
    connection: duckdb.DuckDBPyConnection,
    scratch: Path,
    private: bool,
) -> Resolved:
    import duckdb

    driver = source(settings, where.service)
    # The fingerprint is taken before the data is read: a change in between is seen next time.
    record = InputRecord(str(where), fingerprint=driver.fingerprint(where.entity))
    relation = driver.attach(connection, where.entity)
    if relation.paths and all(Path(path).suffix == ".parquet" for path in relation.paths):
        return Resolved(name, record, Rows(relation.sql, relation.paths), relation.paths, True)
    copy = str(scratch / f"{name}.parquet")
    try:
        connection.execute(
            f"COPY (SELECT * FROM {relation.sql}) TO {literal(copy)} (FORMAT parquet)"
        )
    except duckdb.Error as error:
        text = settings.redact(str(error).strip())
        reason = safe_text(text, known=name) if private else text
        raise SourceUnavailable(f"{where} cannot be read: {reason}") from None
    return Resolved(name, record, Rows.parquet([copy]), (copy,))


def check_unchanged(settings: Settings, product: Product, inputs: Mapping[str, Resolved]) -> None:
    """Raise `SourceUnavailable` when files that are read in place changed since they were resolved:
    then the run has seen two states of them."""
    for port in product.inputs:
        resolved = inputs[port.name]
        if not resolved.in_place or not isinstance(port.source, ServiceInput):
            continue
        now = source(settings, port.source.service).fingerprint(port.source.entity)
        if now != resolved.record.fingerprint:
            raise SourceUnavailable(f"{port.source} changed while it was read; run again")


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
            record = record_of(Ledger(product_store(settings, url.domain, url.product)), url)
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
