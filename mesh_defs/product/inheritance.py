"""How a published column is classified for who reads it: as its contract says, or higher, as what
flows into it is.

Values stay as protected as they are over any number of products, unless a contract declares how
they were reduced and the lineage agrees (`mesh_defs.policy.flow.graph`). Everything is read from
the ledgers, so that one port can be opened without loading the mesh. Versions do not change: what
was found for one is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.contract.load import load_contract
from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.errors import CorruptRecord, InvalidMesh, MeshError
from mesh_defs.policy.flow.graph import Flows
from mesh_defs.policy.flow.versions import NEXT, Key, Read, Version, turned_out
from mesh_defs.product.ledger import Ledger, contract_name
from mesh_defs.product.model import OutputPort
from mesh_defs.product.stores import product_store
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.contract.model import Contract
    from mesh_defs.policy.flow.graph import Ref
    from mesh_defs.product.ledger import InputRecord, Record
    from mesh_defs.settings import Settings
    from mesh_defs.urls import MeshUrl

# A classification, and why it is not that of the column's own contract.
Inherited = tuple[str, str]
_KeptKey = tuple[str, str, str, str]

_KEPT_MOST = 10_000
_kept: dict[_KeptKey, Inflows] = {}


@dataclass(frozen=True, slots=True)
class Inflows:
    """What flows into the columns of a port, by column: the classification of those for which it is
    higher than their contract says, and the purposes that contracts upstream permit, where they
    permit some alone."""

    classified: Mapping[str, Inherited]
    permitted: Mapping[str, tuple[str, ...]]


def published_output(settings: Settings, identity: str, record: Record, port: str) -> OutputPort:
    """``port`` with the contract under which ``record``'s version was published. Raises
    `InvalidMesh` when the contract that was kept cannot be read, `CorruptRecord` when it is gone or
    is another by now."""
    domain, product = identity.split("/")
    store = product_store(settings, domain, product)
    path = Path(store.location(contract_name(record.ports[port].contract_digest)))
    if not path.is_file():
        raise CorruptRecord(
            f"'{path}' is missing, the contract that version {record.version} of mesh://{identity} "
            f"was published under; publish anew with: mesh run mesh://{identity}"
        )
    contract, faults = load_contract(path, settings.root)
    if contract is None:
        raise InvalidMesh(faults)
    promise = check_kept(contract, record.ports[port].contract_digest).for_port(port)
    if promise is None:
        raise CorruptRecord(f"'{path}' is no contract of mesh://{identity}/{port}")
    return OutputPort(port, contract, promise, "snapshot")


def check_kept(contract: Contract, digest: str) -> Contract:
    """``contract``, which was kept under ``digest``. Raises `CorruptRecord` when it changed since:
    nobody published anything under what it says now."""
    if contract.digest != digest:
        raise CorruptRecord(
            f"'{contract.path}' was changed since a version was published under it: its digest is "
            f"{contract.digest[:12]}…. Fix: restore the file from a backup, or publish anew"
        )
    return contract


def inflows(settings: Settings, identity: str, record: Record, port: str) -> Inflows:
    """What flows into the columns of ``port`` in ``record``'s version. Where that cannot be known
    any more, they are as classified as can be. Raises `InvalidMesh`, `CorruptRecord`."""
    key = (identity, port, record.run_id, record.ports[port].contract_digest)
    found = _kept.get(key)
    if found is None:
        found = _inflows(settings, identity, record, port)
        if len(_kept) >= _KEPT_MOST:
            _kept.clear()
        _kept[key] = found
    return found


def _inflows(settings: Settings, identity: str, record: Record, port: str) -> Inflows:
    versions = LedgerVersions(settings)
    root = versions.version_of(identity, record)
    flows = Flows(root, versions)
    classified, permitted = {}, {}
    for column in root.outputs[port].promise.columns:
        ref = flows.ref(port, column.name)
        inflow = _of_column(flows, ref)
        if _rank(inflow[0]) > _rank(column.classification):
            classified[column.name] = inflow
        purposes = _permitted(flows, ref)
        if purposes is not None:
            permitted[column.name] = purposes
    return Inflows(classified, permitted)


def _permitted(flows: Flows, ref: Ref) -> tuple[str, ...] | None:
    """The purposes that all columns which flow into ``ref`` permit; None when none of them says
    any, or nobody can know: the column then is as classified as can be."""
    try:
        limits = [one.permitted for one in flows.inherited_purposes(ref)]
    except MeshError:
        return None
    said = [limit for limit in limits if limit is not None]
    return tuple(sorted(frozenset.intersection(*said))) if said else None


def _of_column(flows: Flows, ref: Ref) -> Inherited:
    try:
        found = flows.sensitivity(ref)
        way = " from ".join(flows.url(step) for step in found.path)
    except MeshError as error:
        return CLASSIFICATIONS[-1], f"what flows into it cannot be known: {error}"
    return found.classification, f"{found.classification}, as what flows into it: {way}"


class LedgerVersions(Mapping[Key, Version]):
    """Published versions of all products, by identity and number, each read when it is asked for.
    Looking one up raises `CorruptRecord`, `InvalidMesh` and `KeyError`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._known: dict[Key, Version] = {}

    def __getitem__(self, key: Key) -> Version:
        if key not in self._known:
            identity, number = key
            record = self._ledger(identity).record(number)
            if record is None:
                raise KeyError(key)
            self._known[key] = self.version_of(identity, record)
        return self._known[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def version_of(self, identity: str, record: Record) -> Version:
        """What is known of the version of ``record``."""
        return Version(
            (identity, record.version),
            {port: self.output(identity, record, port) for port in record.ports},
            record.lineage,
            self.reads(record.inputs),
            self.purposes(identity),
            self.turned_out(identity, record),
        )

    def output(self, identity: str, record: Record, port: str) -> OutputPort:
        """A port with the contract that the version was published under."""
        return published_output(self.settings, identity, record, port)

    def reads(self, inputs: Mapping[str, InputRecord]) -> tuple[Read, ...]:
        """What of other products was read as ``inputs``."""
        found = []
        for name, read in inputs.items():
            if is_mesh_url(read.source):
                url = parse(read.source)
                number = read.version if read.version is not None else NEXT
                port = url.port or self.main_port(url, number)
                found.append(Read(name, (url.identity, number), port))
        return tuple(found)

    def main_port(self, url: MeshUrl, number: int) -> str:
        """The port that ``url`` means, which names none: the only one, or that of the name."""
        record = self._ledger(url.identity).record(number)
        names = list(record.ports) if record is not None else []
        return names[0] if len(names) == 1 else url.product

    def purposes(self, identity: str) -> tuple[str, ...] | None:  # noqa: ARG002  for classes below
        """For what a product as a whole may be used: no ledger tells."""
        return None

    def turned_out(self, identity: str, record: Record) -> dict[tuple[str, str], str]:  # noqa: ARG002  as above
        """What policies found columns to be."""
        return turned_out({name: port.verdicts for name, port in record.ports.items()})

    def _ledger(self, identity: str) -> Ledger:
        return Ledger(product_store(self.settings, *identity.split("/")))


def _rank(classification: str) -> int:
    return CLASSIFICATIONS.index(classification)
