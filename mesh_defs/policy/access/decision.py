"""The answer to a request: what may be read of a port, what is masked and how, by which rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.policy.access.principals import Principal
    from mesh_defs.policy.access.rules import Mask, Rule
    from mesh_defs.policy.access.schema import Action


@dataclass(frozen=True, slots=True)
class Approved:
    """An access grant as a decision sees it: the owner approved that the principal reads the port
    for the purpose, by its id; ``role`` is one that it carries for this port alone."""

    id: str
    role: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What one rule lets be seen of a column: all of it (``mask`` None) or something in its place,
    for all rows (``rows`` None) or for those that a checked SQL condition keeps. ``reason`` tells
    why the mask is not the one that the rule asks for."""

    rule: Rule
    mask: Mask | None
    to: str | None = None
    rows: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnDecision:
    """What is seen of one column: ``grants`` from the one that shows most; none shows nothing but
    null. ``refused_by`` are the rules that forbid it, ``reason`` says why in words."""

    name: str
    classification: str
    grants: tuple[Grant, ...]
    reason: str
    refused_by: tuple[Rule, ...] = ()

    @property
    def clear(self) -> bool:
        """Whether every value that is read is the true one."""
        return bool(self.grants) and self.grants[0].mask is None and self.grants[0].rows is None

    @property
    def mask(self) -> Mask | None:
        """What stands in place of values where nothing better is granted; None when it is clear."""
        if self.clear:
            return None
        last = self.grants[-1] if self.grants else None
        return last.mask if last is not None and last.rows is None else "null"

    def as_dict(self) -> dict[str, Any]:
        """The decision as JSON values."""
        return {
            "column": self.name,
            "classification": self.classification,
            "clear": self.clear,
            "mask": self.mask,
            "cases": [
                {"mask": g.mask, "to": g.to, "rows": g.rows, "rule": str(g.rule)}
                for g in self.grants
            ],
            "refused_by": [str(rule) for rule in self.refused_by],
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """What ``principal`` may do with a port.

    ``rules`` are those that permit it, or forbid it; ``row_filter`` is a checked SQL condition
    (None: all rows). Columns of the data that are not in ``columns`` are left out. ``approved`` is
    the access grant under which it was asked.
    """

    principal: Principal
    subject: PortSubject
    action: Action
    purpose: str | None
    time: datetime
    allowed: bool
    reason: str
    rules: tuple[Rule, ...] = ()
    columns: tuple[ColumnDecision, ...] = ()
    row_filter: str | None = None
    approved: Approved | None = None

    @property
    def clear(self) -> bool:
        """Whether all that the contract names is read as it is: every row, every column."""
        return self.allowed and self.row_filter is None and all(each.clear for each in self.columns)

    def column(self, name: str) -> ColumnDecision | None:
        """The decision on one column; None when the contract does not name it."""
        return next((each for each in self.columns if each.name == name), None)

    def as_dict(self) -> dict[str, Any]:
        """The decision as JSON values."""
        return {
            "url": self.subject.url,
            "principal": str(self.principal),
            "roles": list(self.principal.roles),
            "action": self.action,
            "purpose": self.purpose,
            "time": self.time.isoformat(),
            "allowed": self.allowed,
            "reason": self.reason,
            "rules": [str(rule) for rule in self.rules],
            "grant": self.approved.id if self.approved is not None else None,
            "row_filter": self.row_filter,
            "columns": [column.as_dict() for column in self.columns],
        }
