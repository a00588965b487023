"""What is wrong with the key ``access`` of manifests: domains, roles and purposes there are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import did_you_mean, relative
from mesh_defs.policy.access.entities import subject_of
from mesh_defs.policy.access.principals import load_principals
from mesh_defs.product.envelope import SMALLEST_PRODUCT
from mesh_defs.yaml_source import read_documents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.faults import Fault
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.yaml_source import Document, KeyPath


def offer_faults(mesh: Mesh) -> Iterator[Fault]:
    """Every such fault, each on its line."""
    declared: set[str] | None = None
    for product in mesh.products.values():
        offer = product.manifest.access
        if not offer.auto_approve:
            continue
        if declared is None:
            declared = set(load_principals(mesh.root).roles)
            declared |= _mapped(mesh)
        file = product.folder / "defs.yaml"
        documents, _ = read_documents(file, relative(file, mesh.root), smallest=SMALLEST_PRODUCT)
        if documents:
            yield from _product_faults(mesh, product, documents[0], declared)


def _mapped(mesh: Mesh) -> set[str]:
    """Roles that issuers of tokens tell of."""
    issuers = mesh.settings.profile.gateway.identity.issuers
    return {
        role
        for issuer in issuers
        if issuer.roles is not None
        for roles in issuer.roles.map.values()
        for role in roles
    }


def _product_faults(
    mesh: Mesh, product: Product, document: Document, declared: set[str]
) -> Iterator[Fault]:
    own = {role for output in product.outputs for role in _roles(product, output.name)}
    known = {
        "domains": sorted(domain.name for domain in mesh.domains),
        "roles": sorted(declared | own),
        "may_grant": sorted(own),
        "purposes": product.manifest.purposes,
    }
    for index, rule in enumerate(product.manifest.access.auto_approve):
        for key, names in known.items():
            written: Sequence[str] = getattr(rule, key) or ()
            path: KeyPath = ("attributes", "access", "auto_approve", index, key)
            yield from _unknown(document, path, key, written, names)


def _roles(product: Product, port: str) -> tuple[str, ...]:
    """The roles that a port's contract names."""
    output = product.output(port)
    return subject_of(product.domain, product.name, output, product.manifest).roles


_WORDS = {
    "domains": ("domain", "a domain of the mesh"),
    "roles": ("role", "a role of the contract, of principals.yaml or of an issuer"),
    "may_grant": ("role", "a role that the contract names"),
    "purposes": ("purpose", "a purpose that 'purposes' of the product names"),
}


def _unknown(
    document: Document, path: KeyPath, key: str, written: Sequence[str], known: Sequence[str]
) -> Iterator[Fault]:
    word, allowed = _WORDS[key]
    for index, name in enumerate(written):
        if name not in known:
            listed = f"{allowed}: {', '.join(known)}" if known else f"{allowed} (there is none)"
            yield document.fault(
                (*path, index),
                found=f"unknown {word} '{name}'",
                allowed=listed,
                fix=did_you_mean(name, known),
            )
