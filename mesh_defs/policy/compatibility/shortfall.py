"""Which versions were not raised as the changes demand, in words that say what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.compatibility.model import Shortfall, bump_demanded
from mesh_defs.policy.compatibility.semver import least, parse_version, satisfied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from mesh_defs.policy.compatibility.model import Bump, Change, Comparison, Interface, Why

_DEMANDS: dict[Bump, str] = {
    "none": "nothing changed",
    "patch": "words changed",
    "minor": "a compatible change",
    "major": "a breaking change",
}


def shortfalls(
    before: Interface | None, after: Interface | None, comparison: Comparison
) -> tuple[Shortfall, ...]:
    """The manifest's, which all ports demand of, then those of each contract, which its own ports
    do. None stands for a product that was not there, or is not any more: of a new one the contracts
    must have a version, and a removed one must have been announced to go."""
    if after is None:
        return tuple(_removed(before)) if before is not None else ()
    found = [*_contracts(before, after, comparison)]
    if before is not None:
        found.insert(0, _one("manifest", None, before.version, after.version, comparison.bump))
    return tuple(one for one in found if one is not None)


def _removed(before: Interface) -> Iterator[Shortfall]:
    version = parse_version(before.version)
    if before.ending or (version is not None and not version.stable):
        return
    message = (
        "it was removed, and nothing that it published says that it goes. Bring it back, publish "
        "it with 'status: deprecated' (or retired) in its manifest, and remove it then"
    )
    yield Shortfall("product", None, before.version, "", "major", None, message, "removed")


def _contracts(
    before: Interface | None, after: Interface, comparison: Comparison
) -> Iterator[Shortfall | None]:
    changed = {port.port: port.changes for port in comparison.ports}
    old_ports = before.ports if before is not None else {}
    contracts: dict[str, list[str]] = {}
    for name, port in after.ports.items():
        contracts.setdefault(str(port.contract.path), []).append(name)
    for ports in contracts.values():
        stayed = [name for name in ports if name in old_ports]
        new = after.ports[ports[0]].contract.version
        if before is None or not stayed:
            yield _one("contract", ports[0], "", new, "none")
            continue
        first = stayed[0]
        gone = [
            name for name in old_ports if name not in after.ports and _shares(before, name, first)
        ]
        changes: list[Change] = [c for name in (*ports, *gone) for c in changed.get(name, ())]
        old = old_ports[first].contract.version
        yield _one("contract", first, old, new, bump_demanded(_own(changes)))


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
    """``before`` is empty for a contract that was not there."""
    if satisfied(before, after, bump):
        return None
    old, new = parse_version(before), parse_version(after)
    wanted = least(before, bump)
    whose = "the manifest's version" if of == "manifest" else f"the contract's version of '{port}'"
    why: Why = "too little"
    if new is None:
        why = "no version"
        message = (
            f"{whose} is '{after}', which is no semantic version such as 1.0.0, so that nobody can "
            "tell from it what changed"
        )
    elif old is not None and new < old:
        why = "lowered"
        message = f"{whose} went down from {before} to {after}"
    else:
        how = "is still" if after == before else f"went from {before} to"
        message = f"{_DEMANDS[bump]} demands {wanted} or higher, and {whose} {how} {after}"
    return Shortfall(of, port, before, after, bump, wanted, message, why)
