"""The component ``mesh_defs.Domain``: what the products of one domain share in Dagster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from mesh_defs.orchestration.meshes import mesh_of
from mesh_defs.orchestration.names import input_key, port_keys
from mesh_defs.orchestration.partitions import cadence, partitions_of
from mesh_defs.orchestration.scaffolders import DomainScaffolder
from mesh_defs.orchestration.schemas import AnyDomain
from mesh_defs.orchestration.sensors import automation_sensor, sources_sensor
from mesh_defs.orchestration.specs import input_stub
from mesh_defs.product.load import DOMAINS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition as UnresolvedJob,
    )
    from pydantic import BaseModel

    from mesh_defs.product.model import Mesh, Product


@dg.scaffold_with(DomainScaffolder)
class Domain(dg.Component):
    """A business domain: who owns it and what it is for.

    It brings what its products share: stubs of what other code locations make, the sensor that
    evaluates their conditions, the sensor that watches their operational sources, and a job.
    """

    def __init__(self, mesh: Mesh, name: str, loaded: frozenset[str]) -> None:
        self.mesh = mesh
        self.name = name
        self.loaded = loaded

    @classmethod
    def get_model_cls(cls) -> type[BaseModel] | None:
        """The domain manifest's schema, without its validation: ``mesh check`` is strict."""
        return AnyDomain

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """What the component produces, for Dagster's pickers."""
        return dg.ComponentTypeSpec(tags=["data mesh"], produces=["asset", "sensor", "job"])

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Domain:
        """The domain whose folder ``context`` is in."""
        del attributes
        mesh = mesh_of(context.path)
        alone = context.defs_module_path.parent == mesh.root / DOMAINS
        name = context.path.name
        loaded = {name} if alone else {domain.name for domain in mesh.domains}
        return cls(mesh, name, frozenset(loaded))

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Stubs, sensors and the job; see `domain_definitions`."""
        del context
        return domain_definitions(self.mesh, self.name, self.loaded)


def domain_definitions(mesh: Mesh, domain: str, loaded: frozenset[str]) -> dg.Definitions:
    """What the products of ``domain`` share, when the code location holds the domains ``loaded``.

    A stub that several loaded domains need is the first one's: a key stands once in a location.
    """
    products = mesh.in_domain(domain)
    if not products:
        return dg.Definitions(assets=stubs(mesh, domain, loaded))
    return dg.Definitions(
        assets=stubs(mesh, domain, loaded),
        jobs=domain_jobs(domain, products),
        sensors=[automation_sensor(domain, products), sources_sensor(mesh, domain, products)],
    )


def stubs(mesh: Mesh, domain: str, loaded: frozenset[str]) -> list[dg.AssetSpec]:
    """External assets for the inputs of ``domain`` that no loaded domain makes."""
    found: dict[dg.AssetKey, dg.AssetSpec] = {}
    for product in mesh.in_domain(domain):
        for port in product.inputs:
            key = input_key(mesh, port)
            wanted = key not in found and _is_foreign(mesh, key, loaded)
            if wanted and min(_users(mesh, key, loaded)) == domain:
                found[key] = input_stub(mesh, product, port.name)
    return list(found.values())


def _is_foreign(mesh: Mesh, key: dg.AssetKey, loaded: frozenset[str]) -> bool:
    identity = "/".join(key.path[:2])
    known = len(key.path) == 3 and (identity in mesh.products or identity in mesh.broken)
    return not (known and key.path[0] in loaded)


def _users(mesh: Mesh, key: dg.AssetKey, loaded: frozenset[str]) -> Iterable[str]:
    return (
        product.domain
        for product in mesh.products.values()
        if product.domain in loaded and any(input_key(mesh, p) == key for p in product.inputs)
    )


def domain_jobs(domain: str, products: Iterable[Product]) -> list[UnresolvedJob]:
    """The job ``<domain>`` runs everything in the domain. Dagster allows one kind of partition in a
    job, so products of further ones have jobs of their own: ``<domain>__day_from_20230101``."""
    whole: list[dg.AssetKey] = []
    parted: dict[dg.TimeWindowPartitionsDefinition, list[dg.AssetKey]] = {}
    for product in products:
        partitions = partitions_of(product)
        keys = whole if partitions is None else parted.setdefault(partitions, [])
        keys += port_keys(product)
    periods = sorted(parted, key=cadence)
    whole += parted[periods[0]] if periods else []
    jobs = [_job(domain, f"Runs every product of {domain}.", whole)]
    for partitions in periods[1:]:
        name = cadence(partitions)
        text = f"Runs the products of {domain} by {name}."
        jobs.append(_job(f"{domain}__{name}", text, parted[partitions]))
    return jobs


def _job(name: str, description: str, keys: list[dg.AssetKey]) -> UnresolvedJob:
    selection = dg.AssetSelection.assets(*keys)
    return dg.define_asset_job(name, selection=selection, description=description)
