"""Which versions a new one can be compared with, and what chance alone does to few rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.ledger import PortRecord

# So many standard deviations chance exceeds once in a thousand times (both tails of the normal
# distribution).
CHANCE = 3.29
FIX = "look at what it reads; when the change is right, publish it under a waiver"


def comparable(port: StagedPort, most: int, asks: str) -> list[PortRecord]:
    """The port's last versions that this one can be compared with, newest first, at most ``most``:
    those that changed it, back to the last change of its mode or its contract's major version.

    A version that was published under a waiver of the policy that ``asks`` was right to be
    different, so that those before it count no more.
    """
    found: list[PortRecord] = []
    major = port.output.contract.version.partition(".")[0]
    for record in port.history:
        before = record.ports.get(port.name)
        if before is None or before.continues != port.output.continues:
            break
        if before.contract_version.partition(".")[0] != major:
            break
        if before.changed:
            found.append(before)
        if len(found) == most or any(v.waivers and v.expected == asks for v in before.verdicts):
            break
    return found


def chance_of_share(rows: float) -> float:
    """How far a share of ``rows`` rows strays at most from the share that it is drawn from, but for
    one time in a thousand (Hoeffding's inequality, both sides); 1 for no rows."""
    return min(1.0, math.sqrt(math.log(2_000) / (2 * rows))) if rows else 1.0
