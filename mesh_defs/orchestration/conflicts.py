"""An asset key belongs to one place. Dagster only warns when two code locations claim one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from mesh_defs.errors import InvalidMesh
from mesh_defs.faults import Fault, relative
from mesh_defs.orchestration.names import PRODUCT, STUB, port_key
from mesh_defs.product.load import FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.product.model import Mesh, Product


def settle(mesh: Mesh, definitions: dg.Definitions) -> dg.Definitions:
    """``definitions`` without stubs of what they define themselves. Raises `InvalidMesh` when a key
    is claimed twice, or belongs to a product that does not make it here."""
    assets = list(definitions.assets or [])
    claims = _claims(assets)
    faults = _faults(mesh, claims)
    if faults:
        raise InvalidMesh(faults)
    kept = []
    stubbed: set[dg.AssetKey] = set()
    for asset in assets:
        if isinstance(asset, dg.AssetSpec) and asset.metadata.get(STUB):
            if asset.key in claims or asset.key in stubbed:
                continue
            stubbed.add(asset.key)
        kept.append(asset)
    return dg.Definitions(
        assets=kept,
        schedules=definitions.schedules,
        sensors=definitions.sensors,
        jobs=definitions.jobs,
        resources=definitions.resources,
        executor=definitions.executor or dg.in_process_executor,
        loggers=definitions.loggers,
        asset_checks=definitions.asset_checks,
        metadata=definitions.metadata,
        component_tree=definitions.component_tree,
    )


def _claims(assets: Sequence[object]) -> dict[dg.AssetKey, list[object]]:
    """Who defines each key, stubs of ours left out."""
    claims: dict[dg.AssetKey, list[object]] = {}
    for asset in assets:
        if isinstance(asset, dg.AssetsDefinition):
            for key in asset.keys:
                claims.setdefault(key, []).append(asset)
        elif isinstance(asset, dg.AssetSpec) and not asset.metadata.get(STUB):
            known = claims.setdefault(asset.key, [])
            # Dagster finds the specs of a package once as its file's and once as the package's.
            known += [] if any(_same(asset, other) for other in known) else [asset]
    return claims


def _same(spec: dg.AssetSpec, other: object) -> bool:
    bare = spec.replace_attributes(metadata={})
    return isinstance(other, dg.AssetSpec) and bare == other.replace_attributes(metadata={})


def _faults(mesh: Mesh, claims: dict[dg.AssetKey, list[object]]) -> list[Fault]:
    owners = {
        port_key(product.identity, port.name): product
        for product in mesh.products.values()
        for port in product.outputs
    }
    faults = []
    for key, claimants in claims.items():
        strangers = [claimant for claimant in claimants if not _is_own(key, claimant, owners)]
        owner = owners.get(key)
        if owner is not None:
            faults += [_fault(mesh.root, key, s, _home(mesh, owner)) for s in strangers if _runs(s)]
        elif len(strangers) > 1:
            first = _place(mesh.root, strangers[0])
            where = f"{first[0]}:{first[1]}" if first[1] else first[0]
            faults += [_fault(mesh.root, key, other, where) for other in strangers[1:]]
    return faults


def _is_own(key: dg.AssetKey, claimant: object, owners: dict[dg.AssetKey, Product]) -> bool:
    owner = owners.get(key)
    if owner is None or not isinstance(claimant, dg.AssetsDefinition):
        return False
    return claimant.metadata_by_key.get(key, {}).get(PRODUCT) == owner.identity


def _runs(claimant: object) -> bool:
    return isinstance(claimant, dg.AssetsDefinition) and claimant.is_executable


def _home(mesh: Mesh, product: Product) -> str:
    return f"{relative(product.folder / FILE, mesh.root)}:{product.line}"


def _fault(root: Path, key: dg.AssetKey, claimant: object, other: str) -> Fault:
    file, line = _place(root, claimant)
    name = key.to_user_string()
    return Fault(
        file,
        line,
        name,
        f"the asset key '{name}' a second time; its place is {other}",
        "each asset key in one place of the mesh",
        "rename this asset, or read the product instead of making it",
    )


def _place(root: Path, claimant: object) -> tuple[str, int]:
    """File and line of a definition, as near as Python can tell."""
    if isinstance(claimant, dg.AssetsDefinition) and claimant.is_executable:
        compute = getattr(claimant.node_def, "compute_fn", None)
        code = getattr(getattr(compute, "decorated_fn", compute), "__code__", None)
        if code is not None:
            return relative(Path(code.co_filename), root), code.co_firstlineno
    return "an asset without code", 0
