"""What a port offers to who asks for it: its terms, its rules, the roles and purposes it names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh_defs.errors import InvalidMesh, InvalidRequest, NotPublished, UnknownAddress
from mesh_defs.gateway.state.grants import Terms
from mesh_defs.policy.access.entities import higher
from mesh_defs.product.load import load_product
from mesh_defs.product.model import Product
from mesh_defs.product.protection import DOMAINS, MANIFEST
from mesh_defs.product.resolve import published
from mesh_defs.urls import MeshUrl, parse

if TYPE_CHECKING:
    from mesh_defs.gateway.state.requests import Request
    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.product.offer import AutoApproval, Offer


@dataclass(frozen=True, slots=True)
class Offered:
    """A port of one major version. ``purposes`` are those that may be asked for (empty: nobody has
    named any, and the owner judges)."""

    subject: PortSubject
    major: int
    terms: Terms
    offer: Offer
    purposes: tuple[str, ...]
    owner: str

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return f"{self.subject.domain}/{self.subject.product}"


def offered(access: MeshAccess, url: MeshUrl | str) -> Offered:
    """What the port offers that ``url`` names: its published version, or before there is one what
    is declared. Raises `UnknownAddress`, `NotPublished`, `InvalidMesh`, `InvalidRequest`."""
    address = parse(url) if isinstance(url, str) else url
    if address.version is not None or address.as_of is not None or address.column is not None:
        raise InvalidRequest(
            f"access is for all versions and columns of a port, not for {address}. "
            "Fix: write the URL without version, as_of and column"
        )
    product = _product(access, address)
    manifest = product.manifest
    try:
        version = published(access.settings, address)
    except NotPublished:
        if address.major not in (None, manifest.major):
            raise
        subject, major = access.subject(address), manifest.major
        contract_version = product.output(subject.port).contract.version
    else:
        subject, major = access.published(version), version.record.major
        contract_version = version.record.ports[version.port].contract_version
    return Offered(
        subject,
        major,
        Terms(str(contract_version), manifest.licence, manifest.limitations),
        manifest.access,
        _purposes(access, subject),
        manifest.owner,
    )


def _product(access: MeshAccess, address: MeshUrl) -> Product:
    folder = access.settings.root / DOMAINS / address.domain / address.product
    if not (folder / MANIFEST).is_file():
        raise UnknownAddress(f"no product mesh://{address.identity} in '{access.settings.root}'")
    product = load_product(folder, access.settings)
    if not isinstance(product, Product):
        raise InvalidMesh(product.faults)
    return product


def _purposes(access: MeshAccess, subject: PortSubject) -> tuple[str, ...]:
    if subject.purposes:
        return subject.purposes
    named = {purpose for column in subject.columns for purpose in column.purposes or ()}
    return tuple(sorted(named | access.access.rulebook.in_force(subject.domain).purposes))


def answering(access: MeshAccess, subject: PortSubject, asks: Principal) -> tuple[str, ...]:
    """Who may answer what ``asks`` asks for, of those whom the mesh declares: the product's owner
    first."""
    may = [
        each
        for each in access.principals
        if each != asks and access.access.decide(each, subject, "control").allowed
    ]
    may.sort(key=lambda each: (each.name != subject.owner, str(each)))
    return tuple(str(each) for each in may)


def approving_rule(offered: Offered, request: Request, principal: Principal) -> str | None:
    """The name of the first rule of the manifest that approves ``request`` by itself; None when a
    person has to."""
    for index, rule in enumerate(offered.offer.auto_approve):
        if _approves(rule, offered, request, principal):
            return f"access.auto_approve[{index}] of domains/{offered.identity}/{MANIFEST}"
    return None


def _approves(rule: AutoApproval, offered: Offered, request: Request, principal: Principal) -> bool:
    classified = offered.subject.classification
    return (
        (rule.purposes is None or request.purpose in rule.purposes)
        and (rule.domains is None or principal.domain in rule.domains)
        and (rule.roles is None or bool(set(rule.roles) & set(principal.roles)))
        and (rule.kinds is None or principal.kind in rule.kinds)
        and (
            rule.classification is None
            or higher(classified, rule.classification) == rule.classification
        )
        and (rule.longest_days is None or request.days <= rule.longest_days)
        and (request.role is None or request.role in (rule.may_grant or ()))
    )
