"""What changed from version to version: what the contracts promise, how many rows there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.load import load_contract
from mesh_defs.errors import MeshError
from mesh_defs.policy.compatibility.compare import compare_interfaces
from mesh_defs.policy.compatibility.model import Interface, PortInterface
from mesh_defs.product.inheritance import check_kept
from mesh_defs.product.ledger import contract_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mesh_defs.contract.model import Contract
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.policy.compatibility.model import Change
    from mesh_defs.product.ledger import Record

MOST_VERSIONS = 20


def history(
    records: Sequence[Record], store: ProductStore, known: Mapping[str, Contract]
) -> list[dict[str, Any]]:
    """An entry for each of ``records`` (newest first), at most `MOST_VERSIONS`, with what changed
    since the one before it. ``known`` are contracts by digest; others are read from ``store``."""
    contracts: dict[str, Contract | None] = dict(known)
    found = []
    for place, record in enumerate(records[:MOST_VERSIONS]):
        before = records[place + 1] if place + 1 < len(records) else None
        changes = [] if before is None else [*_changes(before, record, store, contracts)]
        found.append(
            {
                "version": record.version,
                "published_at": record.published_at,
                "product_version": record.product_version,
                "changes": changes,
            }
        )
    return found


def _changes(
    before: Record, after: Record, store: ProductStore, contracts: dict[str, Contract | None]
) -> Iterator[dict[str, Any]]:
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
