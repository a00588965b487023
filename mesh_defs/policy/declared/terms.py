"""Under which terms a product may be used, and where its data may lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.policy.declared.places import contract_file, manifest_file
from mesh_defs.policy.model import DeclaredPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.model import Mesh, OutputPort, Product


class TermsOfUse(DeclaredPolicy):
    """A product states its licence and the purposes that it may be used for."""

    purposes: list[str] | None = parameter(
        None, stricter="fewer", description="purposes that the mesh knows (default: any)"
    )
    licences: list[str] | None = parameter(
        None, stricter="fewer", description="licences that are allowed (default: any)"
    )

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding for the licence, one for no purpose, one per unknown purpose."""
        for message, fix in self._problems(product):
            yield Finding(message, fix, file=manifest_file(product, mesh), line=product.line)

    def _problems(self, product: Product) -> Iterator[tuple[str, str]]:
        licence, purposes = product.manifest.licence, product.manifest.purposes
        if not licence:
            yield "no licence is stated", "add 'licence:', such as CC0-1.0 or 'internal use'"
        elif self.licences is not None and licence not in self.licences:
            yield f"the licence '{licence}' is not allowed", f"use {', '.join(self.licences)}"
        if not purposes:
            known = f", of {', '.join(self.purposes)}" if self.purposes else ""
            yield (
                "no permitted purpose is stated",
                f"add 'purposes:' with those it may serve{known}",
            )
        for purpose in purposes:
            if self.purposes is not None and purpose not in self.purposes:
                yield (
                    f"the purpose '{purpose}' is not one that the mesh knows",
                    f"use {', '.join(self.purposes)}",
                )


class DataResidency(DeclaredPolicy):
    """Data lies in a region that its classification permits."""

    regions: dict[str, list[str]] = parameter(
        {},
        stricter="fewer",
        description="regions by classification; one that is not named may lie anywhere",
    )

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per port whose most protected columns lie in a region they may not lie in."""
        region = mesh.settings.profile.storage.get("region")
        for output in product.outputs:
            for classification in _classifications(output):
                allowed = self.regions.get(classification)
                if allowed is None or region in allowed:
                    continue
                column = next(
                    c for c in output.promise.columns if c.classification == classification
                )
                where = f"lies in {region}" if region else "lies where no region is named"
                yield Finding(
                    f"the column '{column.name}' is {classification} and {where}",
                    fix=f"store it in {', '.join(allowed)} ('region:' of the profile's storage)",
                    port=output.name,
                    column=column.name,
                    file=contract_file(output, mesh),
                    line=column.line,
                )


def _classifications(output: OutputPort) -> list[str]:
    """The classifications of a port's columns, most protected first."""
    present = {column.classification for column in output.promise.columns}
    return [name for name in reversed(CLASSIFICATIONS) if name in present]
