"""The mesh's policies and waivers, read from ``mesh.yaml``, the domains and the products."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.faults import nearest
from mesh_defs.policy.access.principals import Principals, load_principals
from mesh_defs.policy.declare import Reader, Written
from mesh_defs.policy.governance import BrokenDeclaration, Governance, Origin
from mesh_defs.policy.registry import FOLDER, Local, local_policies
from mesh_defs.policy.waivers import RefusedWaiver, waiver_faults
from mesh_defs.product.model import Product

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mesh_defs.faults import Fault
    from mesh_defs.policy.waivers import Waiver
    from mesh_defs.product.model import BrokenProduct, Domain
    from mesh_defs.settings import Settings


@dataclass(frozen=True, slots=True)
class Governed:
    """What was read, and what is wrong with it."""

    governance: Governance
    faults: tuple[Fault, ...]


def read_governance(
    settings: Settings, domains: Sequence[Domain], loaded: Sequence[Product | BrokenProduct]
) -> Governed:
    """Read all declarations from the top down, then the waivers of what they declare.

    A declaration that cannot be used stops what it may be about, and a waiver with a fault lets
    nothing pass. Raises nothing for what a person wrote.
    """
    reader = Reader(settings.environments, [domain.name for domain in domains])
    local = {"": local_policies(settings.root / FOLDER, settings.root)}
    for domain in domains:
        found = local_policies(domain.folder / FOLDER, settings.root)
        if found.classes or found.faults:
            local[domain.name] = found
    faults = [fault for each in local.values() for fault in each.faults]
    for written in _all_written(settings, domains, loaded):
        faults += reader.read(written, _seen_from(written.scope, local))
    broken = [*reader.broken, *_unreadable(domains)]
    ids = {d.id for d in reader.declarations} | {b.id for b in broken}
    if any(nearest(str(path[0]), [FOLDER]) for path in settings.lost if len(path) == 1):
        # Which ones there are is not known: what is lost was named so, or was meant to be.
        ids |= {waiver.policy for domain in domains for waiver in domain.waivers}
    waivers, refused = _waivers(settings, domains, loaded, ids)
    governance = Governance(
        tuple(reader.declarations),
        tuple(broken),
        tuple(waivers),
        settings.environment,
        tuple(refused),
    )
    return Governed(governance, (*faults, *(fault for one in refused for fault in one.faults)))


def governed(product: Product, governance: Governance) -> Product:
    """``product`` with a digest that changes with what governs it, so that it is verified again
    when other policies hold."""
    digest = governance.digest(product, datetime.now(UTC))
    if not digest:
        return product
    both = hashlib.sha256(f"{product.digest} {digest}".encode()).hexdigest()
    return replace(product, digest=both)


def _all_written(
    settings: Settings, domains: Iterable[Domain], loaded: Iterable[Product | BrokenProduct]
) -> Iterable[Written]:
    """What was written on each level, those above first."""
    yield settings.written_policies
    for domain in domains:
        if domain.policies is not None:
            yield domain.policies
    for product in loaded:
        if isinstance(product, Product) and product.policies is not None:
            yield product.policies


def _seen_from(scope: str, local: dict[str, Local]) -> dict[str, Local]:
    """The ``policies/`` folders that a file of ``scope`` sees: the mesh's, and its domain's."""
    domain = scope.partition("/")[0]
    return {name: found for name, found in local.items() if name in ("", domain)}


def _unreadable(domains: Iterable[Domain]) -> Iterable[BrokenDeclaration]:
    """Domains whose file cannot be read and speaks of policies: which ones is not known."""
    for domain in domains:
        if domain.unread_policies:
            first = domain.unread_policies[0]
            origin = Origin(first.file, first.line, "domain")
            yield BrokenDeclaration(
                f"policies_of_{domain.name}", domain.name, domain.unread_policies, origin
            )


def _waivers(
    settings: Settings,
    domains: Iterable[Domain],
    loaded: Iterable[Product | BrokenProduct],
    ids: Iterable[str],
) -> tuple[list[Waiver], list[RefusedWaiver]]:
    ports: dict[str, dict[str, dict[str, tuple[str, ...]]]] = {}
    owners: dict[str, str] = {}
    for product in loaded:
        known: dict[str, tuple[str, ...]] = {}
        if isinstance(product, Product):
            owners[product.identity] = product.manifest.owner
            known = {o.name: tuple(c.name for c in o.promise.columns) for o in product.outputs}
        ports.setdefault(product.domain, {})[product.name] = known
    today = datetime.now(UTC).date()
    sound: list[Waiver] = []
    refused: list[RefusedWaiver] = []
    principals = load_principals(settings.root) if any(d.waivers for d in domains) else Principals()
    for domain in domains:
        for waiver in domain.waivers:
            wrong = waiver_faults(
                waiver,
                settings.waiver_rules,
                ids,
                ports.get(domain.name, {}),
                {domain.owner, owners.get(waiver.identity, "")},
                principals,
                today,
            )
            if wrong:
                refused.append(RefusedWaiver(waiver, tuple(wrong)))
            else:
                sound.append(waiver)
    return sound, refused
