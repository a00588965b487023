"""One question about many ports at once, decided as `Access.decide` decides each: ports that no
rule can tell apart once, and all of a domain in one request."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mesh_defs.policy.access.decide import cedar_time
from mesh_defs.policy.access.entities import own_entities, principal_entity, principal_uid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import cedarpy

    from mesh_defs.policy.access.decide import Access
    from mesh_defs.policy.access.entities import PortSubject
    from mesh_defs.policy.access.load import InForce
    from mesh_defs.policy.access.principals import Principal


def discoverable(
    access: Access,
    principal: Principal,
    subjects: Sequence[PortSubject],
    now: datetime | None = None,
) -> list[bool]:
    """For each port whether ``principal`` may discover it: what `Access.decide` says of it."""
    time = now if now is not None else datetime.now(UTC)
    alike: dict[object, PortSubject] = {}
    kinds = [kind_of(access, subject) for subject in subjects]
    for kind, subject in zip(kinds, subjects, strict=True):
        alike.setdefault(kind, subject)
    domains: dict[str, dict[object, PortSubject]] = defaultdict(dict)
    for kind, subject in alike.items():
        domains[subject.domain][kind] = subject
    decided: dict[object, bool] = {}
    for domain, ports in domains.items():
        rules = access.rulebook.in_force(domain)
        answers = _together(access, principal, [*ports.values()], rules, time)
        for (kind, port), answer in zip(ports.items(), answers, strict=True):
            decided[kind] = (
                answer
                if answer is not None
                else access.decide(principal, port, "discover", now=time).allowed
            )
    return [decided[kind] for kind in kinds]


def kind_of(access: Access, port: PortSubject) -> object:
    """What rules can tell a port by: its name where one of them names it or its product, what is
    said of it and, where one gives some rows alone, its columns, which such a condition names."""
    rules = access.rulebook.in_force(port.domain)
    name = port.path if {port.path, f"{port.domain}/{port.product}"} & rules.named else ""
    told = (port.classification, port.archetype, port.status, port.tags, port.owner)
    columns = tuple(column.name for column in port.columns) if rules.rows else ()
    return (port.domain, name, *told, columns)


def _together(
    access: Access,
    principal: Principal,
    ports: Sequence[PortSubject],
    rules: InForce,
    time: datetime,
) -> Sequence[bool | None]:
    """The answers; None where a port has to be decided by itself."""
    import cedarpy

    alone: list[bool | None] = [None] * len(ports)
    nobody = bool(principal.name) and not principal.known
    if len(ports) == 1 or nobody or rules.policies is None or not rules.apart:
        return alone
    known = _entities(ports, principal)
    if known is None:
        return alone
    context = {"environment": access.environment, "granted": False, "time": cedar_time(time)}
    common: dict[str, object] = {
        "principal": principal_uid(principal),
        "action": {"type": "Action", "id": "discover"},
        "context": json.dumps(context),
    }
    asked = [{**common, "resource": {"type": "Port", "id": port.path}} for port in ports]
    answers = cedarpy.is_authorized_batch(asked, rules.policies, known)
    return [_answer(each, rules) for each in answers]


def _answer(answer: cedarpy.AuthzResult, rules: InForce) -> bool | None:
    """As `Access.decide` reads one answer; None for what depends on more than that."""
    if answer.diagnostics.errors or not answer.allowed:
        return False
    limited = any("rows" in rules.rules[each].annotations for each in answer.diagnostics.reasons)
    return None if limited else True


def _entities(ports: Sequence[PortSubject], principal: Principal) -> cedarpy.Entities | None:
    """All ports with what they belong to, and who asks; None where two say otherwise of the same
    product."""
    import cedarpy

    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for port in ports:
        for entity in own_entities(port):
            uid = (entity["uid"]["type"], entity["uid"]["id"])
            if found.setdefault(uid, entity) != entity:
                return None
    every = [*found.values(), principal_entity(principal)]
    return cedarpy.Entities.from_json_str(json.dumps(every, separators=(",", ":")))
