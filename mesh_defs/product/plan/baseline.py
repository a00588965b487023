"""What the working tree is compared with: the published interfaces, or those of a git revision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.errors import InvalidMesh, MeshError
from mesh_defs.policy.compatibility.declared import declared_interface
from mesh_defs.product.interface import published_interface
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.load import DOMAINS, FILE, load_product
from mesh_defs.product.model import Product
from mesh_defs.product.plan.revision import mesh_at
from mesh_defs.product.stores import product_store, stored_products
from mesh_defs.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mesh_defs.policy.compatibility.model import Interface
    from mesh_defs.product.model import Mesh
    from mesh_defs.settings import Settings


@dataclass(frozen=True, slots=True)
class Baseline:
    """Interfaces by product; ``problems`` has those that cannot be read. ``same`` are the products
    whose manifest, contracts and code are as they were. ``name`` says in words what it is."""

    name: str
    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    same: frozenset[str] = frozenset()
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def products(self) -> set[str]:
        """All products that were there."""
        return {*self.interfaces, *self.problems}


def published_baseline(mesh: Mesh, tell: Callable[[str], None]) -> Baseline:
    """The newest published version of every product, declared or not."""
    interfaces: dict[str, Interface] = {}
    same: set[str] = set()
    problems: dict[str, str] = {}
    tell("reading what is published")
    for domain, name in stored_products(mesh.settings):
        identity = f"{domain}/{name}"
        product = mesh.products.get(identity)
        known = [output.contract for output in product.outputs] if product is not None else []
        try:
            found = published_interface(mesh.settings, domain, name, known)
            record = Ledger(product_store(mesh.settings, domain, name)).latest()
        except MeshError as error:
            problems[identity] = str(error)
            continue
        if found is not None and record is not None:
            interfaces[identity] = found
            if product is not None and product.digest == record.digest:
                same.add(identity)
    return Baseline("what is published", interfaces, frozenset(same), problems)


def revision_baseline(mesh: Mesh, revision: str, tell: Callable[[str], None]) -> Baseline:
    """Every product as it was declared at a git ``revision``. Raises `MeshError`."""
    tell(f"reading the mesh at {revision}")
    with mesh_at(mesh.root, revision) as (root, name):
        try:
            settings = load_settings(root, mesh.settings.profile_name)
        except InvalidMesh as error:
            raise MeshError(f"the mesh at {name} cannot be read: {error}") from None
        return _declared_at(mesh, settings, name)


def _declared_at(mesh: Mesh, settings: Settings, name: str) -> Baseline:
    interfaces: dict[str, Interface] = {}
    same: set[str] = set()
    problems: dict[str, str] = {}
    for file in sorted((settings.root / DOMAINS).glob(f"*/*/{FILE}")):
        product = load_product(file.parent, settings)
        if isinstance(product, Product):
            interfaces[product.identity] = declared_interface(product, name)
            # A folder by itself, as here: the mesh adds to the digest what governs a product.
            now = load_product(mesh.root / DOMAINS / product.identity, mesh.settings)
            if isinstance(now, Product) and now.digest == product.digest:
                same.add(product.identity)
        else:
            problems[product.identity] = f"it was broken at {name}: {product.faults[0]}"
    return Baseline(name, interfaces, frozenset(same), problems)
