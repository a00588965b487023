"""What a mesh consists of once it is read: domains, products, ports, and what is broken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mesh_defs.errors import UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.policy.governance import Governance
from mesh_defs.urls import MeshUrl, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mesh_defs.contract.model import Contract, PortContract
    from mesh_defs.drivers.compute.row_groups import Reading
    from mesh_defs.faults import Fault
    from mesh_defs.policy.compatibility.model import Interface
    from mesh_defs.policy.declare import Written
    from mesh_defs.policy.waivers import Waiver
    from mesh_defs.product.manifest import Grain, Manifest, Mode, ServiceInput
    from mesh_defs.settings import Settings

    Reader = tuple["Product", "InputPort"]

TransformKind = Literal["sql", "python", "dbt"]


@dataclass(frozen=True, slots=True)
class InputPort:
    """One input: where it comes from, and what the product expects of it."""

    name: str
    source: MeshUrl | ServiceInput
    allow_empty: bool
    expectations: PortContract | None
    line: int = 0


@dataclass(frozen=True, slots=True)
class OutputPort:
    """One output: its contract and how its versions follow each other."""

    name: str
    contract: Contract
    promise: PortContract
    mode: Mode
    cursor: str | None = None
    key: tuple[str, ...] = ()
    by: str | None = None
    every: Grain = "day"
    start: str | None = None
    end: str | None = None
    actual_time: str | None = None
    compute: str = "duckdb"
    reads: Reading | None = None

    @property
    def continues(self) -> str:
        """How a version follows the one before: the mode with the columns that it goes by."""
        by = self.cursor or self.by or ",".join(self.key)
        return f"{self.mode} by {by}" if by else self.mode


@dataclass(frozen=True, slots=True)
class Transform:
    """How a product's outputs are made. ``files`` are the code files in a fixed order; ``project``
    is the dbt project's folder."""

    kind: TransformKind
    files: tuple[Path, ...]
    project: Path | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """A data product whose folder was read without a fault. ``digest`` (sha256, hex) changes with
    its manifest, contracts or code."""

    domain: str
    name: str
    folder: Path
    manifest: Manifest
    inputs: tuple[InputPort, ...]
    outputs: tuple[OutputPort, ...]
    transform: Transform
    digest: str
    line: int = 1
    policies: Written | None = None

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return f"{self.domain}/{self.name}"

    @property
    def url(self) -> MeshUrl:
        """The product's global URL."""
        return MeshUrl(self.domain, self.name)

    @property
    def main_port(self) -> str:
        """The port that the product's URL alone means: the only one, or the one of its name."""
        return self.outputs[0].name if len(self.outputs) == 1 else self.name

    def output(self, port: str | None) -> OutputPort:
        """The port of that name; without a name the only one, or the one named as the product.

        Raises `UnknownAddress`.
        """
        names = [output.name for output in self.outputs]
        wanted = port or self.main_port
        for output in self.outputs:
            if output.name == wanted:
                return output
        raise UnknownAddress(
            f"mesh://{self.identity} has no port '{wanted}'; it has {', '.join(names)}: "
            f"{did_you_mean(wanted, names)}"
        )

    def upstream(self) -> Iterator[MeshUrl]:
        """URLs of the products that it reads."""
        for port in self.inputs:
            if isinstance(port.source, MeshUrl):
                yield port.source

    def references(self) -> Iterator[MeshUrl]:
        """URLs of other products' ports that its contracts refer to by foreign key."""
        from mesh_defs.contract.rules import ForeignKey

        for output in self.outputs:
            for rule in output.promise.rules:
                if (
                    isinstance(rule, ForeignKey)
                    and isinstance(rule.target, MeshUrl)
                    and rule.target.identity != self.identity
                ):
                    yield rule.target


@dataclass(frozen=True, slots=True)
class BrokenProduct:
    """A folder that is meant to be a product, with everything that is wrong in it. ``inputs`` and
    ``contracts`` are those that could be read."""

    domain: str
    name: str
    folder: Path
    faults: tuple[Fault, ...]
    inputs: tuple[InputPort, ...] = ()
    contracts: tuple[Contract, ...] = ()

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return f"{self.domain}/{self.name}"

    def upstream(self) -> Iterator[MeshUrl]:
        """URLs of the products that it reads, as far as its inputs could be read."""
        for port in self.inputs:
            if isinstance(port.source, MeshUrl):
                yield port.source


@dataclass(frozen=True, slots=True)
class Domain:
    """A business domain: a folder below ``domains/``. Owner and purpose are empty when its own
    ``defs.yaml`` is broken."""

    name: str
    folder: Path
    owner: str
    purpose: str
    policies: Written | None = None
    waivers: tuple[Waiver, ...] = ()
    unread_policies: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Mesh:
    """All products of one organisation as they are declared, sound and broken ones."""

    settings: Settings
    domains: tuple[Domain, ...]
    products: Mapping[str, Product]
    broken: Mapping[str, BrokenProduct]
    faults: tuple[Fault, ...] = field(default=())
    governance: Governance = field(default_factory=Governance)
    _readers: dict[str, list[Reader]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def root(self) -> Path:
        """The folder of ``mesh.yaml``."""
        return self.settings.root

    def readers_of(self, identity: str) -> Sequence[Reader]:
        """The sound products that read the product ``identity``, each with the input that does."""
        if not self._readers:
            for product in self.products.values():
                for port in product.inputs:
                    if isinstance(port.source, MeshUrl):
                        reader = (product, port)
                        self._readers.setdefault(port.source.identity, []).append(reader)
            self._readers.setdefault("", [])  # so that a mesh without any is looked at once
        return self._readers.get(identity, ())

    def published_interface(self, product: Product) -> Interface | None:
        """What the newest published version of ``product`` promises, None when there is none.
        Raises `CorruptRecord` and `MeshError` when it cannot be read."""
        from mesh_defs.product.interface import published_interface

        known = [output.contract for output in product.outputs]
        return published_interface(self.settings, product.domain, product.name, known)

    def product(self, url: MeshUrl | str) -> Product:
        """The product that ``url`` names. Raises `UnknownAddress`."""
        from mesh_defs.errors import InvalidMesh

        address = parse(url) if isinstance(url, str) else url
        if address.identity in self.broken:
            raise InvalidMesh(self.broken[address.identity].faults)
        if address.identity in self.products:
            return self.products[address.identity]
        known = [f"mesh://{name}" for name in self.products]
        wanted = str(address.product_url())
        raise UnknownAddress(
            f"no product {wanted} in '{self.root}': {did_you_mean(wanted, known)}"
            if known
            else f"no product {wanted}: '{self.root / 'domains'}' has no products yet; "
            "make one with: mesh new product DOMAIN/NAME"
        )

    def in_domain(self, domain: str) -> list[Product]:
        """The sound products of one domain, by name."""
        return [product for product in self.products.values() if product.domain == domain]
