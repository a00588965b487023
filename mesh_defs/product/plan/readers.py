"""Who may read what a change takes away or bends: the people, services and agents of the mesh to
whom the rules of access, or an access grant, give it. Programs outside of the mesh leave no
lineage."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from mesh_defs.policy.access.decision import Approved
from mesh_defs.policy.access.entities import subject_of
from mesh_defs.policy.access.principals import ANONYMOUS
from mesh_defs.product.access import MeshAccess
from mesh_defs.product.model import OutputPort
from mesh_defs.product.plan.consumers import EVERYTHING, changed_columns
from mesh_defs.product.plan.model import Holder, Holders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.policy.access.decision import Decision
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.policy.compatibility.model import Comparison, Interface, PortInterface
    from mesh_defs.product.model import Mesh


@dataclass(frozen=True, slots=True)
class Held:
    """An access grant that is in force: who holds it, its id, the role that it carries, its last
    day (ISO)."""

    principal: str
    id: str
    role: str | None
    until: str


# The access grants in force on a port, by ``<domain>/<product>`` and the port's name.
HeldOn = Callable[[str, str], Iterable[Held]]


def nobody(_identity: str, _port: str) -> Iterable[Held]:
    """No grant: the mesh has no gateway yet."""
    return ()


class Grants:
    """Finds the holders of grants on changed columns: those to whom the rules grant it, and those
    of access grants (``held``)."""

    def __init__(self, mesh: Mesh, held: HeldOn = nobody) -> None:
        self.mesh = mesh
        self.held = held

    @cached_property
    def _reads(self) -> MeshAccess:
        return MeshAccess(self.mesh.settings)

    def holders(self, identity: str, comparison: Comparison, before: Interface | None) -> Holders:
        """Who may read, under the contract before, what changed for readers since."""
        if before is None:
            return Holders()
        seen: dict[tuple[str, str | None], list[str]] = {}
        roles: dict[tuple[str, str | None], tuple[str, ...]] = {}
        changed = {
            port.port: changed_columns(port.changes, _columns(before, port.port))
            for port in comparison.ports
        }
        for name, columns in changed.items():
            if not columns or name not in before.ports:
                continue
            for principal, held in self._asked(identity, name):
                decision = self._decide(identity, name, before.ports[name], principal, held)
                granted = _seen(name, columns, decision)
                key = (str(principal), _grant_words(held))
                if granted and granted != seen.get((str(principal), None)):
                    seen.setdefault(key, []).extend(granted)
                    roles[key] = decision.principal.roles
        if not any(changed.values()):
            return Holders()
        faults = self._reads.principals.faults
        problem = f"who may read it is not known: {faults[0]}" if faults else None
        found = tuple(
            Holder(who, roles[who, grant], tuple(what), grant)
            for (who, grant), what in seen.items()
        )
        return Holders(found, problem)

    def _asked(self, identity: str, port: str) -> Iterator[tuple[Principal, Held | None]]:
        """Everybody who is known, and then each holder of an access grant."""
        for principal in (ANONYMOUS, *self._reads.principals):
            yield principal, None
        for held in self.held(identity, port):
            # Whom an issuer of the gateway vouches for need not stand in principals.yaml.
            yield replace(self._reads.principals.find(held.principal), known=True), held

    def _decide(
        self,
        identity: str,
        name: str,
        port: PortInterface,
        principal: Principal,
        held: Held | None,
    ) -> Decision:
        domain, _, product = identity.partition("/")
        declared = self.mesh.products.get(identity)
        manifest = declared.manifest if declared is not None else None
        output = OutputPort(name, port.contract, port.promise, "snapshot")
        subject = subject_of(domain, product, output, manifest)
        # Who may read it for some purpose holds it: limits of purpose are not asked here.
        columns = tuple(replace(column, purposes=None) for column in subject.columns)
        subject = replace(subject, columns=columns)
        approved = Approved(held.id, held.role) if held is not None else None
        return self._reads.access.decide(principal, subject, approved=approved)


def _grant_words(held: Held | None) -> str | None:
    return f"grant {held.id} until {held.until}" if held is not None else None


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
