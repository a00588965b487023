"""Code locations: the definitions of one domain, or of all, whatever is broken in them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg
from dagster._record import record
from dagster.components.core.decl import (
    ComponentDecl,
    build_filesystem_component_decl_from_context,
)
from dagster.components.core.defs_module import ComponentPath

from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault, relative
from mesh_defs.orchestration.broken import broken_spec
from mesh_defs.orchestration.conflicts import settle
from mesh_defs.orchestration.domain import domain_definitions
from mesh_defs.orchestration.meshes import domain_module, mesh_of
from mesh_defs.orchestration.product_defs import product_definitions
from mesh_defs.product.load import FILE

if TYPE_CHECKING:
    from pathlib import Path

    from mesh_defs.product.model import Domain, Mesh


@record(checked=False)
class PartTree(dg.ComponentTree):
    """The components below ``start`` alone, so that they can be built when others cannot."""

    start: Path

    @cached_property
    def part(self) -> ComponentDecl[dg.Component] | None:
        """What Dagster finds at ``start``; None when it is nothing for Dagster."""
        context = self.decl_load_context.for_component_loc(ComponentPath.from_path(self.start))
        return build_filesystem_component_decl_from_context(context)

    def _get_filesystem_decl(self) -> ComponentDecl[dg.Component]:
        if self.part is None:
            raise ValueError(f"nothing to load in {self.start}")
        return self.part


def location(domain: str, root: Path | None = None) -> dg.Definitions:
    """The definitions of one domain, its own code location.

    What cannot be read is shown as broken and the rest works. Raises `InvalidMesh` when
    ``mesh.yaml`` is broken or the domain claims an asset key of another place.
    """
    mesh = mesh_of(root)
    declared = next(d for d in mesh.domains if d.name == domain)
    return settle(mesh, _build(mesh, declared))


def every_location(root: Path | None = None) -> dg.Definitions:
    """All domains in one: for ``dg`` and for running products in process. A domain that cannot be
    loaded at all is shown as one broken asset."""
    mesh = mesh_of(root)
    parts: list[dg.Definitions] = []
    for domain in mesh.domains:
        try:
            parts.append(_without_tree(location(domain.name, mesh.root)))
        except Exception as error:  # noqa: BLE001  a domain's own code may raise anything
            parts.append(_broken_part(mesh, domain.name, domain.folder, error))
    return settle(mesh, dg.Definitions.merge(*parts))


def _build(mesh: Mesh, domain: Domain) -> dg.Definitions:
    # Without owner the domain's own file is broken, and would hide what lies below it.
    if domain.owner:
        try:
            module = domain_module(mesh.root, domain.name)
            tree = dg.ComponentTree.from_module(module, mesh.root)
            # Not tree.build_defs(): that adds the documentation of every installed component, and
            # imports dbt and others in each process (4 s).
            definitions = tree.build_defs_at_path(ComponentPath.from_path(tree.defs_module_path))
            return dg.Definitions.merge(definitions, dg.Definitions(component_tree=tree))
        except Exception:  # noqa: BLE001  whatever it is, the parts show where
            return _in_parts(mesh, domain)
    return _in_parts(mesh, domain)


def _in_parts(mesh: Mesh, domain: Domain) -> dg.Definitions:
    """The domain part by part: Dagster reads a domain as a whole, so that one file which is no YAML
    stops all of it before any component of ours is asked."""
    parts = [domain_definitions(mesh, domain.name, frozenset({domain.name}))]
    for child in sorted(domain.folder.iterdir()):
        product = _product_in(mesh, domain.name, child)
        if product is not None:
            parts.append(product)
        elif child.name[0] not in "._" and child.name != FILE:
            parts.append(_other(mesh, domain, child))
    return dg.Definitions.merge(*parts)


def _product_in(mesh: Mesh, domain: str, folder: Path) -> dg.Definitions | None:
    identity = f"{domain}/{folder.name}"
    product = mesh.products.get(identity) or mesh.broken.get(identity)
    if product is None:
        return None
    try:
        return product_definitions(mesh, product)
    except Exception as error:  # noqa: BLE001  one product that Dagster refuses is one product
        return _broken_part(mesh, domain, folder, error)


def _other(mesh: Mesh, domain: Domain, child: Path) -> dg.Definitions:
    """Plain Dagster definitions and other components in the domain's folder."""
    if not child.is_dir() and child.suffix != ".py":
        return dg.Definitions()
    try:
        module = domain_module(mesh.root, domain.name)
        tree = PartTree(defs_module=module, project_root=mesh.root, start=child)
        if tree.part is None:
            return dg.Definitions()
        return _without_tree(tree.build_defs_at_path(ComponentPath.from_path(child)))
    except Exception as error:  # noqa: BLE001  a domain's own code may raise anything
        return _broken_part(mesh, domain.name, child, error)


def _broken_part(mesh: Mesh, domain: str, path: Path, error: Exception) -> dg.Definitions:
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    found = " ".join(f"{type(cause).__name__}: {cause}".split())
    file = relative(path, mesh.root)
    fault = Fault(file, 0, "", found, "definitions that Dagster can load", f"mend {file}")
    faults = cause.faults if isinstance(cause, InvalidMesh) else (fault,)
    names = [domain] if path.name == domain else [domain, path.stem]
    return dg.Definitions(
        assets=[
            broken_spec(dg.AssetKey(names), f"{file} is broken", faults, mesh.root, group=domain)
        ]
    )


def _without_tree(definitions: dg.Definitions) -> dg.Definitions:
    """The same definitions without their component tree: only one may be in a merged whole."""
    return dg.Definitions(
        assets=definitions.assets,
        schedules=definitions.schedules,
        sensors=definitions.sensors,
        jobs=definitions.jobs,
        resources=definitions.resources,
        executor=definitions.executor,
        loggers=definitions.loggers,
        asset_checks=definitions.asset_checks,
        metadata=definitions.metadata,
    )
