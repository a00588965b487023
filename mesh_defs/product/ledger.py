"""The ledger: one small immutable record per version of a product. Readers resolve through it."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.verdicts import Verdict, tally
from mesh_defs.errors import CorruptRecord
from mesh_defs.stored import each, fitting
from mesh_defs.urls import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mesh_defs.drivers.storage.protocol import ProductStore

FOLDER = "ledger"
CONTRACTS = "contracts"
NOT_TOLD = -1
_DIGITS = 12
_SEMVER = re.compile(r"\d{1,18}\.\d{1,18}\.\d{1,18}(?:[-+][0-9A-Za-z.+-]+)?", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}")
# All else in a lineage is by port (`mesh_defs.product.lineage.record`).
_LINEAGE_WORDS = frozenset({"key", "assumed"})

# What reading JSON into a record raises when it is not JSON, or not a record.
NOT_A_RECORD = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class InputRecord:
    """What a run read: a product's ``version``, or the ``fingerprint`` of a service's entity."""

    source: str
    version: int | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class PortRecord:
    """One port of one version.

    ``rows`` and ``bytes`` are of the whole version, ``added_rows`` are this run's: `NOT_TOLD` to
    a reader who may not know. ``cursor`` is the largest cursor value (append); ``actual_from`` and
    ``actual_to`` bound the time that the data speaks of, as text; ``continues`` tells how it
    followed the version before (`mesh_defs.product.model.OutputPort.continues`). ``profile`` is
    what policies compare the next version with (`mesh_defs.policy.data.profile.PortProfile`),
    empty where none does.
    """

    table_version: int
    rows: int
    added_rows: int
    bytes: int
    files: int
    contract_id: str
    contract_version: str
    contract_digest: str
    verdicts: tuple[Verdict, ...]
    cursor: str | None = None
    actual_from: str | None = None
    actual_to: str | None = None
    changed: bool = True
    continues: str = ""
    profile: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One published version of a product. ``published_at`` is its processing time (ISO 8601, UTC),
    ``digest`` that of the code which made it, ``seconds`` per step. ``environment`` is the name by
    which policies know the infra profile that it was published under, ``status`` the manifest's;
    records of before they were kept have None."""

    version: int
    run_id: str
    published_at: str
    product_version: str
    digest: str
    inputs: Mapping[str, InputRecord]
    ports: Mapping[str, PortRecord]
    expectations: tuple[Verdict, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    lineage: Mapping[str, Any] = field(default_factory=dict)
    environment: str | None = None
    status: str | None = None

    @property
    def time(self) -> datetime:
        """``published_at`` as an aware timestamp."""
        return datetime.fromisoformat(self.published_at)

    @property
    def major(self) -> int:
        """The interface's major version that this version was published for."""
        return int(self.product_version.split(".")[0])

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts of the run: expectations first, then each port's."""
        promised = (v for port in self.ports.values() for v in port.verdicts)
        return (*self.expectations, *promised)

    @property
    def tally(self) -> dict[str, int]:
        """How many verdicts have each outcome."""
        return tally(self.verdicts)

    def to_json(self) -> bytes:
        """The record as JSON text."""
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Record:
        """The inverse of `to_json`. Raises one of `NOT_A_RECORD` for what is none."""
        return cls.from_dict(json.loads(content))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Record:
        """Of `to_json`'s JSON values. Raises one of `NOT_A_RECORD` for what is no record."""
        values = dict(fitting(cls, values))
        values["inputs"] = inputs_of(values["inputs"])
        values["ports"] = {name: _port(name, port) for name, port in values["ports"].items()}
        values["expectations"] = verdicts_of(values["expectations"])
        each(values.get("seconds", {}), "seconds", float)
        lineage = values.get("lineage", {})
        each({k: v for k, v in lineage.items() if k not in _LINEAGE_WORDS}, "lineage", dict)
        record = cls(**values)
        if not _SEMVER.fullmatch(record.product_version):
            raise ValueError(f"'product_version' is '{record.product_version}', not 1.0.0 or so")
        if record.time.tzinfo is None:
            raise ValueError(f"'published_at' is '{record.published_at}', a time without a zone")
        return record


def inputs_of(values: object) -> dict[str, InputRecord]:
    """What a run read, by the input's name. Raises ValueError and TypeError."""
    inputs = each(values, "inputs", dict)
    return {name: InputRecord(**fitting(InputRecord, read)) for name, read in inputs.items()}


def verdicts_of(values: Iterable[Mapping[str, Any]]) -> tuple[Verdict, ...]:
    """Verdicts of JSON values. Raises ValueError and TypeError."""
    return tuple(Verdict.from_dict(value) for value in values)


def _port(name: str, values: object) -> PortRecord:
    """Names of files and folders are made of a port's name and of its contract's digest."""
    known = fitting(PortRecord, values)
    port = PortRecord(**{**known, "verdicts": verdicts_of(known["verdicts"])})
    if not NAME.match(name):
        raise ValueError(f"'{name}' in 'ports' cannot be a port's name")
    if not _DIGEST.fullmatch(port.contract_digest):
        raise ValueError(f"'contract_digest' of '{name}' is no digest")
    return port


def record_name(version: int) -> str:
    """The ledger's name of a version, so that names sort as numbers."""
    return f"{FOLDER}/{version:0{_DIGITS}d}.json"


def recent(ledger: Ledger, most: int = 30) -> tuple[Record, ...]:
    """The newest records, at most ``most``; those that cannot be read are left out."""
    found: list[Record] = []
    for version in reversed(ledger.versions()[-most:]):
        with contextlib.suppress(CorruptRecord):
            record = ledger.record(version)
            if record is not None:
                found.append(record)
    return tuple(found)


def contract_name(digest: str) -> str:
    """Where the contract with that digest is kept, which versions were published under."""
    return f"{CONTRACTS}/{digest}.yaml"


class Ledger:
    """The published versions of one product, oldest first."""

    def __init__(self, store: ProductStore) -> None:
        self.store = store

    def versions(self) -> list[int]:
        """Numbers of all published versions, ascending."""
        return [
            int(name[:_DIGITS])
            for name in self.store.names(FOLDER)
            if name[_DIGITS:] == ".json" and name[:_DIGITS].isdecimal()
        ]

    def record(self, version: int) -> Record | None:
        """The record of ``version``, or None. Raises `CorruptRecord`."""
        name = record_name(version)
        content = self.store.read(name)
        if content is None:
            return None
        try:
            record = Record.from_json(content)
            if record.version != version:
                raise ValueError(f"it speaks of version {record.version}")
        except NOT_A_RECORD as error:
            raise CorruptRecord(
                f"{self.store.location(name)} is no record of version {version} ({error}); no "
                "other version is shown instead of it. Fix: restore the file from a backup, or "
                "run the product with --rebuild to publish from its own sources again, as the "
                "next version"
            ) from error
        return record

    def latest(self, major: int | None = None) -> Record | None:
        """The newest version, or the newest of that major version of the interface."""
        return next((r for r in self.newest_first() if major is None or r.major == major), None)

    def as_of(self, moment: datetime, major: int | None = None) -> Record | None:
        """The version that was current at ``moment`` (processing time)."""
        return next(
            (
                record
                for record in self.newest_first()
                if record.time <= moment and (major is None or record.major == major)
            ),
            None,
        )

    def sound(self) -> tuple[list[Record], list[CorruptRecord]]:
        """All records that can be read, newest first, and the errors of those that cannot."""
        records: list[Record] = []
        corrupt: list[CorruptRecord] = []
        for version in reversed(self.versions()):
            try:
                record = self.record(version)
            except CorruptRecord as error:
                corrupt.append(error)
                continue
            if record is not None:
                records.append(record)
        return records, corrupt

    def base(self, *, rebuild: bool) -> tuple[Record | None, int]:
        """What a run builds on: the newest record, and the number of the next version.

        A ``rebuild`` needs nothing of what was published but its number: records that cannot be
        read keep theirs, and the newest sound one is returned. Raises `CorruptRecord` otherwise.
        """
        if not rebuild:
            last = self.latest()
            return last, 0 if last is None else last.version + 1
        versions = self.versions()
        for version in reversed(versions):
            with contextlib.suppress(CorruptRecord):
                return self.record(version), versions[-1] + 1
        return None, versions[-1] + 1 if versions else 0

    def newest_first(self) -> Iterator[Record]:
        """All records, newest first, each read when it is asked for. Raises `CorruptRecord`."""
        for version in reversed(self.versions()):
            record = self.record(version)
            if record is not None:
                yield record

    def add(self, record: Record) -> bool:
        """Make ``record`` the next version; False when another took its number."""
        return self.store.put_if_absent(record_name(record.version), record.to_json())
