"""What happened to a port lately, as its product's ledger and the records of its runs tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import CorruptRecord, InvalidMesh
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.described.stored import stored_document
from mesh_defs.product.inheritance import published_output
from mesh_defs.product.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.attempts import Attempt, Result
    from mesh_defs.product.ledger import PortRecord, Record
    from mesh_defs.settings import Settings

WINDOW = timedelta(days=30)
MOST_VERSIONS = 500
MOST_DOCUMENTS = 30


@dataclass(frozen=True, slots=True)
class Run:
    """How a run ended, and what was found of the port's promises in it (empty: nobody looked)."""

    time: datetime
    ended: Result
    promises: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the port: published at ``time``, with data up to ``newest`` (None: nothing tells
    that but the time of publishing), promised to be no older than ``promised``."""

    time: datetime
    record: Record
    port: PortRecord
    newest: datetime | None
    promised: timedelta | None

    @property
    def until(self) -> datetime | None:
        """When it is older than promised; None when nothing is."""
        return None if self.promised is None else (self.newest or self.time) + self.promised


@dataclass(frozen=True)
class Past:
    """A port's last `WINDOW`. ``versions`` are those that were published in it, oldest first, and
    the one that was current at its start; ``since`` is that start, or later where there are more
    versions than `MOST_VERSIONS`, or none yet. ``documents`` are discovery documents' entries of
    the port, with the times of their versions, oldest first; ``of_column`` the column by which it
    promises to be fresh, where its newest value is known. ``first`` tells since when the newest
    version's contract is in force, as far back as was looked."""

    port: str
    now: datetime
    since: datetime
    versions: tuple[Version, ...]
    runs: tuple[Run, ...]
    documents: tuple[tuple[datetime, Mapping[str, Any]], ...]
    of_column: str | None = None
    first: Version | None = None
    broken: tuple[str, ...] = field(default=())

    @property
    def published(self) -> tuple[Version, ...]:
        """The versions that were published in the window."""
        return tuple(one for one in self.versions if one.time >= self.since)


def past(
    settings: Settings,
    identity: str,
    port: str,
    now: datetime,
    *,
    store: ProductStore,
    ledger: Ledger | None = None,
) -> Past:
    """The last `WINDOW` of ``port`` of ``<domain>/<product>``. What cannot be read is left out, and
    named in ``broken``. Raises as storage does."""
    reader = _Reader(settings, identity, port, store, ledger or Ledger(store))
    start = now - WINDOW
    records, first = reader.records(start)
    documents = reader.documents([one for one in records if one.time >= start] or records[-1:])
    column = _time_column(documents)
    versions = tuple(reader.version(one, column) for one in records)
    since = start if len(records) < MOST_VERSIONS else max(start, records[0].time)
    if versions and versions[0].time > since:
        since = versions[0].time
    promised = reader.column(records[-1]) if records else None
    return Past(
        port,
        now,
        since,
        versions,
        tuple(reader.runs(records, since)),
        tuple(documents),
        promised if promised is not None and promised == column else None,
        reader.version(first, None) if first is not None else None,
        tuple(reader.broken),
    )


def _time_column(documents: Sequence[tuple[datetime, Mapping[str, Any]]]) -> str | None:
    """The column that tells the data's own time: the least and greatest of it are in records."""
    found = documents[-1][1]["freshness"]["column"] if documents else None
    return found if isinstance(found, str) else None


class _Reader:
    def __init__(
        self, settings: Settings, identity: str, port: str, store: ProductStore, ledger: Ledger
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.port = port
        self.store = store
        self.ledger = ledger
        self.broken: list[str] = []
        self._promises: dict[str, tuple[timedelta | None, str | None]] = {}

    def records(self, start: datetime) -> tuple[list[Record], Record | None]:
        """Records from the one that was current at ``start`` on, oldest first; and the first one
        under the newest one's contract."""
        found: list[Record] = []
        first: Record | None = None
        for version in reversed(self.ledger.versions()[-MOST_VERSIONS:]):
            record = self._record(version)
            if record is None or self.port not in record.ports:
                continue
            if not found or found[0].time >= start:
                found.insert(0, record)
            if first is not None and not self._same(first, record):
                break
            first = record
        return found, first

    def _same(self, one: Record, other: Record) -> bool:
        """Whether both were published under one version of the contract."""
        versions = {
            (r.ports[self.port].contract_id, r.ports[self.port].contract_version)
            for r in (one, other)
        }
        return len(versions) == 1

    def _record(self, version: int) -> Record | None:
        try:
            return self.ledger.record(version)
        except CorruptRecord as error:
            self.broken.append(str(error))
            return None

    def documents(self, records: Sequence[Record]) -> list[tuple[datetime, Mapping[str, Any]]]:
        """What the newest documents say of the port, oldest first."""
        found: list[tuple[datetime, Mapping[str, Any]]] = []
        for record in records[-MOST_DOCUMENTS:]:
            try:
                document = stored_document(self.store, self.identity, record.version)
            except CorruptRecord as error:
                self.broken.append(str(error))
                continue
            entries = document["ports"] if document is not None else ()
            found += [(record.time, each) for each in entries if each["port"] == self.port]
        return found

    def version(self, record: Record, column: str | None) -> Version:
        """The version of ``record``; ``column`` is the one whose greatest value it tells."""
        port = record.ports[self.port]
        promised, by = self._promise(record)
        newest = moment(port.actual_to) if by is not None and by == column else None
        return Version(record.time, record, port, newest, promised)

    def column(self, record: Record) -> str | None:
        """The column by which the version promises to be fresh."""
        return self._promise(record)[1]

    def _promise(self, record: Record) -> tuple[timedelta | None, str | None]:
        digest = record.ports[self.port].contract_digest
        if digest not in self._promises:
            self._promises[digest] = None, None
            try:
                output = published_output(self.settings, self.identity, record, self.port)
            except (CorruptRecord, InvalidMesh) as error:
                self.broken.append(str(error))
            else:
                levels = output.promise.service_levels
                seconds = levels.freshness_seconds
                if seconds is not None:
                    self._promises[digest] = timedelta(seconds=seconds), levels.freshness_column
        return self._promises[digest]

    def runs(self, records: Sequence[Record], since: datetime) -> list[Run]:
        """Every run that published, and those that did not as long as they are kept."""
        found = [
            Run(one.time, "published", _promised(one.ports[self.port].verdicts)) for one in records
        ]
        found += [
            run for attempt in Attempts(self.store).all() if (run := self._run(attempt)) is not None
        ]
        return sorted((run for run in found if run.time >= since), key=lambda run: run.time)

    def _run(self, attempt: Attempt) -> Run | None:
        if attempt.result in ("published", "running"):
            return None  # The ledger tells, or nobody knows yet.
        began = moment(attempt.started_at)
        if began is None:
            return None
        own = (one for one in attempt.verdicts if one.subject == self.port)
        # What changed nothing was judged as well, and its verdicts are kept with it.
        return Run(began + timedelta(seconds=attempt.seconds), attempt.result, _promised(own))


def _promised(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    return tuple(one for one in verdicts if one.stage == "promise")


def moment(text: str | None) -> datetime | None:
    """A time as stored or as DuckDB tells it, without a zone in UTC; None for what is none, such as
    ``infinity``."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
