"""The graph of columns behind a version: read from the ledgers of all products that it was made
of, each when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import UnknownAddress
from mesh_defs.policy.flow.graph import Flows, rank
from mesh_defs.policy.flow.versions import NEXT, Read, Version, turned_out
from mesh_defs.product.inheritance import published_output
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.resolve import published
from mesh_defs.product.stores import product_store
from mesh_defs.urls import MeshUrl, is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.flow.versions import Key
    from mesh_defs.product.ledger import InputRecord, Record
    from mesh_defs.product.model import Mesh, OutputPort, Product


class PublishedVersions(Mapping["Key", Version]):
    """Published versions of all products of ``mesh``, by identity and number. Looking one up raises
    `CorruptRecord`, `InvalidMesh` (a contract that was kept cannot be read) and `KeyError`."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self._known: dict[Key, Version] = {}

    def __getitem__(self, key: Key) -> Version:
        if key not in self._known:
            identity, number = key
            ledger = Ledger(product_store(self.mesh.settings, *identity.split("/")))
            record = ledger.latest() if number == NEXT else ledger.record(number)
            if number == NEXT:
                self._known[key] = self._rehearsed(identity, record)
            elif record is None:
                raise KeyError(key)
            else:
                self._known[key] = version_of(self.mesh, identity, record)
        return self._known[key]

    def _rehearsed(self, identity: str, record: Record | None) -> Version:
        """A version that was made on trial and published nowhere: as the mesh declares it now, and
        made as the newest one was."""
        if identity not in self.mesh.products:
            raise KeyError((identity, NEXT))
        return Version(
            (identity, NEXT),
            {output.name: output for output in self.mesh.products[identity].outputs},
            record.lineage if record is not None else {},
            _reads(self.mesh, record.inputs) if record is not None else (),
            _purposes(self.mesh, identity),
        )

    def __iter__(self) -> Iterator[Key]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def run_flows(
    mesh: Mesh, product: Product, inputs: Mapping[str, InputRecord], lineage: Mapping[str, Any]
) -> Flows:
    """The graph of the version that a run of ``product`` would publish, which read ``inputs``."""
    outputs = {output.name: output for output in product.outputs}
    root = Version(
        (product.identity, NEXT),
        outputs,
        lineage,
        _reads(mesh, inputs),
        _purposes(mesh, product.identity),
    )
    return Flows(root, PublishedVersions(mesh))


def published_flows(mesh: Mesh, identity: str, record: Record) -> Flows:
    """The graph of a published version. Raises `InvalidMesh` when a contract that was kept cannot
    be read."""
    return Flows(version_of(mesh, identity, record), PublishedVersions(mesh))


def effective_classification(mesh: Mesh, url: MeshUrl | str) -> str:
    """How the column that ``url`` names is classified in the version that it names: as its contract
    says, or higher, as what flows into it. Raises `UnknownAddress`, `NotPublished`."""
    address = parse(url) if isinstance(url, str) else url
    if address.column is None:
        raise UnknownAddress(f"{address} names no column; write #<column> at its end")
    found = published(mesh.settings, address)
    flows = published_flows(mesh, found.identity, found.record)
    return flows.sensitivity(flows.ref(found.port, address.column)).classification


def version_of(mesh: Mesh, identity: str, record: Record) -> Version:
    """What is known of the version of ``record``. Raises `InvalidMesh`."""
    return Version(
        (identity, record.version),
        {port: _output(mesh, identity, record, port) for port in record.ports},
        record.lineage,
        _reads(mesh, record.inputs),
        _purposes(mesh, identity),
        _turned_out(mesh, identity, record),
    )


def _turned_out(mesh: Mesh, identity: str, record: Record) -> dict[tuple[str, str], str]:
    """What policies found columns to be, and what their contract says by now: who raises a
    classification means what was published before as well."""
    found = turned_out({name: port.verdicts for name, port in record.ports.items()})
    product = mesh.products.get(identity)
    for output in product.outputs if product is not None else ():
        for column in output.promise.columns:
            key, word = (output.name, column.name.lower()), column.classification
            found[key] = max(word, found.get(key, word), key=rank)
    return found


def _output(mesh: Mesh, identity: str, record: Record, port: str) -> OutputPort:
    """The port with the contract that the version was published under."""
    product = mesh.products.get(identity)
    for output in product.outputs if product is not None else ():
        if output.name == port and output.contract.digest == record.ports[port].contract_digest:
            return output
    return published_output(mesh.settings, identity, record, port)


def _reads(mesh: Mesh, inputs: Mapping[str, InputRecord]) -> tuple[Read, ...]:
    found = []
    for name, read in inputs.items():
        if is_mesh_url(read.source):
            url = parse(read.source)
            product = mesh.products.get(url.identity)
            main = product.main_port if product is not None else url.product
            number = read.version if read.version is not None else NEXT
            found.append(Read(name, (url.identity, number), url.port or main))
    return tuple(found)


def _purposes(mesh: Mesh, identity: str) -> tuple[str, ...] | None:
    """What the product as a whole may be used for, as its manifest says now: whoever narrows it
    means what was published before as well."""
    product = mesh.products.get(identity)
    return tuple(product.manifest.purposes) or None if product is not None else None
