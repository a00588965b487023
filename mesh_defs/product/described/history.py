"""What changed from version to version: what its owner says of a product, what it reads, what the
contracts promise, how many rows there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.load import load_contract
from mesh_defs.errors import CorruptRecord, MeshError
from mesh_defs.faults import short
from mesh_defs.policy.compatibility.compare import compare_interfaces
from mesh_defs.policy.compatibility.model import Interface, PortInterface
from mesh_defs.product.described.said import written
from mesh_defs.product.described.stored import stored_document
from mesh_defs.product.inheritance import check_kept
from mesh_defs.product.ledger import contract_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mesh_defs.contract.model import Contract
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.policy.compatibility.model import Change
    from mesh_defs.product.described.said import Said
    from mesh_defs.product.ledger import Record

MOST_VERSIONS = 20
# Kinds of changes whose texts and values name what is read.
OF_INPUTS = ("input added", "input removed", "input")
_LONGEST = 500
_DIGITS = 12
_SAID = {
    "purpose": "what it is for is said in other words",
    "limitations": "what it is not good for is said in other words",
    "usage": "how it is meant to be used is said in other words",
    "owner": "somebody else answers for it",
    "archetype": "it is a product of another kind",
    "status": "it has another status",
    "tags": "it has other tags",
    "licence": "it may be used under another licence",
    "purposes": "it may be used for other purposes",
}


def history(
    identity: str,
    records: Sequence[Record],
    store: ProductStore,
    known: Mapping[str, Contract],
    said: Said | None,
) -> list[dict[str, Any]]:
    """An entry for each of ``records`` of ``<domain>/<product>`` (newest first), at most
    `MOST_VERSIONS`, with what changed since the one before it; of older ones as the document of the
    version before the newest has it. ``known`` are contracts by digest; others are read from
    ``store``. ``said`` is what is said of the newest version (None: nobody can tell)."""
    contracts: dict[str, Contract | None] = dict(known)
    told, found = _Before(identity, store, records), []
    for place, record in enumerate(records[:MOST_VERSIONS]):
        before = records[place + 1] if place + 1 < len(records) else None
        changes = told.changes(record)
        if changes is None:
            changes = [] if before is None else [*_changes(before, record, store, contracts)]
            if before is not None and place == 0:
                changes = [*told.said(before, said), *changes]
        found.append(
            {
                "version": record.version,
                "published_at": record.published_at,
                "product_version": record.product_version,
                "changes": changes,
            }
        )
    return found


class _Before:
    """What the document of the version before the newest of ``records`` tells, if there is one."""

    def __init__(self, identity: str, store: ProductStore, records: Sequence[Record]) -> None:
        self.document: dict[str, Any] | None = None
        self.damaged = False
        if len(records) > 1:
            try:
                self.document = stored_document(store, identity, records[1].version)
            except CorruptRecord:
                self.damaged = True

    def changes(self, record: Record) -> list[dict[str, Any]] | None:
        """What it has of ``record``; None where it does not have it."""
        for entry in self.document["history"] if self.document is not None else ():
            told = entry["version"], entry["published_at"]
            if told == (record.version, record.published_at):
                return list(entry["changes"])
        return None

    def said(self, record: Record, now: Said | None) -> Iterator[dict[str, Any]]:
        """How what was said with ``record`` differs from what is said ``now``."""
        if self.damaged:
            why = "what was said of it before cannot be read any more"
            yield _entry(None, "description", None, None, None, why)
        before = written(self.document, record) if self.document is not None else None
        if before is None or now is None:
            return
        for name, text in _SAID.items():
            old, new = (getattr(each, name) for each in (before, now))
            if old != new:
                yield _entry(None, name, _text(old), _text(new), None, text)


def _text(value: str | tuple[str, ...] | None) -> str | None:
    if not value:
        return None
    return short(value if isinstance(value, str) else ", ".join(value), _LONGEST)


def _made(before: Record, after: Record) -> Iterator[dict[str, Any]]:
    """What it is made of, and by."""
    for name in dict.fromkeys((*before.inputs, *after.inputs)):
        old, new = (each.inputs.get(name) for each in (before, after))
        was, now = (each.source if each is not None else None for each in (old, new))
        if was is None:
            yield _entry(None, "input added", None, now, None, f"it reads '{name}' too")
        elif now is None:
            yield _entry(None, "input removed", was, None, None, f"it reads '{name}' no more")
        elif was != now:
            yield _entry(None, "input", was, now, None, f"it reads '{name}' from elsewhere")
    if before.digest != after.digest:
        digests = before.digest[:_DIGITS], after.digest[:_DIGITS]
        yield _entry(None, "code", *digests, None, "its manifest, contracts or code changed")


def _changes(
    before: Record, after: Record, store: ProductStore, contracts: dict[str, Contract | None]
) -> Iterator[dict[str, Any]]:
    yield from _made(before, after)
    if _promises(before) != _promises(after):
        old, new = (_interface(record, store, contracts) for record in (before, after))
        if old is None or new is None:
            why = "the contract of one of the two versions cannot be read any more"
            yield _entry(None, "contract", None, None, None, why)
        else:
            for compared in compare_interfaces(old, new).ports:
                for change in compared.changes:
                    yield _of_contract(compared.port, change)
    for name, port in after.ports.items():
        earlier = before.ports.get(name)
        if earlier is not None and earlier.rows != port.rows:
            more = port.rows - earlier.rows
            words = f"{abs(more):,} rows {'more' if more > 0 else 'fewer'}"
            yield _entry(name, "rows", str(earlier.rows), str(port.rows), None, words)


def _promises(record: Record) -> dict[str, tuple[str, str]]:
    return {name: (p.contract_digest, p.continues) for name, p in record.ports.items()}


def _of_contract(port: str, change: Change) -> dict[str, Any]:
    entry = _entry(port, change.kind, change.before, change.after, change.level, change.reason)
    return entry | {"column": change.column}


def _entry(
    port: str | None,
    kind: str,
    before: str | None,
    after: str | None,
    level: str | None,
    text: str,
) -> dict[str, Any]:
    return {
        "port": port,
        "kind": kind,
        "column": None,
        "before": before,
        "after": after,
        "level": level,
        "text": text,
    }


def _interface(
    record: Record, store: ProductStore, contracts: dict[str, Contract | None]
) -> Interface | None:
    """What the version promised; None when one of its contracts cannot be read any more."""
    ports = {}
    for name, port in record.ports.items():
        digest = port.contract_digest
        if digest not in contracts:
            contracts[digest] = _read(store, digest)
        contract = contracts[digest]
        promise = contract.for_port(name) if contract is not None else None
        if contract is None or promise is None:
            return None
        ports[name] = PortInterface(contract, promise, port.continues)
    return Interface(record.product_version, ports, status=record.status)


def _read(store: ProductStore, digest: str) -> Contract | None:
    path = Path(store.location(contract_name(digest)))
    if not path.is_file():
        return None
    contract, _ = load_contract(path)
    try:
        return check_kept(contract, digest) if contract is not None else None
    except MeshError:
        return None
