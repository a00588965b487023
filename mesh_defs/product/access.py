"""Decisions on the products of a mesh: from a URL to what a principal may read of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.errors import AccessDenied, MeshError, NotPublished, UnknownAddress
from mesh_defs.faults import did_you_mean, relative
from mesh_defs.policy.access.decide import Access, HashKey
from mesh_defs.policy.access.entities import higher, subject_of
from mesh_defs.policy.access.load import FILE as RULES
from mesh_defs.policy.access.load import load_rules
from mesh_defs.policy.access.masks import SHORTEST_KEY
from mesh_defs.policy.access.principals import (
    ANONYMOUS,
    FILE,
    LOCAL,
    VARIABLE,
    load_principals,
    local_principal,
)
from mesh_defs.policy.access.schema import ACTIONS
from mesh_defs.product.inheritance import inflows
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.manifest import Manifest
from mesh_defs.product.model import Product
from mesh_defs.product.protection import DOMAINS, MANIFEST, common, protected
from mesh_defs.product.resolve import record_of, unread
from mesh_defs.product.stores import product_store
from mesh_defs.urls import parse
from mesh_defs.validation import validate
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from mesh_defs.policy.access.decision import Approved, Decision
    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.policy.access.schema import Action
    from mesh_defs.product.model import BrokenProduct
    from mesh_defs.product.resolve import Published
    from mesh_defs.settings import Settings
    from mesh_defs.urls import MeshUrl


class MeshAccess:
    """Access decisions of one mesh in one profile. Rules and principals are read when it is made;
    make a new one to see changes. With ``domain`` it decides on that domain's products alone. It
    may be used from several threads."""

    def __init__(self, settings: Settings, domain: str | None = None) -> None:
        self.settings = settings
        domains = [domain] if domain is not None else _folders(settings.root / DOMAINS)
        self.principals = load_principals(settings.root)
        self.access = Access(
            load_rules(settings.root, domains),
            self.principals,
            settings.environment,
            _hash_key(settings),
        )

    @property
    def caller(self) -> Principal:
        """Who reads here: ``MESH_PRINCIPAL``, or the profile's. Raises `MeshError`."""
        return local_principal(self.principals, self.settings.profile.principal)

    def decide(
        self,
        principal: Principal | str | None,
        url: MeshUrl | str,
        action: Action = "read",
        purpose: str | None = None,
        now: datetime | None = None,
        approved: Approved | None = None,
    ) -> Decision:
        """What ``principal`` (None: the caller) may do with the port that ``url`` names, in its
        published version or, before there is one, as it is declared; under the access grant
        ``approved``, if any.

        Raises `MeshError` for a principal or an action of another form, `UnknownAddress`,
        `InvalidMesh`.
        """
        who = principal if principal is not None else self.caller
        return self.access.decide(who, self.subject(url), action_of(action), purpose, now, approved)

    def subject(self, url: MeshUrl | str) -> PortSubject:
        """The port that ``url`` names. Raises `UnknownAddress`, `InvalidMesh`."""
        address = parse(url) if isinstance(url, str) else url
        ledger = Ledger(product_store(self.settings, address.domain, address.product))
        try:
            record = record_of(ledger, address)
        except NotPublished:
            return self._declared(address)
        return self.published(unread(address, record))

    def published(self, version: Published) -> PortSubject:
        """A published port: with the columns of the contract that it was published under, each
        as protected as the strictest of that contract, all since, and what flowed into it. Raises
        `InvalidMesh`, `CorruptRecord`."""
        folder = self.settings.root / DOMAINS / version.identity
        subject = protected(self.settings, version, read_manifest(folder, self.settings.root))
        flows = inflows(self.settings, version.identity, version.record, version.port)
        columns = []
        for column in subject.columns:
            purposes = common(column.purposes, flows.permitted.get(column.name))
            column = replace(column, purposes=purposes)
            classification, because = flows.classified.get(column.name, (column.classification, ""))
            if higher(column.classification, classification) != column.classification:
                column = replace(column, classification=classification, because=because)
            columns.append(column)
        return replace(subject, columns=tuple(columns))

    def knows(self, principal: Principal, url: MeshUrl) -> bool:
        """Whether ``principal`` may know that there is the port that ``url`` names: it may discover
        it, as it is now or, where it is gone, as it was in the version that ``url`` names."""
        for address in dict.fromkeys((replace(url, version=None), url)):
            with suppress(MeshError):
                return self.decide(principal, address, "discover").allowed
        return False

    def _declared(self, address: MeshUrl) -> PortSubject:
        from mesh_defs.product.load import load_product

        folder = self.settings.root / DOMAINS / address.domain / address.product
        if not (folder / MANIFEST).is_file():
            raise UnknownAddress(f"no product mesh://{address.identity} in '{self.settings.root}'")
        product = load_product(folder, self.settings)
        if not isinstance(product, Product):
            return self._broken(product, address)
        output = product.output(address.port)
        return subject_of(product.domain, product.name, output, product.manifest)

    def _broken(self, product: BrokenProduct, address: MeshUrl) -> PortSubject:
        """A port of a product that cannot be loaded, by its manifest. Raises `InvalidMesh` where
        not even that can be read, `UnknownAddress`."""
        from mesh_defs.errors import InvalidMesh
        from mesh_defs.product.broken import broken_ports, broken_subject

        manifest = read_manifest(product.folder, self.settings.root)
        if manifest is None:
            raise InvalidMesh(product.faults)
        names = broken_ports(product, manifest)
        port = address.port or (names[0] if len(names) == 1 else product.name)
        if port not in names:
            raise UnknownAddress(
                f"{address.product_url()} has no port '{port}'; it has {', '.join(names)}"
            )
        return broken_subject(product, manifest, port)


def action_of(text: str) -> Action:
    """The action of that name. Raises `MeshError` for another."""
    for action in ACTIONS:
        if action == text:
            return action
    allowed = ", ".join(ACTIONS)
    fix = did_you_mean(text, ACTIONS)
    raise MeshError(f"unknown action '{text}'; allowed: {allowed}. Fix: {fix}")


def require(decision: Decision) -> Decision:
    """``decision`` when it allows; else raise `AccessDenied`, which says how to get access."""
    if decision.allowed:
        return decision
    subject, reader = decision.subject, decision.principal
    ask = f"ask {subject.owner}" if subject.owner else f"ask the domain {subject.domain}"
    roles = f" for the role {' or '.join(subject.roles)}" if subject.roles else " for access"
    if reader in (ANONYMOUS, LOCAL):
        say, name = f"; say who you are with {VARIABLE}", ""
        if reader == LOCAL:
            say = f"; declare who reads in {FILE}, and their rules in {RULES} of the domain"
    else:
        say, name = "", f" --as {reader}"
    raise AccessDenied(
        f"{reader} may not {decision.action} {subject.url}: {decision.reason}. "
        f"Fix: {ask}{roles}{say}. Why: mesh access explain {subject.url}{name}"
    )


def _folders(parent: Path) -> list[str]:
    return sorted(p.name for p in parent.iterdir() if p.is_dir()) if parent.is_dir() else []


def read_manifest(folder: Path, root: Path) -> Manifest | None:
    """The manifest in ``folder``; None when it cannot be read."""
    file = folder / MANIFEST
    documents, faults = read_documents(file, relative(file, root), smallest="")
    if faults or len(documents) != 1 or not isinstance(documents[0].data, dict):
        return None
    attributes = documents[0].data.get("attributes")
    result = validate(Manifest, documents[0], ("attributes",), attributes)
    return result if isinstance(result, Manifest) else None


def _hash_key(settings: Settings) -> HashKey:
    declared = settings.profile.hash_key
    if declared is None:
        return HashKey(None, f"profile '{settings.profile_name}' has no hash_key")
    try:
        key = str(settings.resolved({"key": declared})["key"]).encode()
    except MeshError as error:
        return HashKey(None, str(error))
    if len(key) < SHORTEST_KEY:
        return HashKey(None, f"the hash_key is shorter than {SHORTEST_KEY} bytes")
    return HashKey(key)
