"""The discovery documents of a mesh: those that were published with their versions, and of what has
none the same, composed of what is known without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mesh_defs.errors import (
    CorruptRecord,
    InvalidMesh,
    MeshError,
    NotPublished,
    UnknownAddress,
)
from mesh_defs.policy.access.entities import higher
from mesh_defs.policy.flow.versions import turned_out
from mesh_defs.product.access import read_manifest
from mesh_defs.product.described.aged import aged
from mesh_defs.product.described.document import compose
from mesh_defs.product.described.facts import ProductFacts
from mesh_defs.product.described.history import MOST_VERSIONS, history
from mesh_defs.product.described.said import declared, of_record
from mesh_defs.product.described.shown import shown_document
from mesh_defs.product.described.stored import stored_document
from mesh_defs.product.inheritance import inflows, published_output
from mesh_defs.product.knowing import knows_product
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.load import load_product
from mesh_defs.product.model import Product
from mesh_defs.product.protection import DOMAINS, MANIFEST
from mesh_defs.product.resolve import record_of
from mesh_defs.product.stores import product_store
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable

    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.manifest import Manifest
    from mesh_defs.product.model import OutputPort
    from mesh_defs.settings import Settings


def discovery_document(
    settings: Settings,
    identity: str,
    version: int | None = None,
    *,
    damaged: Callable[[CorruptRecord], None] | None = None,
) -> dict[str, Any]:
    """The discovery document of ``version`` of ``<domain>/<product>`` (None: the newest, or of what
    is declared where none is published), its keys as `mesh_defs.product.described.keys` has them.

    It has values that not every reader may see: show it through
    `mesh_defs.product.described.shown.shown_document`. Raises `UnknownAddress`, `CorruptRecord`,
    and `InvalidMesh` for an unpublished product whose files are broken. Where ``damaged`` is given
    it is told of a stored document that is none, and the answer is what is known without it.
    """
    domain, _, product = identity.partition("/")
    store = product_store(settings, domain, product)
    try:
        record = record_of(Ledger(store), MeshUrl(domain, product, version=version))
    except NotPublished:
        return _declared(settings, identity)
    found = None
    try:
        found = stored_document(store, identity, record.version)
    except CorruptRecord as error:
        if damaged is None:
            raise
        damaged(error)
    return found if found is not None else _composed(settings, identity, store, record)


def shown_to(
    access: MeshAccess, principal: Principal, url: MeshUrl, purpose: str | None = None
) -> dict[str, Any]:
    """The document of the version that ``url`` names, as ``principal`` may see it for ``purpose``.
    Raises `UnknownAddress`, in the same words for what there is not and for what they may not know
    of, and as `discovery_document`."""
    try:
        return _shown_to(access, principal, url, purpose)
    except MeshError:
        if knows_product(access, principal, url.identity):
            raise
        # Whatever else is wrong would tell that it is there.
        raise UnknownAddress(f"no product mesh://{url.identity}") from None


def _shown_to(
    access: MeshAccess, principal: Principal, url: MeshUrl, purpose: str | None
) -> dict[str, Any]:
    whole = replace(url, port=None, column=None)
    number = url.version
    if url.as_of is not None or url.major is not None:
        ledger = Ledger(product_store(access.settings, url.domain, url.product))
        number = record_of(ledger, whole).version
    document = discovery_document(access.settings, url.identity, number)
    address = replace(whole, version=document["version"], as_of=None, major=None)
    names = [each["port"] for each in document["ports"]]
    seen = [
        name
        for name in names
        if access.decide(principal, address.with_port(name), "discover").allowed
    ]
    if not seen:
        raise UnknownAddress(f"no product mesh://{url.identity}")
    reads = {
        name: access.decide(principal, address.with_port(name), "read", purpose) for name in seen
    }
    knows = lru_cache(maxsize=None)(lambda each: access.knows(principal, each))
    shown = shown_document(document, reads, knows)
    return shown if number is not None else aged(shown, datetime.now(UTC))


def _declared(settings: Settings, identity: str) -> dict[str, Any]:
    folder = settings.root / DOMAINS / identity
    if not (folder / MANIFEST).is_file():
        raise UnknownAddress(f"no product mesh://{identity} in '{settings.root}'")
    product = load_product(folder, settings)
    if not isinstance(product, Product):
        raise InvalidMesh(product.faults)
    return compose(
        ProductFacts(
            mesh=settings.name,
            domain=product.domain,
            product=product.name,
            manifest=product.manifest,
            outputs=product.outputs,
            transform=product.transform.kind,
            digest=product.digest,
        )
    )


def _composed(
    settings: Settings, identity: str, store: ProductStore, record: Record
) -> dict[str, Any]:
    """The document of a version that was published without one."""
    domain, _, product = identity.partition("/")
    manifest = read_manifest(settings.root / DOMAINS / identity, settings.root)
    outputs = tuple(_output(settings, identity, record, port, manifest) for port in record.ports)
    contracts = {output.contract.digest: output.contract for output in outputs}
    records = []
    for number in reversed(Ledger(store).versions()):
        earlier = Ledger(store).record(number) if number <= record.version else None
        if earlier is not None:
            records.append(earlier)
        if len(records) > MOST_VERSIONS:
            break
    said = of_record(declared(manifest), record) if manifest is not None else None
    return compose(
        ProductFacts(
            mesh=settings.name,
            domain=domain,
            product=product,
            manifest=manifest,
            outputs=outputs,
            record=record,
            digest=record.digest,
            classified={o.name: _classified(settings, identity, record, o) for o in outputs},
            history=history(identity, records, store, contracts, said),
        )
    )


def _output(
    settings: Settings, identity: str, record: Record, port: str, manifest: Manifest | None
) -> OutputPort:
    """A port with its contract of then; which column tells its time is known by the manifest of
    now alone."""
    found = published_output(settings, identity, record, port)
    declared = manifest.outputs.get(port) if manifest is not None else None
    if declared is None:
        return found
    return replace(found, actual_time=declared.actual_time or declared.cursor or declared.by)


def _classified(
    settings: Settings, identity: str, record: Record, output: OutputPort
) -> dict[str, str]:
    """Each column's classification: declared, inherited, or as it turned out to be."""
    inherited = inflows(settings, identity, record, output.name).classified
    found_out = turned_out({output.name: record.ports[output.name].verdicts})
    words = {}
    for column in output.promise.columns:
        word = column.classification
        word = higher(word, inherited.get(column.name, (word, ""))[0])
        words[column.name] = higher(word, found_out.get((output.name, column.name.lower()), word))
    return words
