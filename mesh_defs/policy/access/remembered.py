"""Whether one principal may discover ports that are asked about one by one: of ports that no rule
can tell apart, decided once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.access.many import kind_of

if TYPE_CHECKING:
    from mesh_defs.policy.access.decide import Access
    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.policy.access.principals import Principal


class Remembered:
    """What ``principal`` may discover, under the rules of ``access``. It is kept for as long as
    decisions may be: a rule that asks for the time is asked once. Threads may share it."""

    def __init__(self, access: Access, principal: Principal) -> None:
        self._access = access
        self._principal = principal
        self._decided: dict[object, bool] = {}

    def may_discover(self, port: PortSubject) -> bool:
        """What `Access.decide` says of ``port``, or said of one like it."""
        kind = kind_of(self._access, port)
        known = self._decided.get(kind)
        if known is None:
            known = self._access.decide(self._principal, port, "discover").allowed
            self._decided[kind] = known
        return known
