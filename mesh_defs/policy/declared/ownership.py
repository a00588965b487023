"""Who answers for a product can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.declared.places import manifest_file
from mesh_defs.policy.model import DeclaredPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.model import Mesh, Product

_NOBODY = ("noreply", "no-reply", "donotreply", "nobody", "todo", "changeme", "someone", "unknown")


class OwnerReachable(DeclaredPolicy):
    """The owner of a product and of its domain is an address or a team of this organisation, where
    somebody answers."""

    mail_domains: list[str] | None = parameter(
        None,
        stricter="fewer",
        description="mail domains that are the organisation's (default: any)",
    )
    teams: list[str] | None = parameter(
        None, stricter="fewer", description="teams that there are (default: any)"
    )

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per owner who cannot be reached."""
        file = manifest_file(product, mesh)
        problem = self._problem(product.manifest.owner)
        if problem is not None:
            yield Finding(
                f"the owner '{product.manifest.owner}' {problem[0]}",
                fix=problem[1],
                file=file,
                line=product.line,
            )
        for domain in mesh.domains:
            if domain.name != product.domain or not domain.owner:
                continue
            problem = self._problem(domain.owner)
            if problem is not None:
                yield Finding(
                    f"the domain's owner '{domain.owner}' {problem[0]}",
                    fix=problem[1],
                    file=f"domains/{domain.name}/defs.yaml",
                    line=1,
                )

    def _problem(self, owner: str) -> tuple[str, str] | None:
        """What is wrong with ``owner``, and the fix."""
        if owner.startswith("team:"):
            team = owner.removeprefix("team:")
            if self.teams is not None and team not in self.teams:
                return "is no known team", f"name one of {', '.join(self.teams) or 'none'}"
            return None
        name, _, host = owner.lower().partition("@")
        if name.split("+")[0] in _NOBODY:
            return "is an address where nobody answers", "name a person or a team that answers"
        known = self.mail_domains
        if known is not None and host not in [each.lower() for each in known]:
            return "is outside of the organisation", f"use an address of {', '.join(known)}"
        return None
