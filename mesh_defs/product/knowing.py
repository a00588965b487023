"""Of which products and ports somebody may know; of any other it is told that it is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import CorruptRecord, InvalidMesh
from mesh_defs.policy.access.entities import subject_of
from mesh_defs.policy.access.principals import LOCAL
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.load import load_product
from mesh_defs.product.model import Product
from mesh_defs.product.protection import DOMAINS, MANIFEST
from mesh_defs.product.stores import known_products, product_store
from mesh_defs.urls import parse

if TYPE_CHECKING:
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.product.access import MeshAccess
    from mesh_defs.urls import MeshUrl


def known_ports(access: MeshAccess, principal: Principal, identity: str) -> list[str]:
    """The ports of ``<domain>/<product>`` that ``principal`` may know of: of its newest version, or
    as they are declared where it has none that can be read."""
    return _ports(access, principal, identity) or []


def knows_product(access: MeshAccess, principal: Principal, identity: str) -> bool:
    """Whether ``principal`` may know that there is ``<domain>/<product>``: of any port of it. Where
    neither what is published nor what is declared can be read, who uses a mesh that declares nobody
    may."""
    domain, _, product = identity.partition("/")
    return (domain, product) in known_products(access.settings) and _known(
        access, principal, identity
    )


def seen_products(access: MeshAccess, principal: Principal) -> list[str]:
    """``<domain>/<product>`` of all that ``principal`` may know of, sorted."""
    found = (f"{domain}/{product}" for domain, product in known_products(access.settings))
    return [identity for identity in found if _known(access, principal, identity)]


def _known(access: MeshAccess, principal: Principal, identity: str) -> bool:
    ports = _ports(access, principal, identity)
    return principal == LOCAL if ports is None else bool(ports)


def _ports(access: MeshAccess, principal: Principal, identity: str) -> list[str] | None:
    """As `known_ports`; None where nothing can be read that tells of ports."""
    address = parse(f"mesh://{identity}")
    ledger = Ledger(product_store(access.settings, address.domain, address.product))
    try:
        record = ledger.latest()
        if record is not None:
            return [
                port
                for port in record.ports
                if access.decide(principal, address.with_port(port), "discover").allowed
            ]
    except (CorruptRecord, InvalidMesh):
        pass  # It is damaged, or what it was made from; what is declared can still be asked.
    return _declared(access, principal, address)


def _declared(access: MeshAccess, principal: Principal, address: MeshUrl) -> list[str] | None:
    folder = access.settings.root / DOMAINS / address.identity
    found = load_product(folder, access.settings) if (folder / MANIFEST).is_file() else None
    if not isinstance(found, Product):
        return None
    manifest = found.manifest
    subjects = [
        subject_of(address.domain, address.product, output, manifest) for output in found.outputs
    ]
    return [
        subject.port
        for subject in subjects
        if access.access.decide(principal, subject, "discover").allowed
    ]
