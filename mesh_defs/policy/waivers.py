"""Waivers: what deviates from a policy, why, who approved it, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from mesh_defs.faults import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_defs.faults import Fault
    from mesh_defs.policy.access.principals import Principals
    from mesh_defs.policy.entry import WaiverEntry, WaiverRules
    from mesh_defs.policy.model import Finding
    from mesh_defs.yaml_source import Document, KeyPath


_TEAM = "team:"


@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver as it was declared. ``until`` is the last day (UTC) on which it holds; ``port``
    and ``column`` narrow it (None: any); ``file`` and ``line`` say where it stands."""

    policy: str
    domain: str
    product: str
    reason: str
    approved_by: str
    until: date
    port: str | None
    column: str | None
    file: str
    line: int

    @property
    def identity(self) -> str:
        """``<domain>/<product>``."""
        return f"{self.domain}/{self.product}"

    @property
    def ends(self) -> datetime:
        """The first moment at which it does not hold any more."""
        return datetime.combine(self.until + timedelta(days=1), time.min, UTC)

    def days_left(self, now: datetime) -> int:
        """Whole days until it ends, today counted; 0 or less when it has ended."""
        return (self.until - now.astimezone(UTC).date()).days + 1

    def covers(self, policy: str, port: str, finding: Finding) -> bool:
        """Whether it is about this finding on ``port``, whatever the time is."""
        return (
            self.policy == policy
            and self.port in (None, port)
            and self.column in (None, finding.column)
        )

    def as_dict(self, now: datetime) -> dict[str, Any]:
        """The waiver as JSON values, with the days that are left at ``now``."""
        return {
            "policy": self.policy,
            "product": f"mesh://{self.identity}",
            "port": self.port,
            "column": self.column,
            "reason": self.reason,
            "approved_by": self.approved_by,
            "until": self.until.isoformat(),
            "days_left": self.days_left(now),
            "file": self.file,
            "line": self.line,
        }


@dataclass(frozen=True, slots=True)
class RefusedWaiver:
    """A waiver that lets nothing pass, and why."""

    waiver: Waiver
    faults: tuple[Fault, ...]


def waivers_of(
    domain: str, entries: Iterable[WaiverEntry], document: Document, path: KeyPath
) -> list[Waiver]:
    """The waivers that a domain's ``defs.yaml`` declares at ``path``."""
    return [
        Waiver(
            entry.policy,
            domain,
            entry.product,
            " ".join(entry.reason.split()),
            entry.approved_by,
            date.fromisoformat(entry.until),
            entry.port,
            entry.column,
            document.file,
            document.line((*path, index)),
        )
        for index, entry in enumerate(entries)
    ]


def waiver_faults(
    waiver: Waiver,
    rules: WaiverRules,
    policies: Iterable[str],
    ports: Mapping[str, Mapping[str, tuple[str, ...]]],
    owners: Iterable[str],
    principals: Principals,
    today: date,
) -> list[Fault]:
    """What is wrong with ``waiver``: unknown names, an approver who may not or whom nobody knows,
    an end too far ahead.

    ``policies`` are the ids that may be waived here, ``ports`` the domain's products with their
    ports and these ports' columns (empty where a product is broken); ``owners`` are those who
    deviate, and may not approve it themselves. How names are spelled, in upper or lower case, makes
    nobody somebody else.
    """
    faults = []
    known = sorted(policies)
    if waiver.policy not in known:
        faults.append(_fault(waiver, "policy", waiver.policy, known, "policy in force"))
    if waiver.product not in ports:
        faults.append(_fault(waiver, "product", waiver.product, sorted(ports), "product"))
    elif waiver.port is not None and ports[waiver.product]:
        names = ports[waiver.product]
        if waiver.port not in names:
            faults.append(_fault(waiver, "port", waiver.port, names, "port"))
    known_ports = ports.get(waiver.product, {})
    columns = [c for name in known_ports if waiver.port in (None, name) for c in known_ports[name]]
    if waiver.column is not None and columns and waiver.column not in columns:
        faults.append(_fault(waiver, "column", waiver.column, columns, "column"))
    faults += _approval_faults(waiver, rules, set(owners), today)
    if approver_known(waiver.approved_by, rules, principals) is False:
        faults.append(_unknown_approver(waiver, principals))
    return faults


def approver_known(approver: str, rules: WaiverRules, principals: Principals) -> bool | None:
    """Whether ``approver`` is a person of ``principals.yaml``, or a team that the mesh lists among
    its ``approvers``; None when that cannot be told, because the file is not there or is broken."""
    if not principals.declared or principals.faults:
        return None
    if approver.startswith(_TEAM):
        return approver in rules.approvers
    return principals.find(f"person:{approver}").known


def _unknown_approver(waiver: Waiver, principals: Principals) -> Fault:
    from mesh_defs.faults import Fault

    people = sorted(one.name for one in principals if one.kind == "person")
    return Fault(
        waiver.file,
        waiver.line,
        "attributes.waivers.approved_by",
        f"'{waiver.approved_by}', whom principals.yaml does not declare",
        ", ".join(people) or "a person of principals.yaml, which has none",
        "name who approved it, declare them in principals.yaml, or list the team in mesh.yaml "
        "below 'waivers: {approvers: [...]}'",
    )


def _approval_faults(
    waiver: Waiver, rules: WaiverRules, owners: set[str], today: date
) -> list[Fault]:
    from mesh_defs.faults import Fault

    faults = []
    approver = waiver.approved_by.casefold()
    named = {one.casefold() for one in rules.approvers}
    if approver in {one.casefold() for one in owners} and approver not in named:
        faults.append(
            Fault(
                waiver.file,
                waiver.line,
                "attributes.waivers.approved_by",
                f"'{waiver.approved_by}', who deviates",
                "somebody else than the owner of the domain or the product",
                "ask for an approval, and name who gave it",
            )
        )
    if named and approver not in named:
        faults.append(
            Fault(
                waiver.file,
                waiver.line,
                "attributes.waivers.approved_by",
                f"'{waiver.approved_by}', who may not approve waivers",
                ", ".join(rules.approvers),
                "ask one of them, and name who approved it",
            )
        )
    longest = rules.longest_days
    if waiver.until > today + timedelta(days=longest):
        last = today + timedelta(days=longest)
        faults.append(
            Fault(
                waiver.file,
                waiver.line,
                "attributes.waivers.until",
                f"{waiver.until}, more than {longest} days ahead",
                f"a day up to {last}",
                f"write {last} or an earlier day; it can be renewed with a new approval",
            )
        )
    return faults


def _fault(waiver: Waiver, key: str, found: str, known: Iterable[str], kind: str) -> Fault:
    from mesh_defs.faults import Fault

    names = list(known)
    return Fault(
        waiver.file,
        waiver.line,
        f"attributes.waivers.{key}",
        f"unknown {kind} '{found}'",
        ", ".join(names) or f"no {kind} at all",
        did_you_mean(found, names),
    )
