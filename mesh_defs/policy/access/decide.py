"""Access decisions: one batch of Cedar requests for a port and its columns, and what follows."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from mesh_defs.faults import nearest
from mesh_defs.policy.access.conditions import BadCondition, Condition, read_condition
from mesh_defs.policy.access.decision import Approved, ColumnDecision, Decision, Grant
from mesh_defs.policy.access.entities import entities, principal_uid
from mesh_defs.policy.access.rules import MASKS
from mesh_defs.policy.access.schema import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import cedarpy

    from mesh_defs.policy.access.entities import ColumnSubject, PortSubject
    from mesh_defs.policy.access.load import InForce, Rulebook
    from mesh_defs.policy.access.principals import Principal, Principals
    from mesh_defs.policy.access.rules import Rule
    from mesh_defs.policy.access.schema import Action

_CONDITIONS_KEPT = 1024


@dataclass(frozen=True, slots=True)
class HashKey:
    """The key of hash masks; without one, ``missing`` says why there is none."""

    key: bytes | None
    missing: str = ""

    def __repr__(self) -> str:
        return f"HashKey({'set' if self.key is not None else self.missing})"


class Access:
    """Decides on requests. Rules, principals and entities are parsed once and kept."""

    def __init__(
        self,
        rulebook: Rulebook,
        principals: Principals,
        environment: str,
        hash_key: HashKey,
    ) -> None:
        self.rulebook = rulebook
        self.principals = principals
        self.environment = environment
        self.hash_key = hash_key

    def decide(
        self,
        principal: Principal | str,
        subject: PortSubject,
        action: Action = "read",
        purpose: str | None = None,
        now: datetime | None = None,
        approved: Approved | None = None,
    ) -> Decision:
        """What ``principal`` may do with the port ``subject`` for ``purpose`` at ``now`` (aware),
        under the access grant ``approved``. That it is in force, and for this principal, port and
        purpose, is for the caller to know.

        Whatever cannot be decided is denied: an unknown principal or purpose, a file of rules with
        faults, a rule that fails. Raises `MeshError` for a principal's text of another form.
        """
        who = self.principals.find(principal) if isinstance(principal, str) else principal
        time = now if now is not None else datetime.now(UTC)
        if approved is not None and approved.role is not None:
            who = replace(who, roles=tuple(dict.fromkeys((*who.roles, approved.role))))
        request = _Request(self, who, subject, action, purpose, time, approved)
        refusal = request.refusal()
        return request.denied(refusal) if refusal is not None else request.decided()


@lru_cache(maxsize=_CONDITIONS_KEPT)
def _condition(text: str, columns: tuple[str, ...]) -> Condition | str:
    """The condition, or what is wrong with it."""
    try:
        return read_condition(text, columns)
    except BadCondition as error:
        return str(error)


class _Request:
    """One request on its way to a decision."""

    def __init__(
        self,
        access: Access,
        principal: Principal,
        subject: PortSubject,
        action: Action,
        purpose: str | None,
        time: datetime,
        approved: Approved | None,
    ) -> None:
        self.access = access
        self.principal = principal
        self.subject = subject
        self.action = action
        self.purpose = purpose
        self.time = time
        self.approved = approved
        self.in_force: InForce = access.rulebook.in_force(subject.domain)
        self.names = tuple(column.name for column in subject.columns)

    def refusal(self) -> str | None:
        """Why nothing needs to be asked."""
        if not self.principal.known and self.principal.name:
            return self.access.principals.unknown_reason(self.principal)
        if self.in_force.policies is None:
            return f"rules that cannot be read deny: {self.in_force.faults[0]}"
        if self.purpose is None or self.approved is not None:
            return None  # the purpose of a grant is one that the owner permits
        named = {p for column in self.subject.columns for p in column.purposes or ()}
        known = sorted(self.subject.purposes or named | self.in_force.purposes)
        if self.purpose in known:
            return None
        close = nearest(self.purpose, known)
        said = f"permitted here: {', '.join(known)}" if known else "none is named here"
        hint = f"; the nearest is '{close}'" if close else ""
        return f"unknown purpose '{self.purpose}' ({said}{hint})"

    def denied(self, reason: str, rules: Sequence[Rule] = ()) -> Decision:
        return Decision(
            self.principal,
            self.subject,
            self.action,
            self.purpose,
            self.time,
            allowed=False,
            reason=reason,
            rules=tuple(rules),
            approved=self.approved,
        )

    def decided(self) -> Decision:
        first, *others = self._ask()
        rules = self._rules(first)
        problem = _errors(first)
        if problem is not None:
            return self.denied(problem, rules)
        if not first.allowed:
            return self.denied(self._why_not(rules), rules)
        filters = self._filters(rules)
        if isinstance(filters, str):
            return self.denied(filters, rules)
        columns = tuple(
            self._column(column, answer, filters)
            for column, answer in zip(self.subject.columns, others, strict=False)
        )
        return Decision(
            self.principal,
            self.subject,
            self.action,
            self.purpose,
            self.time,
            allowed=True,
            reason=f"permitted by {', '.join(map(str, rules))}",
            rules=rules,
            columns=columns,
            row_filter=" OR ".join(filters) or None,
            approved=self.approved,
        )

    def _ask(self) -> list[cedarpy.AuthzResult]:
        """The answers for the port (or the product, where the action is about products) and, where
        the action is about columns, for each of them.

        Rules can tell columns apart by their attributes, or by naming them. Those that no rule
        names and that have the same attributes are asked about once.
        """
        import cedarpy

        about = ACTIONS[self.action]
        path = self.subject.path
        resource = ("Port", path) if "Port" in about else ("Product", path.rpartition("/")[0])
        asked = {resource: 0}
        answer_of = [0]
        alike: dict[object, tuple[str, str]] = {}
        for column in self.subject.columns if "Column" in about else ():
            uid = ("Column", f"{path}#{column.name}")
            if uid[1] not in self.in_force.columns:
                uid = alike.setdefault((column.classification, column.tags), uid)
            answer_of.append(asked.setdefault(uid, len(asked)))
        policies = self.in_force.policies
        assert policies is not None  # noqa: S101  refused above
        answers = cedarpy.is_authorized_batch(
            self._requests(asked), policies, entities(self.subject, self.principal)
        )
        return [answers[position] for position in answer_of]

    def _requests(self, resources: Iterable[tuple[str, str]]) -> list[dict[str, object]]:
        context: dict[str, object] = {
            "environment": self.access.environment,
            "granted": self.approved is not None,
            "time": cedar_time(self.time),
        }
        if self.purpose is not None:
            context["purpose"] = self.purpose
        common = {
            "principal": principal_uid(self.principal),
            "action": {"type": "Action", "id": self.action},
            "context": json.dumps(context),
        }
        return [{**common, "resource": {"type": kind, "id": name}} for kind, name in resources]

    def _rules(self, answer: cedarpy.AuthzResult) -> tuple[Rule, ...]:
        places = sorted(answer.diagnostics.reasons)
        return tuple(self.in_force.rules[place] for place in places)

    def _why_not(self, forbidding: Sequence[Rule]) -> str:
        if forbidding:
            return f"forbidden by {', '.join(map(str, forbidding))}"
        if not self.principal.known:
            return "no rule lets an anonymous reader do it"
        return "no rule permits it"

    def _filters(self, rules: Sequence[Rule]) -> tuple[str, ...] | str:
        """The conditions of which a row has to meet one, none when some rule gives all rows; or
        why there can be no decision."""
        texts = [rule.annotations.get("rows") for rule in rules]
        if any(text is None for text in texts):
            return ()
        found: dict[str, None] = {}
        for rule, text in zip(rules, texts, strict=True):
            condition = _condition(text or "", self.names)
            if isinstance(condition, str):
                return f"the row filter of {rule} cannot be read: {condition}"
            found[condition.sql] = None
        return tuple(found)

    def _column(
        self, column: ColumnSubject, answer: cedarpy.AuthzResult, filters: tuple[str, ...]
    ) -> ColumnDecision:
        rules = self._rules(answer)
        problem = _errors(answer) or self._other_purpose(column)
        if problem is None and not answer.allowed:
            problem = self._why_not(rules)
            if column.because is not None:
                problem += f"; {column.because}"
        if problem is not None:
            refused = () if answer.allowed else rules
            return ColumnDecision(column.name, column.classification, (), problem, refused)
        grants: list[Grant] = []
        for rule in rules:
            grant = self._grant(rule)
            if isinstance(grant, str):
                return ColumnDecision(column.name, column.classification, (), grant)
            grants.append(grant)
        kept = _best(grants, filters)
        reason = "; ".join(_granted(grant) for grant in kept)
        return ColumnDecision(column.name, column.classification, kept, reason)

    def _other_purpose(self, column: ColumnSubject) -> str | None:
        """Why the purpose is none of the column's; None when it is, or the column has no limit."""
        if column.purposes is None or self.purpose in column.purposes:
            return None
        ask = "; say for which purpose" if self.purpose is None and column.purposes else ""
        return f"it is permitted for {', '.join(column.purposes) or 'no purpose'} only{ask}"

    def _grant(self, rule: Rule) -> Grant | str:
        rows = None
        if "rows" in rule.annotations:
            condition = _condition(rule.annotations["rows"], self.names)
            if isinstance(condition, str):
                return f"the row filter of {rule} cannot be read: {condition}"
            rows = condition.sql
        mask = rule.mask
        if mask == "hash" and self.access.hash_key.key is None:
            return Grant(rule, "null", rows=rows, reason=self.access.hash_key.missing)
        return Grant(rule, mask, rule.annotations.get("to"), rows)


def _errors(answer: cedarpy.AuthzResult) -> str | None:
    """Why an answer does not count. A forbid that fails forbids nothing in Cedar, so that whatever
    fails has to deny."""
    errors = answer.diagnostics.errors
    return f"a rule failed, which denies: {errors[0]}" if errors else None


def _best(grants: list[Grant], filters: tuple[str, ...]) -> tuple[Grant, ...]:
    """The grants that count, from the one that shows most to the first that is for all rows.

    The rows that are read meet one of ``filters``; grants whose conditions are all of them together
    are for all rows.
    """
    kept: list[Grant] = []
    for mask in (None, *MASKS):
        same = [grant for grant in grants if grant.mask == mask]
        for grant in same:
            alike = {other.rows for other in same if other.to == grant.to}
            if grant.rows is None or (filters and set(filters) <= alike):
                return (*kept, replace(grant, rows=None))
        kept += same
    return tuple(kept)


def _granted(grant: Grant) -> str:
    seen = "clear" if grant.mask is None else f"masked ({grant.mask})"
    where = f" where {grant.rows}" if grant.rows is not None else ""
    because = f": {grant.reason}" if grant.reason else ""
    return f"{seen}{where} by {grant.rule}{because}"


def cedar_time(time: datetime) -> dict[str, dict[str, str]]:
    """An aware time as Cedar's ``datetime`` (milliseconds, UTC)."""
    text = time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    written = f"{text}.{time.microsecond // 1000:03d}Z"
    return {"__extn": {"fn": "datetime", "arg": written}}
