"""What is signed of a version: an in-toto Statement v1 (in-toto attestation framework, "Statement")
whose subjects are the files of every port, and whose predicate says what they were made of.

The predicate's type is our own. Versions hang together by digests of statements: each names the
statement of every version of a product that it read and, where it kept files of the version before,
the one of that.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mesh_defs.product.ledger import NOT_A_RECORD
from mesh_defs.stored import each, fitting
from mesh_defs.urls import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_defs.product.ledger import Record

FOLDER = "attestations"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:mesh:attestation:version:1"
_DIGITS = 12
_FILE = re.compile(rf"[0-9]{{{_DIGITS}}}\.json")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Subject:
    """A file of a port: ``path`` in the port's folder, its digest and size."""

    port: str
    path: str
    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Parent:
    """What was read as ``name``: a product's ``version`` with the digest of its statement (None: it
    has none), or the ``fingerprint`` of an operational system's entity."""

    name: str
    source: str
    version: int | None = None
    statement: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Previous:
    """The version before, of which files were kept, with the digest of its statement (None: it has
    none that can be believed, and the files were hashed anew)."""

    version: int
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class PortFacts:
    """A port of the version: the version of its Delta table, and the contract that it kept."""

    table_version: int
    rows: int
    bytes: int
    contract_id: str
    contract_version: str
    contract_digest: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, as far as it is told here."""

    rule: str
    subject: str
    outcome: str


@dataclass(frozen=True)
class Statement:
    """Everything that is signed of one version.

    ``record`` is the digest of the ledger's record (`record_digest`), ``transform`` that of the
    code, ``documents`` those of what is stored with it, by name. ``blocking`` are the verdicts that
    had to pass, ``warned`` those that did not and need not; ``waivers`` let findings of policies
    pass.
    """

    mesh: str
    product: str
    version: int
    product_version: str
    run_id: str
    published_at: str
    environment: str | None
    transform: str
    record: str
    documents: Mapping[str, str]
    subjects: tuple[Subject, ...]
    ports: Mapping[str, PortFacts]
    inputs: tuple[Parent, ...]
    previous: Previous | None
    tally: Mapping[str, int]
    blocking: tuple[Judged, ...]
    warned: tuple[Judged, ...]
    waivers: tuple[Mapping[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """The in-toto statement as JSON values."""
        predicate = asdict(self)
        del predicate["subjects"]
        subjects = [
            {
                "name": f"{one.port}/{one.path}",
                "digest": {"sha256": one.sha256},
                "annotations": {
                    "port": one.port,
                    "path": one.path,
                    "bytes": one.bytes,
                    "rows": one.rows,
                },
            }
            for one in self.subjects
        ]
        return {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }

    @cached_property
    def payload(self) -> bytes:
        """What is signed."""
        return json.dumps(self.as_dict(), separators=(",", ":"), allow_nan=False).encode()

    @cached_property
    def by_file(self) -> Mapping[tuple[str, str], Subject]:
        """The subjects by port and path."""
        return {(one.port, one.path): one for one in self.subjects}


def digest_of(payload: bytes) -> str:
    """What other statements name a statement by."""
    return hashlib.sha256(payload).hexdigest()


def record_digest(record: Record) -> str:
    """The SHA-256 of a ledger's record, whatever the order of its keys."""
    values = json.loads(record.to_json())
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def attestation_name(version: int) -> str:
    """Where the attestation of ``version`` lies in the product's store."""
    return f"{FOLDER}/{version:0{_DIGITS}d}.json"


def attested_versions(names: Iterable[str]) -> list[int]:
    """The versions that have an attestation, by the ``names`` in its folder."""
    return [int(name[:_DIGITS]) for name in names if _FILE.fullmatch(name)]


def read_statement(payload: bytes) -> Statement:
    """The inverse of `Statement.payload`. Raises ValueError for what is no statement of ours."""
    try:
        values = json.loads(payload)
        if values["_type"] != STATEMENT_TYPE or values["predicateType"] != PREDICATE_TYPE:
            raise ValueError(f"not a statement of the type {PREDICATE_TYPE}")
        return _statement(values)
    except NOT_A_RECORD as error:
        reason = str(error) if type(error) is ValueError else type(error).__name__
        raise ValueError(f"no statement of a version: {reason}") from None


def _statement(values: Mapping[str, Any]) -> Statement:
    predicate = dict(values["predicate"])
    ports = each(predicate["ports"], "ports", dict)
    previous = predicate["previous"]
    parts: dict[str, Any] = {
        "subjects": tuple(_subject(one) for one in values["subject"]),
        "ports": {name: PortFacts(**fitting(PortFacts, one)) for name, one in ports.items()},
        "inputs": tuple(Parent(**fitting(Parent, one)) for one in predicate["inputs"]),
        "previous": None if previous is None else Previous(**fitting(Previous, previous)),
        "documents": each(predicate["documents"], "documents", str),
        "tally": each(predicate["tally"], "tally", int),
        "blocking": tuple(Judged(**fitting(Judged, one)) for one in predicate["blocking"]),
        "warned": tuple(Judged(**fitting(Judged, one)) for one in predicate["warned"]),
        "waivers": tuple(dict(one) for one in predicate["waivers"]),
    }
    plain = {name: value for name, value in predicate.items() if name not in parts}
    return Statement(**fitting(Statement, plain), **parts)


def _subject(values: Mapping[str, Any]) -> Subject:
    found = Subject(
        sha256=values["digest"]["sha256"],
        **{k: values["annotations"][k] for k in ("port", "path", "bytes", "rows")},
    )
    fitting(Subject, asdict(found))
    leaves = found.path.startswith("/") or ".." in found.path.split("/")
    if leaves or not NAME.match(found.port) or not _SHA256.fullmatch(found.sha256):
        raise ValueError(f"'{found.path[:80]}' of '{found.port[:80]}' is no file with its digest")
    return found
