"""From folders to a `Mesh`: every manifest and contract is read, and every fault kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.contract.load import parse_fragment, read_contract
from mesh_defs.faults import Fault, relative
from mesh_defs.names import folder_faults
from mesh_defs.partly import sound_part
from mesh_defs.policy.declare import Written
from mesh_defs.product.code import digest_files, find_transform
from mesh_defs.product.domain import load_domain
from mesh_defs.product.envelope import SMALLEST_PRODUCT, envelope_faults
from mesh_defs.product.governance import governed, read_governance
from mesh_defs.product.graph import check_graph
from mesh_defs.product.manifest import COMPONENT_TYPE, Manifest, Output
from mesh_defs.product.model import (
    BrokenProduct,
    Domain,
    InputPort,
    Mesh,
    OutputPort,
    Product,
)
from mesh_defs.product.outputs import check_output, version_faults
from mesh_defs.settings import Settings, find_root, load_settings
from mesh_defs.validation import validate
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.contract.model import Contract
    from mesh_defs.yaml_source import Document, KeyPath

FILE = "defs.yaml"
DOMAINS = "domains"
_SOUND = {
    "archetype": "source-aligned",
    "version": "0.0.0",
    "owner": "team:nobody",
    "purpose": "Not known.",
}


def load_mesh(root: Path | None = None, profile: str | None = None) -> Mesh:
    """Read the mesh below ``root`` (default: found from the working folder).

    A broken product is in ``broken`` and in no other's way; ``faults`` holds all faults of all
    files. Raises `InvalidMesh` only when ``mesh.yaml`` itself is broken, `MeshError` without one.
    """
    return read_mesh(load_settings(root if root is not None else find_root(), profile))


def read_mesh(settings: Settings) -> Mesh:
    """As `load_mesh`, with settings that were read already."""
    domains: list[Domain] = []
    loaded: list[Product | BrokenProduct] = []
    faults: list[Fault] = []
    for folder in _folders(settings.root / DOMAINS):
        domain, domain_faults = load_domain(folder, settings.root)
        domains.append(domain)
        faults += domain_faults
        loaded += [
            load_product(child, settings) for child in _folders(folder) if (child / FILE).is_file()
        ]
    found = read_governance(settings, domains, loaded)
    loaded = [
        governed(one, found.governance) if isinstance(one, Product) else one for one in loaded
    ]
    faults = [*settings.faults, *faults, *found.faults]
    mesh = check_graph(settings, domains, loaded, faults)
    return replace(mesh, governance=found.governance)


def load_product(folder: Path, settings: Settings) -> Product | BrokenProduct:
    """Read one product's folder by itself, without looking at any other product."""
    return _Loader(folder, settings).load()


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(
        child for child in parent.iterdir() if child.is_dir() and child.name[0] not in "._"
    )


def _stand_in(attributes: dict[str, object], lost: set[KeyPath]) -> None:
    """Put something in the place of what every manifest has; nothing of it is looked at."""
    del lost
    for key, value in _SOUND.items():
        attributes.setdefault(key, value)


class _Loader:
    """Reads one product and collects its faults."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.settings = settings
        self.root = settings.root
        self.file = relative(folder / FILE, settings.root)
        self.faults: list[Fault] = []
        self.contracts: dict[Path, Contract | None] = {}
        self.partly: set[Path] = (
            set()
        )  # contracts with faults: their rules are looked at all the same
        self.inputs: tuple[InputPort, ...] = ()

    def load(self) -> Product | BrokenProduct:
        product = self._product()
        if product is None or self.faults:
            return BrokenProduct(
                self.folder.parent.name,
                self.folder.name,
                self.folder,
                tuple(self.faults),
                self.inputs,
                tuple(one for one in self.contracts.values() if one is not None),
            )
        return product

    def _product(self) -> Product | None:
        document = self._document()
        if document is None:
            return None
        attributes = document.data.get("attributes")
        result = validate(Manifest, document, ("attributes",), attributes)
        if isinstance(result, list):
            self.faults += result
            self._look_further(document, attributes)
            return None
        inputs = self.inputs = tuple(self._inputs(document, result))
        outputs = tuple(self._outputs(document, result))
        read = [c for p, c in self.contracts.items() if c is not None and p not in self.partly]
        self.faults += version_faults(document, result, read)
        transform, faults = find_transform(
            self.folder, self.root, document, result, [port.name for port in inputs]
        )
        self.faults += faults
        if transform is not None and transform.kind != "sql":
            self._own_compute_only(document, outputs, transform.kind)
        if transform is None or self.faults:
            return None
        files = (self.folder / FILE, *self.contracts, *transform.files)
        digest = digest_files(self.root, files)
        if isinstance(digest, list):
            self.faults += digest
            return None
        return Product(
            domain=self.folder.parent.name,
            name=self.folder.name,
            folder=self.folder,
            manifest=result,
            inputs=inputs,
            outputs=outputs,
            transform=transform,
            digest=digest,
            line=document.line(("attributes",)),
            policies=self._policies(document, result),
        )

    def _policies(self, document: Document, manifest: Manifest) -> Written | None:
        """What the manifest says of policies; the document is kept for their lines alone."""
        if not manifest.policies:
            return None
        scope = f"{self.folder.parent.name}/{self.folder.name}"
        path = ("attributes", "policies")
        return Written(manifest.policies, document, path, scope, self.folder)

    def _own_compute_only(
        self, document: Document, outputs: tuple[OutputPort, ...], kind: str
    ) -> None:
        for port in outputs:
            if port.compute != "duckdb":
                self.faults.append(
                    document.fault(
                        ("attributes", "outputs", port.name, "compute"),
                        found=f"compute {port.compute} with a {kind} transform",
                        allowed="another compute with SQL transforms only",
                        fix="remove 'compute:', or write the output in SQL",
                    )
                )

    def _document(self) -> Document | None:
        domain, name = self.folder.parent.name, self.folder.name
        self.faults += folder_faults("product", name, self.file)
        documents, faults = read_documents(
            self.folder / FILE,
            self.file,
            smallest=SMALLEST_PRODUCT,
            command=f"mesh new product {domain}/{name}",
        )
        self.faults += faults
        if len(documents) > 1:
            second = documents[1]
            self.faults.append(
                second.fault(
                    (),
                    found=f"{len(documents)} YAML documents",
                    allowed="one document, so that one folder is one product",
                    fix="move what follows '---' into a folder of its own",
                )
            )
        if len(documents) != 1:
            return None
        faults = envelope_faults(documents[0], COMPONENT_TYPE)
        self.faults += faults
        return None if faults else documents[0]

    def _look_further(self, document: Document, attributes: object) -> None:
        """Read what a manifest that is wrong says of inputs, code and contracts, so that all faults
        come at once."""
        part = sound_part(Manifest, attributes, _stand_in)
        if part is not None and isinstance(attributes, dict):
            manifest, lost = part
            self.inputs = tuple(self._inputs(document, manifest))
            named = attributes.get("inputs")
            if not any(path[0] in ("outputs", "transform") for path in lost):
                names = [str(name) for name in named] if isinstance(named, dict) else []
                _, faults = find_transform(self.folder, self.root, document, manifest, names)
                self.faults += faults
        self._contracts_of(attributes)

    def _contracts_of(self, attributes: object) -> None:
        """Read the contracts of a manifest that is wrong, so that all faults come at once."""
        outputs = attributes.get("outputs") if isinstance(attributes, dict) else None
        declared = outputs.values() if isinstance(outputs, dict) else ()
        named = {o["contract"] for o in declared if isinstance(o, dict) and "contract" in o}
        for name in sorted(str(value) for value in named or {"contract.yaml"}):
            path = (self.folder / name).resolve()
            if path.is_relative_to(self.folder.resolve()) and path.is_file():
                self._read(path)

    def _inputs(self, document: Document, manifest: Manifest) -> list[InputPort]:
        ports = []
        for name, declared in manifest.inputs.items():
            expectations = None
            if declared.expect is not None:
                path = ("attributes", "inputs", name, "expect")
                expectations, faults = parse_fragment(document, path, name, declared.expect)
                self.faults += faults
            line = document.line(("attributes", "inputs", name))
            ports.append(InputPort(name, declared.source, declared.allow_empty, expectations, line))
        return ports

    def _outputs(self, document: Document, manifest: Manifest) -> list[OutputPort]:
        declared = manifest.outputs or {self.folder.name: Output()}
        ports = []
        for name, output in declared.items():
            contract = self._contract(document, name, output)
            if contract is None:
                continue
            promise = contract.for_port(name)
            if promise is None:
                known = ", ".join(port.name for port in contract.ports)
                self.faults.append(
                    document.fault(
                        ("attributes", "outputs", name),
                        found=f"no schema object '{name}' in {output.contract}",
                        allowed=known or "a schema with one object",
                        fix="name the schema object as the port",
                    )
                )
                continue
            port, faults = check_output(document, name, output, contract, promise)
            self.faults += faults
            ports.append(port)
        return ports

    def _contract(self, document: Document, name: str, output: Output) -> Contract | None:
        path = (self.folder / output.contract).resolve()
        if not path.is_relative_to(self.folder.resolve()) or not path.is_file():
            self.faults.append(
                document.fault(
                    ("attributes", "outputs", name, "contract"),
                    found=f"no file '{output.contract}'",
                    allowed="an ODCS contract beside defs.yaml",
                    fix=f"write {relative(self.folder / output.contract, self.root)}",
                )
            )
            return None
        if path not in self.contracts:
            self._read(path)
        return self.contracts[path] if path not in self.partly else None

    def _read(self, path: Path) -> None:
        self.contracts[path], faults = read_contract(path, self.root)
        self.faults += faults
        if faults:
            self.partly.add(path)
