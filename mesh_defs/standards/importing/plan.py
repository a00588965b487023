"""From documents to drafts: which products there will be, and what their files say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.faults import Fault
from mesh_defs.product.manifest import service_input
from mesh_defs.standards.importing import said
from mesh_defs.standards.importing.contracts import drafted, ports_of, renamed
from mesh_defs.standards.importing.draft import Draft
from mesh_defs.standards.importing.words import name_of, owner_of
from mesh_defs.standards.odps import LICENCE, PURPOSES
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from mesh_defs.standards.importing.odps_model import DataProduct, InputPort, OutputPort
    from mesh_defs.standards.importing.read import Found
    from mesh_defs.yaml_source import Document

_CONTRACT = "contract.yaml"


class Plan:
    """The drafts of what was ``found``, in ``domain`` or in the domains that the documents name."""

    def __init__(self, found: Found, domain: str | None) -> None:
        self.found = found
        self.domain = domain
        self.drafts: list[Draft] = []
        self.faults: list[Fault] = []
        self._used: set[str] = set()
        self._names = {doc.file: self._place(one, doc) for one, doc in found.products}
        self.moved = {
            self._origin(one): "/".join(self._names[doc.file])
            for one, doc in found.products
            if self._origin(one)
        }
        # Which product of the documents serves a contract, so that others may read it.
        self.serving = {
            port.contractId: f"mesh://{'/'.join(self._names[doc.file])}"
            for one, doc in found.products
            for port in one.outputPorts
            if port.contractId is not None
        }

    def make(self) -> None:
        """Draft every product, then those of contracts that no product names."""
        for product, document in self.found.products:
            self._product(product, document)
        for document in self.found.contracts:
            if document.file not in self._used:
                self._alone(document)
        taken: dict[str, str] = {}
        for draft in self.drafts:
            if draft.identity in taken:
                self.faults.append(self._twice(draft.identity))
            taken[draft.identity] = draft.identity

    def _twice(self, identity: str) -> Fault:

        fix = "import them into different domains, or rename one"
        return Fault(identity, 0, "", f"two documents of mesh://{identity}", "one of each", fix)

    def _origin(self, product: DataProduct) -> str:
        return parse(product.id).identity if said.is_product(product.id) else ""

    def _place(self, product: DataProduct, document: Document) -> tuple[str, str]:
        """The domain and the name of the product here."""
        if said.is_product(product.id):
            url = parse(product.id)
            return self.domain or url.domain, url.product
        stem = document.file.rpartition("/")[2].partition(".")[0]
        domain = self.domain or name_of("domain", product.domain or "imported")
        return domain, name_of("product", product.name or stem)

    def _product(self, product: DataProduct, document: Document) -> None:
        domain, name = self._names[document.file]
        draft = Draft(domain, name, {}, {}, {})
        outputs = self._outputs(product, draft)
        if not draft.contracts:
            self.faults.append(said.no_contract(product, document))
            return
        self._manifest(product, draft, outputs)
        said.tell_rest(product, draft)
        self.drafts.append(draft)

    def _manifest(
        self, product: DataProduct, draft: Draft, outputs: dict[str, dict[str, Any]]
    ) -> None:
        words, inputs = product.description, self._inputs(product, draft)
        attributes: dict[str, Any] = {
            "archetype": said.archetype(product, inputs, draft),
            "version": said.version(product.version, draft),
            "owner": said.owner(owner_of(product), draft),
            "purpose": words.purpose or said.purpose(draft),
            "limitations": words.limitations,
            "usage": words.usage,
            "status": "draft",
            "tags": product.tags,
            "licence": product.custom(LICENCE)
            if isinstance(product.custom(LICENCE), str)
            else None,
            "purposes": said.texts(product.custom(PURPOSES)),
            "inputs": inputs,
            "outputs": outputs,
        }
        if product.status != "draft":
            draft.tell(f"status {product.status} becomes draft")
        draft.attributes = {key: value for key, value in attributes.items() if value}

    def _inputs(self, product: DataProduct, draft: Draft) -> dict[str, str]:
        found: dict[str, str] = {}
        for port in product.inputPorts:
            source = self._source(port)
            name = name_of("input", port.name)
            if source is None:
                draft.tell(
                    f"input '{port.name}' (contract {port.contractId}): nothing here serves that "
                    "contract"
                )
            elif name in found:
                draft.tell(f"input '{port.name}' {port.version}: '{name}' is there already")
            else:
                found[name] = source
        return found

    def _source(self, port: InputPort) -> str | None:
        if is_mesh_url(port.contractId):
            return renamed(port.contractId, self.moved)
        if service_input(port.contractId) is not None:
            return port.contractId
        return self.serving.get(port.contractId)

    def _outputs(self, product: DataProduct, draft: Draft) -> dict[str, dict[str, Any]]:
        outputs: dict[str, dict[str, Any]] = {}
        served = self._served(product, draft)
        one = len({document.file for _, document in served}) == 1
        files: dict[str, str] = {}
        for port, document in served:
            wanted = name_of("output", port.name)
            if document.file not in files:
                file = _CONTRACT if one else f"{wanted}.{_CONTRACT}"
                files[document.file] = file
                draft.contracts[file] = drafted(document, draft, self.moved)
            file = files[document.file]
            names = ports_of(draft.contracts[file], draft, document.file)
            # An object of another name than the only port's is that port's all the same.
            named = [wanted] if len(names) < 2 else [n for n in names if n == wanted] or names
            for name in named:
                draft.ports[name] = file
                outputs[name] = {**said.kept(port, draft), **({} if one else {"contract": file})}
        return outputs

    def _served(self, product: DataProduct, draft: Draft) -> list[tuple[OutputPort, Document]]:
        """The newest version of each port with the document of its contract; others are told."""
        newest = {port.name: port for port in sorted(product.outputPorts, key=said.order)}
        found = []
        for port in product.outputPorts:
            document = self._contract(port)
            if newest[port.name] is not port:
                draft.tell(f"port '{port.name}' {port.version}: only its newest version is drafted")
            elif document is None:
                draft.tell(f"port '{port.name}': no document of its contract {port.contractId}")
            else:
                self._used.add(document.file)
                found.append((port, document))
        return found

    def _contract(self, port: OutputPort) -> Document | None:
        fitting = [d for d in self.found.contracts if d.data.get("id") == port.contractId]
        exact = [d for d in fitting if str(d.data.get("version")) == port.version]
        return next(iter(exact or fitting), None) if port.contractId is not None else None

    def _alone(self, document: Document) -> None:
        """A product of a contract that no product document names."""
        data = document.data
        stem = document.file.rpartition("/")[2].partition(".")[0]
        named = next(
            (data[k] for k in ("dataProduct", "name", "id") if said.text(data.get(k))), stem
        )
        domain = data["domain"] if said.text(data.get("domain")) else "imported"
        place = self.domain or name_of("domain", domain), name_of("product", named)
        draft = Draft(*place, {}, {}, {})
        contract = drafted(document, draft, self.moved)
        draft.contracts[_CONTRACT] = contract
        ports = ports_of(contract, draft, document.file) or [draft.product]
        draft.ports = dict.fromkeys(ports, _CONTRACT)
        told = data.get("description")
        words = told if isinstance(told, dict) else {"purpose": told}
        tags = data.get("tags")
        attributes: dict[str, Any] = {
            "archetype": said.archetype(None, {}, draft),
            "version": said.version(str(data.get("version")), draft),
            "owner": said.owner(said.contract_owner(data), draft),
            "purpose": words.get("purpose")
            if said.text(words.get("purpose"))
            else said.purpose(draft),
            "limitations": words.get("limitations")
            if said.text(words.get("limitations"))
            else None,
            "usage": words.get("usage") if said.text(words.get("usage")) else None,
            "status": "draft",
            "tags": said.texts(tags),
            "outputs": {port: {} for port in ports},
        }
        draft.attributes = {key: value for key, value in attributes.items() if value}
        self.drafts.append(draft)
