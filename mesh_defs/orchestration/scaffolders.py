"""``dg scaffold defs mesh_defs.DataProduct <domain>/<product>`` and its like for domains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster.components import Scaffolder, ScaffoldRequest
from dagster.components.scaffold.scaffold import NoParams

from mesh_defs.errors import MeshError
from mesh_defs.product.scaffold import scaffold_domain, scaffold_product
from mesh_defs.settings import find_root

if TYPE_CHECKING:
    from pathlib import Path


class ProductScaffolder(Scaffolder):
    """Writes a manifest, a contract and a query that run at once."""

    def scaffold(self, request: ScaffoldRequest[NoParams]) -> None:
        """Fill the folder that was asked for, and its domain's when that is new. Raises
        `MeshError` for a folder that is not ``domains/<domain>/<product>``."""
        root, (domain, product) = _place(request.target_path, 2, "domains/<domain>/<product>")
        scaffold_product(root, domain, product)


class DomainScaffolder(Scaffolder):
    """Writes a domain's ``defs.yaml`` and its entry in ``workspace.yaml``."""

    def scaffold(self, request: ScaffoldRequest[NoParams]) -> None:
        """Fill the folder that was asked for. Raises `MeshError`."""
        root, (domain,) = _place(request.target_path, 1, "domains/<domain>")
        scaffold_domain(root, domain)


def _place(target: Path, depth: int, form: str) -> tuple[Path, tuple[str, ...]]:
    folder = target.resolve()
    root = find_root(folder)
    home = root / "domains"
    parts = folder.relative_to(home).parts if folder.is_relative_to(home) else ()
    if len(parts) != depth:
        raise MeshError(
            f"'{folder}' is not of the form {form}; name {form.removeprefix('domains/')}"
        )
    return root, parts
