"""Step six of a run, before it is published: the attestation of the next version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.product.attest.envelope import check, read_envelope, seal
from mesh_defs.product.attest.keys import trusted_keys
from mesh_defs.product.attest.statement import (
    Judged,
    Parent,
    PortFacts,
    Previous,
    Statement,
    Subject,
    attestation_name,
    digest_of,
    read_statement,
    record_digest,
)
from mesh_defs.product.stores import product_store
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.attest.digests import Hashing
    from mesh_defs.product.attest.keys import SigningKey
    from mesh_defs.product.ledger import InputRecord, Record
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.staging import PortPlan
    from mesh_defs.settings import Settings


def staged_paths(plans: Mapping[str, PortPlan]) -> list[str]:
    """The files that a run has written: what is hashed while they are verified."""
    return [file.path for plan in plans.values() for file in plan.staged_files]


def attested(
    mesh: Mesh,
    product: Product,
    store: ProductStore,
    plans: Mapping[str, PortPlan],
    record: Record,
    last: Record | None,
    documents: Mapping[str, str],
    key: SigningKey,
    hashing: Hashing,
) -> dict[str, str]:
    """The attestation that is stored with ``record``'s version: its name and its text. It speaks
    of the other ``documents`` that are, too.

    Files that are kept from the version before (``last``) have the digests that its attestation
    says, so that one that was tampered with since is not signed anew; they are hashed where it has
    none that can be believed. Raises `StorageFailed`, `MeshError`.
    """
    kept = any(plan.kept for plan in plans.values())
    before = _believed(mesh.settings, store, last.version) if kept and last is not None else None
    previous = None
    if kept and last is not None:
        previous = Previous(last.version, digest_of(before.payload) if before else None)
    statement = Statement(
        mesh=mesh.settings.name,
        product=str(product.url),
        version=record.version,
        product_version=record.product_version,
        run_id=record.run_id,
        published_at=record.published_at,
        environment=record.environment,
        transform=record.digest,
        record=record_digest(record),
        documents={name: digest_of(text.encode()) for name, text in documents.items()},
        subjects=tuple(_subjects(plans, before, hashing)),
        ports={name: _port(record, name) for name in plans},
        inputs=tuple(_parent(mesh.settings, *read) for read in record.inputs.items()),
        previous=previous,
        tally=record.tally,
        blocking=tuple(_judged(record, severity="error")),
        warned=tuple(_judged(record, severity="warning")),
        waivers=tuple(dict(one) for verdict in record.verdicts for one in verdict.waivers),
    )
    return {attestation_name(record.version): seal(key, statement.payload)}


def _believed(settings: Settings, store: ProductStore, version: int) -> Statement | None:
    """The statement of ``version``, if there is one, of that very version, under a trusted key."""
    content = store.read(attestation_name(version))
    if content is None:
        return None
    try:
        envelope = read_envelope(content)
        check(envelope, trusted_keys(settings))
        statement = read_statement(envelope.payload)
    except (ValueError, MeshError):
        return None
    return statement if statement.version == version else None


def _subjects(
    plans: Mapping[str, PortPlan], before: Statement | None, hashing: Hashing
) -> Iterator[Subject]:
    for name, plan in plans.items():
        for staged in plan.staged_files:
            path = str(_relative(plan, staged.path))
            yield Subject(name, path, hashing.digest(staged.path), staged.bytes, staged.rows)
        for file in plan.kept:
            known = before.by_file.get((name, file.path)) if before is not None else None
            digest = known.sha256 if known else hashing.digest(str(plan.folder / file.path))
            yield Subject(name, file.path, digest, file.bytes, file.rows)


def _relative(plan: PortPlan, path: str) -> str:
    return path.removeprefix(f"{plan.folder}/")


def _port(record: Record, name: str) -> PortFacts:
    port = record.ports[name]
    return PortFacts(
        port.table_version,
        port.rows,
        port.bytes,
        port.contract_id,
        port.contract_version,
        port.contract_digest,
    )


def _parent(settings: Settings, name: str, read: InputRecord) -> Parent:
    if read.version is None or not is_mesh_url(read.source):
        return Parent(name, read.source, fingerprint=read.fingerprint)
    url = parse(read.source)
    store = product_store(settings, url.domain, url.product)
    content = store.read(attestation_name(read.version))
    statement = None
    if content is not None:
        try:
            statement = digest_of(read_envelope(content).payload)
        except ValueError:
            statement = None
    return Parent(name, read.source, read.version, statement)


def _judged(record: Record, *, severity: str) -> Iterator[Judged]:
    """The verdicts that had to pass; with the severity ``warning``, those that did not pass."""
    for verdict in record.verdicts:
        if verdict.severity == "error" if severity == "error" else not verdict.ok:
            yield Judged(verdict.rule, verdict.subject, verdict.outcome)
