"""Products of a mesh as documents of open standards, as far as a principal may know of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from mesh_defs.discovery.documents import shown_to
from mesh_defs.errors import InvalidMesh, MeshError, NotPublished, UnknownAddress
from mesh_defs.product.access import read_manifest
from mesh_defs.product.described.said import declared, published
from mesh_defs.product.inheritance import published_output
from mesh_defs.product.load import load_product
from mesh_defs.product.model import Product
from mesh_defs.product.protection import DOMAINS
from mesh_defs.product.resolve import record_of
from mesh_defs.product.shown_lineage import known_source, shown_lineage
from mesh_defs.product.stores import known_products, ledger, product_store
from mesh_defs.standards.dprod import catalog_document, dprod_document
from mesh_defs.standards.facts import ProductFacts
from mesh_defs.standards.forms import ENDINGS
from mesh_defs.standards.odcs import contract_file, odcs_document
from mesh_defs.standards.odps import odps_document
from mesh_defs.standards.openlineage.events import version_event
from mesh_defs.standards.turtle import turtle
from mesh_defs.unseen import json_text, yaml_text
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import OutputPort
    from mesh_defs.settings import Settings
    from mesh_defs.standards.forms import Form

_CATALOG = "catalog"


class Exported(NamedTuple):
    """A document: the name of a file for it (relative, parts joined by ``/``), and its text."""

    name: str
    text: str


class Exports:
    """Documents for one principal. ``base`` is the address that HTTP addresses in them start with,
    without a slash at its end."""

    def __init__(self, access: MeshAccess, principal: Principal, base: str) -> None:
        self.access = access
        self.principal = principal
        self.base = base
        self.knows = lru_cache(maxsize=None)(lambda url: access.knows(principal, url))

    def one(self, url: MeshUrl, form: Form) -> list[Exported]:
        """The product that ``url`` names, or one of its ports' contracts, as documents of ``form``:
        one, but for the contracts of a product with several. Raises `UnknownAddress`, also for what
        the principal may not know of, `InvalidMesh`, `CorruptRecord`."""
        stem = f"{url.domain}/{url.product}"
        if form == "openlineage":
            return [Exported(f"{stem}.{ENDINGS[form]}", self._event(url))]
        facts = self.facts(url)
        if form == "odcs":
            return self._contracts(facts, url.port)
        return [Exported(f"{stem}.{ENDINGS[form]}", _text(facts, form))]

    def all(self, form: Form, told: Callable[[str, MeshError], None]) -> list[Exported]:
        """Every product that the principal may know of; ``told`` hears of those that cannot be
        read. In RDF, one catalog has all of them."""
        found: list[Exported] = []
        every: list[ProductFacts] = []
        for domain, product in known_products(self.access.settings):
            url = MeshUrl(domain, product)
            try:
                if form in ("dprod", "turtle"):
                    every.append(self.facts(url))
                found += self.one(url, form)
            except UnknownAddress:
                continue  # the principal may not know of it
            except MeshError as error:
                told(f"mesh://{domain}/{product}", error)
        if form in ("dprod", "turtle"):
            node = catalog_document(self.access.settings.name, self.base, every)
            text = turtle(node) if form == "turtle" else _json(node)
            found.append(Exported(f"{_CATALOG}.{ENDINGS[form]}", text))
        return found

    def facts(self, url: MeshUrl) -> ProductFacts:
        """What is known of a product, without the ports and inputs that the principal may not know
        of. Raises as `one`."""
        settings = self.access.settings
        record, outputs = _outputs(settings, url)
        pinned = replace(url, version=record.version if record else None, as_of=None, major=None)
        told, classified = [], {}
        for output in outputs:
            address = replace(pinned, port=output.name, column=None)
            decided = self.access.decide(self.principal, address, "discover")
            if decided.allowed:
                told.append(output)
                classified[output.name] = decided.subject.classification
        if not told:
            raise UnknownAddress(f"no product mesh://{url.identity}")
        manifest = read_manifest(settings.root / DOMAINS / url.identity, settings.root)
        said = declared(manifest) if manifest is not None else None
        if record is not None:
            store = product_store(settings, url.domain, url.product)
            said = published(store, url.identity, record, manifest)
        inputs = said.inputs if said is not None else {}
        return ProductFacts(
            settings.name,
            self.base,
            url.domain,
            url.product,
            said,
            record,
            tuple(told),
            {name: source for name, source in inputs.items() if known_source(source, self.knows)},
            classified,
        )

    def _contracts(self, facts: ProductFacts, port: str | None) -> list[Exported]:
        """Each contract once; the ports of one file come with it."""
        names = [output.name for output in facts.outputs]
        if port is not None and port not in names:
            raise UnknownAddress(f"{facts.url} has no port '{port}'; it has {', '.join(names)}")
        seen = {output.promise.name for output in facts.outputs}
        found: dict[str, Exported] = {}
        for output in facts.outputs:
            if port in (None, output.name) and output.contract.digest not in found:
                text = odcs_document(output, seen).decode()
                name = f"{facts.domain}/{contract_file(facts.product, output.name)}"
                found[output.contract.digest] = Exported(name, text)
        return list(found.values())

    def _event(self, url: MeshUrl) -> str:
        whole = replace(url, port=None, column=None)
        document = shown_to(self.access, self.principal, whole)
        ways = {}
        if document["version"] is not None:
            record = ledger(self.access.settings, url.domain, url.product).record(
                document["version"]
            )
            ports = {port["port"] for port in document["ports"]}
            kept = record.lineage if record is not None else {}
            ways = shown_lineage(kept, ports, self.knows, whole=False).get("ways", {})
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        return _json(version_event(document, now, ways))


def _outputs(settings: Settings, url: MeshUrl) -> tuple[Record | None, tuple[OutputPort, ...]]:
    """The ports of the version that ``url`` names, else as they are declared."""
    try:
        record = record_of(ledger(settings, url.domain, url.product), url)
    except NotPublished:
        folder = settings.root / DOMAINS / url.identity
        if not (folder / "defs.yaml").is_file():
            raise UnknownAddress(f"no product mesh://{url.identity}") from None
        product = load_product(folder, settings)
        if not isinstance(product, Product):
            raise InvalidMesh(product.faults) from None
        return None, product.outputs
    ports = (published_output(settings, url.identity, record, port) for port in record.ports)
    return record, tuple(ports)


def _text(facts: ProductFacts, form: Form) -> str:
    if form == "odps":
        return yaml_text(odps_document(facts))
    node = dprod_document(facts)
    return turtle(node) if form == "turtle" else _json(node)


def _json(value: object) -> str:
    return json_text(value, indent=2) + "\n"
