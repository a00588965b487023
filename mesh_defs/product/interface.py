"""What a product's published version promises: its record, and the contracts that it kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.contract.load import load_contract
from mesh_defs.errors import CorruptRecord, MeshError
from mesh_defs.policy.compatibility.model import Interface, PortInterface
from mesh_defs.product.inheritance import check_kept
from mesh_defs.product.ledger import Ledger, contract_name
from mesh_defs.product.stores import product_store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_defs.contract.model import Contract
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.ledger import PortRecord
    from mesh_defs.settings import Settings


def published_interface(
    settings: Settings, domain: str, product: str, known: Iterable[Contract] = ()
) -> Interface | None:
    """The interface of the newest published version, or None when there is none.

    ``known`` are contracts that need not be read when they are the published ones. Raises
    `CorruptRecord` and `MeshError` when it cannot be told.
    """
    store = product_store(settings, domain, product)
    record = Ledger(store).latest()
    if record is None:
        return None
    contracts = {contract.digest: contract for contract in known}
    ports: dict[str, PortInterface] = {}
    for name, port in record.ports.items():
        if port.contract_digest not in contracts:
            contracts[port.contract_digest] = _kept(store, port)
        contract = contracts[port.contract_digest]
        promise = contract.for_port(name)
        if promise is None:
            place = store.location(contract_name(port.contract_digest))
            raise CorruptRecord(f"{place} is no contract of mesh://{domain}/{product}/{name}")
        ports[name] = PortInterface(contract, promise, port.continues)
    source = f"version {record.version}"
    return Interface(record.product_version, ports, source, record.status)


def _kept(store: ProductStore, port: PortRecord) -> Contract:
    name = contract_name(port.contract_digest)
    place = store.location(name)
    if store.read(name) is None:
        raise CorruptRecord(
            f"the contract that was published ({port.contract_id} {port.contract_version}) is not "
            f"kept in {place}, so that nothing can be compared with it. Fix: restore the file from "
            "a backup, compare with a git revision (mesh plan --against REVISION), or publish "
            "again under a waiver"
        )
    contract, faults = load_contract(Path(place))
    if contract is None:
        raise MeshError(
            f"the published contract in {place} cannot be read by this version of mesh: {faults[0]}"
        )
    return check_kept(contract, port.contract_digest)
