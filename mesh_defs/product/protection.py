"""How protected the columns of a published port are by all that was declared of them since.

Who raises a classification, or limits purposes, means what was published before as well, and under
whatever name the column goes on. What cannot be read any more may have said anything.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.contract.load import load_contract
from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.errors import CorruptRecord, MeshError
from mesh_defs.faults import relative
from mesh_defs.policy.access.entities import higher, subject_of
from mesh_defs.policy.compatibility.model import PortInterface
from mesh_defs.policy.compatibility.renames import columns_of, renames
from mesh_defs.product.inheritance import published_output
from mesh_defs.product.ledger import CONTRACTS, Ledger, contract_name
from mesh_defs.product.manifest import Output
from mesh_defs.product.model import OutputPort
from mesh_defs.product.stores import product_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.policy.access.entities import ColumnSubject, PortSubject
    from mesh_defs.product.manifest import Manifest
    from mesh_defs.product.resolve import Published
    from mesh_defs.settings import Settings

MANIFEST = "defs.yaml"
DOMAINS = "domains"


@dataclass(frozen=True, slots=True)
class Declared:
    """What was declared of a port later: where, and how; None when it cannot be read. ``aside``
    tells that nobody knows when."""

    where: str
    output: OutputPort | None
    aside: bool = False


@dataclass(slots=True)
class _Followed:
    """A column on its way through later contracts: all names (in lower case) that it may have."""

    column: ColumnSubject
    names: set[str] = field(default_factory=set)

    def meet(self, other: ColumnSubject, where: str) -> None:
        if higher(self.column.classification, other.classification) != self.column.classification:
            self.raise_to(other.classification, f"as '{other.name}' is in {where}")
        self.column = replace(self.column, purposes=common(self.column.purposes, other.purposes))

    def raise_to(self, classification: str, because: str) -> None:
        words = f"{classification}, {because}"
        self.column = replace(self.column, classification=classification, because=words)


def protected(settings: Settings, version: Published, manifest: Manifest | None) -> PortSubject:
    """The port of ``version`` with the columns of the contract that it was published under, each
    as protected as any contract since says: of later versions, and the one that lies in the
    working tree. Raises `InvalidMesh`, `CorruptRecord` when its own cannot be read."""
    domain, product = version.identity.split("/")
    before = published_output(settings, version.identity, version.record, version.port)
    subject = subject_of(domain, product, before, manifest)
    followed = [_Followed(column, {column.name.lower()}) for column in subject.columns]
    for declared in _since(settings, version, manifest):
        after = declared.output
        if after is None:
            for one in followed:
                one.raise_to(CLASSIFICATIONS[-1], f"because {declared.where} cannot be read")
        elif after.contract.digest != before.contract.digest:
            _follow(followed, before, after)
            now = subject_of(domain, product, after, manifest)
            for one in followed:
                for column in now.columns:
                    if column.name.lower() in one.names:
                        one.meet(column, declared.where)
            before = before if declared.aside else after
    classification = subject.classification
    for one in followed:
        classification = higher(classification, one.column.classification)
    columns = tuple(one.column for one in followed)
    return replace(subject, columns=columns, classification=classification)


def common(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The purposes that both permit; None says nothing."""
    if one is None or other is None:
        return one if other is None else other
    return tuple(purpose for purpose in one if purpose in other)


def _follow(followed: list[_Followed], before: OutputPort, after: OutputPort) -> None:
    """Give each column the name that it goes on under; where nobody can tell, all that are new."""
    old, new = (
        {name.lower(): found for name, found in columns_of(schema.properties).items()}
        for schema in (
            PortInterface(output.contract, output.promise).schema for output in (before, after)
        )
    )
    gone = {name: found for name, found in old.items() if name not in new}
    come = {name: found for name, found in new.items() if name not in old}
    guessed = renames(gone, come)
    for one in followed:
        for name in one.names & gone.keys():
            one.names |= {guessed[name][0]} if name in guessed else come.keys()


def _since(settings: Settings, version: Published, manifest: Manifest | None) -> Iterator[Declared]:
    """What was declared of the port after ``version``, oldest first."""
    identity, port = version.identity, version.port
    store = product_store(settings, *identity.split("/"))
    ledger = Ledger(store)
    known: dict[str, OutputPort] = {}
    for number in ledger.versions():
        if number <= version.record.version:
            continue
        try:
            record = ledger.record(number)
        except CorruptRecord:
            yield from _any(store, port)
            continue
        if record is not None and port in record.ports:
            where, digest = f"the contract of version {number}", record.ports[port].contract_digest
            try:
                if digest not in known:
                    known[digest] = published_output(settings, identity, record, port)
                yield Declared(where, known[digest])
            except MeshError:
                yield Declared(where, None)
    yield _current(settings.root / DOMAINS / identity, manifest, port, settings.root)


def _any(store: ProductStore, port: str) -> Iterator[Declared]:
    """What a version whose record cannot be read may have been published under: each contract that
    is kept."""
    for name in store.names(CONTRACTS):
        path = Path(store.location(f"{CONTRACTS}/{name}"))
        where = f"the contract {path.stem[:12]}…"
        contract, _ = load_contract(path)
        if contract is None or contract_name(contract.digest) != f"{CONTRACTS}/{name}":
            yield Declared(where, None, aside=True)
            continue
        promise = contract.for_port(port)
        if promise is not None:
            output = OutputPort(port, contract, promise, "snapshot")
            yield Declared(where, output, aside=True)


def contract_file(manifest: Manifest | None, port: str) -> str:
    """The file of the contract of ``port``, relative to the product's folder, as ``manifest`` names
    it."""
    declared = manifest.outputs.get(port, Output()) if manifest is not None else Output()
    return declared.contract


def _current(folder: Path, manifest: Manifest | None, port: str, root: Path) -> Declared:
    """The port under the contract that lies in the working tree."""
    path = (folder / contract_file(manifest, port)).resolve()
    where = f"'{relative(path, root)}'"
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return Declared(where, None)
    contract, _ = load_contract(path, root)
    promise = contract.for_port(port) if contract is not None else None
    if contract is None or promise is None:
        return Declared(where, None)
    return Declared(where, OutputPort(port, contract, promise, "snapshot"))
