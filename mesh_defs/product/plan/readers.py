"""Who may read what a change takes away or bends: the people, services and agents of the mesh to
whom the rules of access grant it. Programs outside of the mesh leave no lineage."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from mesh_defs.policy.access.entities import subject_of
from mesh_defs.policy.access.principals import ANONYMOUS
from mesh_defs.product.access import MeshAccess
from mesh_defs.product.model import OutputPort
from mesh_defs.product.plan.consumers import EVERYTHING, changed_columns
from mesh_defs.product.plan.model import Holder, Holders

if TYPE_CHECKING:
    from mesh_defs.policy.access.decision import Decision
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.policy.compatibility.model import Comparison, Interface, PortInterface
    from mesh_defs.product.model import Mesh


class Grants:
    """Finds the holders of grants on changed columns."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh

    @cached_property
    def _reads(self) -> MeshAccess:
        return MeshAccess(self.mesh.settings)

    def holders(self, identity: str, comparison: Comparison, before: Interface | None) -> Holders:
        """Who may read, under the contract before, what changed for readers since."""
        if before is None:
            return Holders()
        seen: dict[str, list[str]] = {}
        roles: dict[str, tuple[str, ...]] = {}
        changed = {
            port.port: changed_columns(port.changes, _columns(before, port.port))
            for port in comparison.ports
        }
        for name, columns in changed.items():
            if not columns or name not in before.ports:
                continue
            for principal in (ANONYMOUS, *self._reads.principals):
                decision = self._decide(identity, name, before.ports[name], principal)
                granted = _seen(name, columns, decision)
                if granted:
                    seen.setdefault(str(principal), []).extend(granted)
                    roles[str(principal)] = principal.roles
        if not any(changed.values()):
            return Holders()
        faults = self._reads.principals.faults
        problem = f"who may read it is not known: {faults[0]}" if faults else None
        found = tuple(Holder(who, roles[who], tuple(what)) for who, what in seen.items())
        return Holders(found, problem)

    def _decide(
        self, identity: str, name: str, port: PortInterface, principal: Principal
    ) -> Decision:
        domain, _, product = identity.partition("/")
        declared = self.mesh.products.get(identity)
        manifest = declared.manifest if declared is not None else None
        output = OutputPort(name, port.contract, port.promise, "snapshot")
        subject = subject_of(domain, product, output, manifest)
        # Who may read it for some purpose holds it: limits of purpose are not asked here.
        columns = tuple(replace(column, purposes=None) for column in subject.columns)
        subject = replace(subject, columns=columns)
        return self._reads.access.decide(principal, subject)


def _columns(before: Interface, port: str) -> list[str]:
    found = before.ports.get(port)
    return [column.name for column in found.promise.columns] if found is not None else []


def _seen(port: str, columns: list[str], decision: Decision) -> list[str]:
    """What of the changed columns is seen, as ``<port>#<column>`` or ``<port>``."""
    if not decision.allowed:
        return []
    if EVERYTHING in columns:
        return [port]
    found = [(name, decision.column(name)) for name in columns]
    return [f"{port}#{name}" for name, each in found if each is not None and each.grants]
