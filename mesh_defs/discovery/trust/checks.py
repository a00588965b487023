"""One version against its statement: the ledger's record, the log of each port's table, the files,
and what is stored beside them."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.discovery.trust.findings import Checked, Hashed, Problem
from mesh_defs.errors import CorruptRecord
from mesh_defs.product.attest.digests import sha256_of
from mesh_defs.product.attest.statement import digest_of, record_digest
from mesh_defs.product.ledger import Ledger, contract_name, record_name
from mesh_defs.product.publish import publishing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.discovery.trust.findings import Kind, Watch
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.attest.statement import Statement, Subject
    from mesh_defs.product.ledger import Record

_SHOWN = 5
_THREADS = min(4, os.cpu_count() or 1)


class Depth(IntEnum):
    """How closely a version is looked at: its statement, record and documents; also its commits and
    whether its files are there in their size; also every byte of them."""

    STATEMENT = 0
    SIZES = 1
    FILES = 2


class VersionCheck:
    """Holds the version at ``url`` against its ``statement``; ``problems`` is what was found."""

    def __init__(self, store: ProductStore, url: str, statement: Statement, watch: Watch) -> None:
        self.store = store
        self.url = url
        self.statement = statement
        self.watch = watch
        self.problems: list[Problem] = []
        self._lock = threading.Lock()
        self._read = 0

    def check(self, key: str, depth: Depth) -> Checked:
        """Look at it as closely as ``depth`` says."""
        self._record()
        self._documents()
        hashed: list[Subject] = []
        if depth >= Depth.SIZES:
            for port in self.statement.ports:
                self._commit(port)
                self._newest(port)
            there = [one for one in self.statement.subjects if self._has_size(one)]
            hashed = there if depth is Depth.FILES else []
            self._hash(hashed)
        total = sum(one.bytes for one in self.statement.subjects)
        return Checked(self.url, key, len(self.statement.subjects), len(hashed), total)

    def _problem(self, kind: Kind, text: str) -> None:
        self.problems.append(Problem(kind, self.url, text))

    def _record(self) -> None:
        """The ledger's record is the one that was signed."""
        name = record_name(self.statement.version)
        where = self.store.location(name)
        try:
            record = Ledger(self.store).record(self.statement.version)
        except CorruptRecord as error:
            self._problem("changed record", str(error))
            return
        if record is None:
            self._problem("missing record", f"{where} is gone")
        elif record_digest(record) != self.statement.record:
            told = _differences(record, self.statement)
            more = f": it differs in {', '.join(told)}" if told else ""
            self._problem("changed record", f"{where} is not the record that was signed{more}")

    def _documents(self) -> None:
        """The contracts and documents that are stored with it are those that were signed."""
        for digest in dict.fromkeys(port.contract_digest for port in self.statement.ports.values()):
            self._stored("tampered contract", contract_name(digest), digest)
        for name, digest in self.statement.documents.items():
            self._stored("tampered document", name, digest)

    def _stored(self, kind: Kind, name: str, digest: str) -> None:
        content = self.store.read(name)
        if content is None:
            self._problem(kind, f"{self.store.location(name)} is gone")
        elif digest_of(content) != digest:
            self._problem(kind, f"{self.store.location(name)} is not what was signed")

    def _commit(self, port: str) -> None:
        """The Delta log has the very files that were signed, and no others, and says nothing of
        them that they do not say themselves."""
        version = self.statement.ports[port].table_version
        where = f"version {version} of the table {self.store.port_folder(port)}"
        signed = {one.path: one for one in self.statement.subjects if one.port == port}
        if not signed and version < 0:
            return
        try:
            found = {file.path: file for file in self.store.table_files(port, version)}
            foreign = self.store.table_foreign(port, version, sorted(found.keys() & signed))
        except CorruptRecord as error:
            self._problem("replaced commit", str(error))
            return
        for said in foreign:
            self._problem("replaced commit", f"{where} {said}")
        added, gone = sorted(found.keys() - signed), sorted(signed.keys() - found)
        if added:
            self._problem(
                "replaced commit", f"{where} has files that were not signed{_names(added)}"
            )
        if gone:
            self._problem("replaced commit", f"{where} lacks files that were signed{_names(gone)}")
        other = [
            path
            for path, one in signed.items()
            if path in found and (found[path].bytes, found[path].rows) != (one.bytes, one.rows)
        ]
        if other:
            text = f"{where} tells other sizes or rows than were signed{_names(sorted(other))}"
            self._problem("replaced commit", text)

    def _newest(self, port: str) -> None:
        """Of the newest version, nobody wrote to the table since: who reads the table alone would
        see that."""
        signed = self.statement.ports[port].table_version
        found = self.store.table_version(port)
        if found is None or found <= signed or publishing(self.store, self.statement.version + 1):
            return
        if any(number > self.statement.version for number in Ledger(self.store).versions()):
            return
        self._problem(
            "replaced commit",
            f"the table {self.store.port_folder(port)} is at version {found}, and {signed} is that "
            "of the newest version of the product: somebody wrote to it from outside, or a run "
            "died while it published. Fix: run the product, with --rebuild when it says so",
        )

    def _path(self, subject: Subject) -> Path:
        return self.store.port_folder(subject.port) / subject.path

    def _has_size(self, subject: Subject) -> bool:
        path = self._path(subject)
        try:
            size = path.stat().st_size
        except OSError as error:
            self._problem("missing file", f"{path}: {error.strerror or error}")
            return False
        if size != subject.bytes:
            text = f"{path} has {size:,} bytes, and {subject.bytes:,} were signed"
            self._problem("tampered file", text)
        return size == subject.bytes

    def _hash(self, subjects: list[Subject]) -> None:
        """Read every byte again."""
        total = sum(one.bytes for one in subjects)

        def going_on(count: int) -> bool:
            with self._lock:
                self._read += count
                self.watch(Hashed(self.url, self._read, total))
            return True

        def digest(subject: Subject) -> str | OSError:
            try:
                return sha256_of(self._path(subject), going_on)
            except OSError as error:
                return error

        with ThreadPoolExecutor(_THREADS, "verify") as pool:
            for one, found in zip(subjects, pool.map(digest, subjects), strict=True):
                path = self._path(one)
                if isinstance(found, OSError):
                    self._problem("missing file", f"{path}: {found.strerror or found}")
                elif found != one.sha256:
                    self._problem("tampered file", f"{path} is not the file that was signed")


def _names(paths: list[str]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return f": {', '.join(paths[:_SHOWN])}{more}"


def _differences(record: Record, statement: Statement) -> list[str]:
    """In what of that which both tell they differ; it may be in something else."""
    told: Mapping[str, tuple[object, object]] = {
        "run_id": (record.run_id, statement.run_id),
        "published_at": (record.published_at, statement.published_at),
        "product_version": (record.product_version, statement.product_version),
        "environment": (record.environment, statement.environment),
        "digest": (record.digest, statement.transform),
        "inputs": (
            {(name, one.source, one.version) for name, one in record.inputs.items()},
            {(one.name, one.source, one.version) for one in statement.inputs},
        ),
        "ports": (
            {
                name: (one.table_version, one.rows, one.bytes, one.contract_digest)
                for name, one in record.ports.items()
            },
            {
                name: (one.table_version, one.rows, one.bytes, one.contract_digest)
                for name, one in statement.ports.items()
            },
        ),
        "verdicts": (record.tally, dict(statement.tally)),
    }
    return [name for name, (found, signed) in told.items() if found != signed]
