"""The graph of columns behind a version: read from the ledgers of all products that it was made
of, each when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.errors import UnknownAddress
from mesh_defs.policy.flow.graph import Flows, rank
from mesh_defs.policy.flow.versions import NEXT, Version
from mesh_defs.product.inheritance import LedgerVersions
from mesh_defs.product.resolve import published
from mesh_defs.urls import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.policy.flow.versions import Key
    from mesh_defs.product.ledger import InputRecord, Record
    from mesh_defs.product.model import Mesh, OutputPort, Product
    from mesh_defs.urls import MeshUrl


class PublishedVersions(LedgerVersions):
    """Published versions of all products, together with what ``mesh`` declares of them by now.
    Looking one up raises `CorruptRecord`, `InvalidMesh` (a contract that was kept cannot be read)
    and `KeyError`."""

    def __init__(self, mesh: Mesh) -> None:
        super().__init__(mesh.settings)
        self.mesh = mesh

    def __getitem__(self, key: Key) -> Version:
        if key[1] == NEXT and key not in self._known:
            self._known[key] = self._rehearsed(key[0])
        return super().__getitem__(key)

    def _rehearsed(self, identity: str) -> Version:
        """A version that was made on trial and published nowhere: as the mesh declares it now, and
        made as the newest one was."""
        if identity not in self.mesh.products:
            raise KeyError((identity, NEXT))
        record = self._ledger(identity).latest()
        return self.next_version(
            self.mesh.products[identity],
            record.inputs if record is not None else {},
            record.lineage if record is not None else {},
        )

    def next_version(
        self, product: Product, inputs: Mapping[str, InputRecord], lineage: Mapping[str, Any]
    ) -> Version:
        """The version of ``product`` that is made of ``inputs``."""
        return Version(
            (product.identity, NEXT),
            {output.name: output for output in product.outputs},
            lineage,
            self.reads(inputs),
            self.purposes(product.identity),
        )

    def output(self, identity: str, record: Record, port: str) -> OutputPort:
        """A port with the contract that the version was published under."""
        digest = record.ports[port].contract_digest
        for output in self._declared(identity):
            if output.name == port and output.contract.digest == digest:
                return output
        return super().output(identity, record, port)

    def main_port(self, url: MeshUrl, number: int) -> str:
        """The port that ``url`` means, which names none."""
        product = self.mesh.products.get(url.identity)
        return product.main_port if product is not None else super().main_port(url, number)

    def purposes(self, identity: str) -> tuple[str, ...] | None:
        """What the product as a whole may be used for, as its manifest says now: whoever narrows it
        means what was published before as well."""
        product = self.mesh.products.get(identity)
        return tuple(product.manifest.purposes) or None if product is not None else None

    def turned_out(self, identity: str, record: Record) -> dict[tuple[str, str], str]:
        """What policies found columns to be, and what their contract says by now: who raises a
        classification means what was published before as well."""
        found = super().turned_out(identity, record)
        for output in self._declared(identity):
            for column in output.promise.columns:
                key, word = (output.name, column.name.lower()), column.classification
                found[key] = max(word, found.get(key, word), key=rank)
        return found

    def _declared(self, identity: str) -> tuple[OutputPort, ...]:
        product = self.mesh.products.get(identity)
        return product.outputs if product is not None else ()


def run_flows(
    mesh: Mesh, product: Product, inputs: Mapping[str, InputRecord], lineage: Mapping[str, Any]
) -> Flows:
    """The graph of the version that a run of ``product`` would publish, which read ``inputs``."""
    versions = PublishedVersions(mesh)
    return Flows(versions.next_version(product, inputs, lineage), versions)


def published_flows(mesh: Mesh, identity: str, record: Record) -> Flows:
    """The graph of a published version. Raises `InvalidMesh` when a contract that was kept cannot
    be read."""
    versions = PublishedVersions(mesh)
    return Flows(versions.version_of(identity, record), versions)


def effective_classification(mesh: Mesh, url: MeshUrl | str) -> str:
    """How the column that ``url`` names is classified in the version that it names: as its contract
    says, or higher, as what flows into it. Raises `UnknownAddress`, `NotPublished`."""
    address = parse(url) if isinstance(url, str) else url
    if address.column is None:
        raise UnknownAddress(f"{address} names no column; write #<column> at its end")
    found = published(mesh.settings, address)
    flows = published_flows(mesh, found.identity, found.record)
    return flows.sensitivity(flows.ref(found.port, address.column)).classification
