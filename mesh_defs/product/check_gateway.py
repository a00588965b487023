"""Names in the ``gateway:`` of every profile that the mesh does not have: roles and domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.faults import did_you_mean
from mesh_defs.gateway_faults import gateway_path
from mesh_defs.policy.access.entities import subject_of
from mesh_defs.policy.access.literals import entities
from mesh_defs.policy.access.load import load_rules
from mesh_defs.policy.access.principals import ROLE, ROLE_RULE, load_principals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.faults import Fault
    from mesh_defs.gateway_profile import Issuer
    from mesh_defs.product.model import Mesh
    from mesh_defs.settings import Settings
    from mesh_defs.yaml_source import KeyPath


def gateway_name_faults(mesh: Mesh) -> Iterator[Fault]:
    """Every such fault, each on its line. Raises nothing for what a person wrote."""
    named = list(_issuers(mesh.settings))
    if not named:
        return
    domains = [domain.name for domain in mesh.domains]
    roles = _known_roles(mesh, domains)
    for path, issuer in named:
        yield from _role_faults(mesh.settings, path, issuer, roles)
        for value, domain in issuer.domain.map.items() if issuer.domain is not None else ():
            if domain not in domains:
                yield mesh.settings.document.fault(
                    (*path, "domain", "map", value),
                    found=f"unknown domain '{domain}'",
                    allowed=", ".join(domains) or "no domain at all",
                    fix=did_you_mean(domain, domains),
                )


def mapped_roles(settings: Settings) -> set[str]:
    """Every role that an issuer of any profile gives."""
    return {
        role
        for _, issuer in _issuers(settings)
        for roles in (issuer.roles.map.values() if issuer.roles is not None else ())
        for role in roles
    }


def _issuers(settings: Settings) -> Iterator[tuple[KeyPath, Issuer]]:
    for name, profile in settings.every_profile:
        for index, issuer in enumerate(profile.gateway.identity.issuers):
            yield (*gateway_path(name), "identity", "issuers", index), issuer


def _known_roles(mesh: Mesh, domains: Sequence[str]) -> list[str] | None:
    """The roles that contracts, rules and principals name; None when some of them cannot be read
    now, so that nobody knows."""
    principals = load_principals(mesh.root)
    rulebook = load_rules(mesh.root, domains)
    if mesh.broken or principals.faults or any(file.faults for file in rulebook.files):
        return None
    rules = (rule for file in rulebook.files for rule in file.rules)
    named = {name for rule in rules for kind, name in entities(rule) if kind == "Role"}
    promised = {
        role
        for product in mesh.products.values()
        for output in product.outputs
        for role in subject_of(product.domain, product.name, output, product.manifest).roles
    }
    return sorted(named | promised | principals.roles)


def _role_faults(
    settings: Settings, path: KeyPath, issuer: Issuer, known: list[str] | None
) -> Iterator[Fault]:
    for value, roles in issuer.roles.map.items() if issuer.roles is not None else ():
        for role in roles:
            where = (*path, "roles", "map", value)
            if not ROLE.match(role):
                yield settings.document.fault(
                    where, found=f"the role '{role}'", allowed=ROLE_RULE, fix="rename the role"
                )
            elif known is not None and role not in known:
                yield settings.document.fault(
                    where,
                    found=f"the role '{role}', which no contract, rule or principal names",
                    allowed=", ".join(known) or "no role at all",
                    fix=did_you_mean(role, known),
                )
