"""Which versions were not raised as much as the changes demand, in words that say what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.compatibility.model import Shortfall, bump_demanded
from mesh_defs.policy.compatibility.semver import least, parse_version, satisfied

if TYPE_CHECKING:
    from typing import Literal

    from mesh_defs.policy.compatibility.model import Bump, Change, Comparison, Interface

_DEMANDS: dict[Bump, str] = {
    "none": "nothing changed",
    "patch": "words changed",
    "minor": "a compatible change",
    "major": "a breaking change",
}


def shortfalls(
    before: Interface, after: Interface, comparison: Comparison
) -> tuple[Shortfall, ...]:
    """The manifest's, which all ports demand of, then those of each contract, which its own ports
    do."""
    found = [_one("manifest", None, before.version, after.version, comparison.bump)]
    changed = {port.port: port.changes for port in comparison.ports}
    contracts: dict[str, list[str]] = {}
    for name, port in after.ports.items():
        if name in before.ports:
            contracts.setdefault(str(port.contract.path), []).append(name)
    for ports in contracts.values():
        first = ports[0]
        gone = [
            name
            for name in before.ports
            if name not in after.ports and _shares(before, name, first)
        ]
        changes: list[Change] = [c for name in (*ports, *gone) for c in changed.get(name, ())]
        old, new = before.ports[first].contract, after.ports[first].contract
        found.append(
            _one("contract", first, old.version, new.version, bump_demanded(_own(changes)))
        )
    return tuple(one for one in found if one is not None)


def _shares(interface: Interface, one: str, other: str) -> bool:
    """Whether two ports were promised in one document."""
    return interface.ports[one].contract.digest == interface.ports[other].contract.digest


def _own(changes: list[Change]) -> list[Change]:
    """The changes that are the contract's: the mode is the manifest's."""
    return [change for change in changes if change.kind != "mode"]


def _one(
    of: Literal["manifest", "contract"],
    port: str | None,
    before: str,
    after: str,
    bump: Bump,
) -> Shortfall | None:
    if satisfied(before, after, bump):
        return None
    old, new = parse_version(before), parse_version(after)
    wanted = least(before, bump)
    whose = "the manifest's version" if of == "manifest" else f"the contract's version of '{port}'"
    if old is None or new is None:
        text = before if old is None else after
        message = (
            f"{whose} is '{text}', which is no semantic version such as 1.0.0, so that nobody can "
            f"tell {_DEMANDS[bump]} from another"
        )
    elif new < old:
        message = f"{whose} went down from {before} to {after}"
    else:
        how = "is still" if after == before else f"went from {before} to"
        message = f"{_DEMANDS[bump]} demands {wanted} or higher, and {whose} {how} {after}"
    return Shortfall(of, port, before, after, bump, wanted, message)
