"""Decisions that are made once for all who ask the same, where no rule looks at the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.reads.catalog import Kept

if TYPE_CHECKING:
    from datetime import datetime

    from mesh_defs.policy.access.decide import Access
    from mesh_defs.policy.access.decision import Approved, Decision
    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.policy.access.load import InForce
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.policy.access.schema import Action
    from mesh_defs.product.access import MeshAccess

_DECISIONS_KEPT = 512
_RULES_KEPT = 512
# What a rule may ask of a request that is the same for the same principal, port, action, purpose
# and access grant.
_LASTING = frozenset({"environment", "granted", "purpose"})


@dataclass(frozen=True, slots=True)
class _Made:
    """A decision with what it was made by and about, which are told by their identity."""

    access: Access
    subject: PortSubject
    decision: Decision


@dataclass(frozen=True, slots=True)
class Basis:
    """By which rules, and about which port, something was decided. ``lasting`` tells that no rule
    of these looks at the time."""

    access: MeshAccess
    subject: PortSubject
    lasting: bool

    def holds(self, access: MeshAccess, subject: PortSubject) -> bool:
        """Whether the same is decided by ``access`` about ``subject``, whenever that is."""
        return self.lasting and self.access is access and self.subject is subject


def shown(decision: Decision) -> object:
    """All that ``decision`` lets be seen, to be compared with that of another."""
    columns = tuple(
        (column.name, tuple((grant.mask, grant.to, grant.rows) for grant in column.grants))
        for column in decision.columns
    )
    return decision.allowed, decision.row_filter, columns


class Decisions:
    """Decides as `Access.decide` does. May be used from several threads."""

    def __init__(self) -> None:
        self._made: Kept[_Made] = Kept(_DECISIONS_KEPT)
        self._rules: Kept[tuple[InForce, bool]] = Kept(_RULES_KEPT)

    def decide(
        self,
        access: Access,
        principal: Principal,
        subject: PortSubject,
        action: Action,
        purpose: str | None,
        now: datetime,
        approved: Approved | None,
    ) -> Decision:
        """What ``access`` decides ``now``. What was permitted is remembered for the very same rules
        and port, unless a rule could decide otherwise at another time."""
        key = (id(access), id(subject), principal, action, purpose, approved)
        made = self._made.find(key)
        if made is not None and made.access is access and made.subject is subject:
            return replace(made.decision, time=now)
        decision = access.decide(principal, subject, action, purpose, now, approved)
        if decision.allowed and self.lasting(access.rulebook.in_force(subject.domain)):
            self._made.put(key, _Made(access, subject, decision))
        return decision

    def basis(self, access: MeshAccess, subject: PortSubject) -> Basis:
        """What decisions of ``access`` about ``subject`` are made by."""
        rules = access.access.rulebook.in_force(subject.domain)
        return Basis(access, subject, self.lasting(rules))

    def lasting(self, rules: InForce) -> bool:
        """Whether no rule of these looks at the time."""
        found = self._rules.find(id(rules))
        if found is None or found[0] is not rules:
            lasting = all(_lasting(dict(rule.json)) for rule in rules.rules.values())
            found = (rules, lasting)
            self._rules.put(id(rules), found)
        return found[1]


def _lasting(node: Any) -> bool:  # noqa: ANN401  JSON
    """Whether a policy in Cedar's JSON form asks nothing of a request but what lasts: the request's
    context stands nowhere but where one of `_LASTING` is taken from it, or looked for in it."""
    if isinstance(node, list):
        return all(_lasting(item) for item in node)
    if not isinstance(node, dict):
        return True
    if node.get("Var") == "context":
        return False
    return all(
        _taken(value) if name in (".", "has") else _lasting(value) for name, value in node.items()
    )


def _taken(access: Any) -> bool:  # noqa: ANN401  JSON
    if not isinstance(access, dict) or access.get("left") != {"Var": "context"}:
        return _lasting(access)
    attribute = access.get("attr")
    return isinstance(attribute, str) and attribute in _LASTING
