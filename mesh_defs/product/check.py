"""Everything that can be known to be wrong before anything runs, grouped by whose it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh_defs.faults import Fault, relative
from mesh_defs.product.check_access import access_faults
from mesh_defs.product.check_dbt import dbt_faults
from mesh_defs.product.check_gateway import gateway_name_faults
from mesh_defs.product.check_offers import offer_faults
from mesh_defs.product.check_policies import policy_faults
from mesh_defs.product.check_rules import rule_faults, rule_warnings
from mesh_defs.product.check_sql import file_faults
from mesh_defs.product.check_training import training_faults
from mesh_defs.product.load import DOMAINS, read_mesh
from mesh_defs.product.misnamed import misnamed
from mesh_defs.product.misplaced import misplaced
from mesh_defs.product.prepare import hook_faults
from mesh_defs.settings import FILE as MESH_FILE
from mesh_defs.settings import read_settings
from mesh_defs.workspace import read_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mesh_defs.product.model import BrokenProduct, Mesh, Product

_READS_NOTHING: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 1,
}


@dataclass(frozen=True, slots=True)
class Findings:
    """The result of a check. ``groups`` has all faults by whose they are: a product's URL, a
    domain's folder or a file of the mesh; ``products`` counts the products that were looked at.
    ``warnings`` are what policies find that stops nothing, and rules of a low severity that cannot
    be run."""

    groups: Mapping[str, tuple[Fault, ...]]
    products: int
    warnings: Mapping[str, tuple[Fault, ...]] = field(default_factory=dict)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All faults, in the order of their files and lines."""
        return tuple(sorted(fault for group in self.groups.values() for fault in group))


def check_mesh(root: Path, profile: str | None = None, only: str | None = None) -> Findings:
    """Check the mesh below ``root``.

    ``only`` limits the answer to one file or folder, as a path relative to ``root``. Raises nothing
    for what a person wrote.
    """
    settings, faults = read_settings(root, profile)
    if settings is None:
        return Findings({MESH_FILE: tuple(sorted(faults))}, 0)
    findings = check_loaded(read_mesh(settings), only)
    if not faults:
        return findings
    # They are in the way of everything, whatever the answer is limited to.
    both = sorted({*faults, *findings.groups.get(MESH_FILE, ())})
    return replace(findings, groups={**findings.groups, MESH_FILE: tuple(both)})


def check_loaded(mesh: Mesh, only: str | None = None) -> Findings:
    """As `check_mesh`, for a mesh that was read already."""
    faults = [*mesh.faults, *_code_faults(mesh)]
    faults += [*misplaced(mesh), *misnamed(mesh)]
    faults += read_workspace(mesh.root, [domain.name for domain in mesh.domains])[1]
    faults += hook_faults(mesh.settings)
    faults += access_faults(mesh)
    faults += dbt_faults(mesh)
    faults += offer_faults(mesh)
    faults += gateway_name_faults(mesh)
    faults += training_faults(mesh)
    stopping, warning = policy_faults(mesh)
    owners = _Owners(mesh)
    groups = owners.grouped([*faults, *stopping], only)
    looked_at = [p for p in _all(mesh) if only is None or _meet(_folder(mesh, p), only)]
    return Findings(groups, len(looked_at), owners.grouped([*warning, *rule_warnings(mesh)], only))


def _all(mesh: Mesh) -> list[Product | BrokenProduct]:
    return [*mesh.products.values(), *mesh.broken.values()]


def _folder(mesh: Mesh, product: Product | BrokenProduct) -> str:
    return relative(product.folder, mesh.root)


def _meet(one: str, other: str) -> bool:
    """Whether one of two relative paths lies inside the other, or they are the same."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


class _Owners:
    """Whose a fault is: that of the product or domain in whose folder its file lies, or which found
    it (a file elsewhere, such as a dbt project). A cycle is a fault of each of its products."""

    def __init__(self, mesh: Mesh) -> None:
        self.folders = {_folder(mesh, p): f"mesh://{p.identity}" for p in _all(mesh)}
        self.found_by: dict[Fault, list[str]] = {}
        for product in mesh.broken.values():
            for fault in product.faults:
                self.found_by.setdefault(fault, []).append(_folder(mesh, product))
        # A policy that cannot be used is in the way of everything below who declared it.
        self.stops = {
            fault: f"{DOMAINS}/{broken.scope}" if broken.scope else ""
            for broken in mesh.governance.broken
            for fault in broken.faults
        }

    def _homes(self, fault: Fault) -> list[str]:
        """The folders of the products whose fault it is, first the one that is shown with it."""
        parts = fault.file.split("/")
        inside = "/".join(parts[:3])
        own = [inside] if parts[0] == DOMAINS and inside in self.folders else []
        return [*own, *self.found_by.get(fault, ())]

    def owner(self, fault: Fault) -> str:
        homes = self._homes(fault)
        if homes:
            return self.folders[homes[0]]
        parts = fault.file.split("/")
        return "/".join(parts[:2]) if parts[0] == DOMAINS and len(parts) > 1 else parts[0]

    def grouped(self, faults: Iterable[Fault], only: str | None) -> dict[str, tuple[Fault, ...]]:
        """Those of ``faults`` that concern ``only``, each once, by whose they are."""
        groups: dict[str, list[Fault]] = {}
        for fault in sorted(set(faults)):
            if only is None or self.concerns(fault, only):
                groups.setdefault(self.owner(fault), []).append(fault)
        return {name: tuple(found) for name, found in groups.items()}

    def concerns(self, fault: Fault, only: str) -> bool:
        homes = self._homes(fault) or [fault.file]
        if fault in self.stops:
            homes = [*homes, self.stops[fault] or only]
        return any(_meet(home, only) for home in homes)


def _code_faults(mesh: Mesh) -> list[Fault]:
    """Faults in the SQL of products and in the rules of their contracts."""
    if not mesh.products and not mesh.broken:
        return []
    import duckdb

    # Nothing that a person wrote is run on it, and if it were it could reach nothing.
    with duckdb.connect(config=_READS_NOTHING) as connection:
        return [*file_faults(mesh, connection), *rule_faults(mesh, connection)]
