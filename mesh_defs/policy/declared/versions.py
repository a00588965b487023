"""Versions that tell consumers what a change does to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.errors import CorruptRecord
from mesh_defs.policy.compatibility.compare import compare_interfaces
from mesh_defs.policy.compatibility.declared import declared_interface
from mesh_defs.policy.declared.places import contract_file, manifest_file
from mesh_defs.policy.model import DeclaredPolicy, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.compatibility.model import Change, Comparison, Shortfall
    from mesh_defs.product.model import Mesh, Product

_SHOWN = 3


class VersionRaised(DeclaredPolicy):
    """The semantic versions of manifest and contract are raised as much as the change of the
    contract since the published version demands.

    What has no published version has nothing to be compared with; its contracts have a semantic
    version all the same. Before 1.0.0 any higher version will do (https://semver.org, item 4).
    """

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per version that is too low, or one when the published contract is gone (so
        that a waiver can let the next version pass). Raises `MeshError` for other records that
        cannot be read."""
        try:
            before = mesh.published_interface(product)
        except CorruptRecord as error:
            reason, _, fix = str(error).partition(" Fix: ")
            yield Finding(reason, fix or None, file=manifest_file(product, mesh), line=product.line)
            return
        comparison = compare_interfaces(before, declared_interface(product))
        for shortfall in comparison.shortfalls:
            yield _finding(shortfall, comparison, product, mesh)


def _finding(shortfall: Shortfall, comparison: Comparison, product: Product, mesh: Mesh) -> Finding:
    if shortfall.of == "manifest":
        file, line = manifest_file(product, mesh), product.line
    else:
        file, line = contract_file(product.output(shortfall.port), mesh), 0
    listed = _listed([c for c in comparison.changes if c.level == comparison.level])
    wanted = shortfall.wanted
    return Finding(
        f"{shortfall.message}{f' ({listed})' if listed else ''}",
        fix=f"write 'version: {wanted}' in {file}, or take the change back; "
        f"mesh plan mesh://{product.identity} shows every change and whom it touches"
        if wanted is not None
        else f"write a semantic version such as 1.0.0 in {file}",
        port=shortfall.port,
        file=file,
        line=line,
    )


def _listed(changes: list[Change]) -> str:
    words = [f"{c.column or 'the port'}: {c.reason.partition(':')[0]}" for c in changes[:_SHOWN]]
    more = len(changes) - _SHOWN
    return "; ".join(words) + (f" and {more} more" if more > 0 else "")
