"""Who reads a port by an access grant: for who controls the product their names, for others how
many there are of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mesh_defs.product.plan.readers import Held, HeldOn, nobody

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mesh_defs.discovery.lineage.model import Place


@dataclass(frozen=True, slots=True)
class Grants:
    """The access grants in force, as who asks may know of them. ``on`` has those of a port;
    ``names`` tells of ``<domain>/<product>`` whether who asks may know who they are. Whoever is
    nobody asks with `NO_GRANTS`."""

    on: HeldOn
    names: Callable[[str], bool]


NO_GRANTS = Grants(nobody, lambda _: False)


@dataclass(frozen=True, slots=True)
class PortReaders:
    """The holders of grants on the port at ``url``: how many principals of each kind, and the
    grants themselves (None: who asks may not know whose they are)."""

    url: str
    kinds: Mapping[str, int]
    held: tuple[Held, ...] | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        told: dict[str, Any] = {"url": self.url, "principals": dict(self.kinds)}
        if self.held is not None:
            told["grants"] = [
                {
                    "principal": one.principal,
                    "grant": one.id,
                    "role": one.role,
                    "until": one.until,
                }
                for one in self.held
            ]
        return told


def readers_of(grants: Grants, ports: Iterable[Place]) -> tuple[PortReaders, ...]:
    """Who reads each of ``ports`` by a grant, where anybody does. Raises as ``grants.on`` does."""
    found = []
    for port in dict.fromkeys(ports):
        held = tuple(grants.on(port.owner, port.port)) if port.port is not None else ()
        if held:
            principals = sorted({one.principal for one in held})
            kinds = [principal.partition(":")[0] for principal in principals]
            counts = {kind: kinds.count(kind) for kind in sorted(set(kinds))}
            shown = held if grants.names(port.owner) else None
            found.append(PortReaders(port.id, counts, shown))
    return tuple(found)
