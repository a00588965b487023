"""Decisions are remembered only where no rule can decide otherwise at another time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from test_access_grants import GUEST, SALES, SHIPPED

from mesh_defs.gateway.reads.decisions import Decisions
from mesh_defs.policy.access.decide import Access, HashKey
from mesh_defs.policy.access.decision import Approved, Decision
from mesh_defs.policy.access.load import Rulebook
from mesh_defs.policy.access.principals import Principals
from mesh_defs.policy.access.rules import parse_rules

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
EVENING = NOON + timedelta(hours=8)
ALL = "permit(principal, action, resource)"
LASTING = (
    f"{ALL};",
    f'{ALL} when {{ context has purpose && context.purpose == "analytics" }};',
    f'{ALL} when {{ context.environment == "local" && !context.granted }};',
)
# Each holds at noon and no longer in the evening, and names the time in its own way.
PASSING = (
    'context.time < datetime("2026-11-21T18:00:00Z")',
    'context["time"] < datetime("2026-11-21T18:00:00Z")',
    r'context["ti\u{6d}e"] < datetime("2026-11-21T18:00:00Z")',
    '(if true then context else context).time < datetime("2026-11-21T18:00:00Z")',
    '{"now": context.time}.now < datetime("2026-11-21T18:00:00Z")',
    'context has purpose && context.time.toTime() < duration("18h")',
)


def access_by(rules: str) -> Access:
    own = parse_rules(rules, "domains/shop/access.cedar")
    assert not own.faults, own.faults
    declared = Principals({str(GUEST): GUEST}, declared=True)
    return Access(Rulebook(SHIPPED, {"shop": own}), declared, "local", HashKey(None))


def ask(made: Decisions, access: Access, now: datetime, grant: str | None = None) -> Decision:
    approved = Approved(grant) if grant is not None else None
    return made.decide(access, GUEST, SALES, "read", "analytics", now, approved)


@pytest.mark.parametrize("condition", PASSING)
def test_a_rule_that_looks_at_the_time_is_asked_each_time(condition: str) -> None:
    for rules in (
        f"{ALL} when {{ {condition} }};",
        f"{ALL};\nforbid(principal, action, resource) unless {{ {condition} }};",
    ):
        made, access = Decisions(), access_by(rules)
        answers = [ask(made, access, now).allowed for now in (NOON, EVENING, NOON)]
        assert answers == [True, False, True]


@pytest.mark.parametrize("rules", LASTING)
def test_what_lasts_is_decided_once_and_told_with_its_own_time(
    rules: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, access = Decisions(), access_by(rules)
    asked: list[datetime] = []
    decide = Access.decide

    def counted(self: Access, *arguments: object) -> Decision:
        asked.append(arguments[4])
        return decide(self, *arguments)

    monkeypatch.setattr(Access, "decide", counted)
    first = ask(made, access, NOON)
    later = ask(made, access, EVENING)
    assert asked == [NOON]
    assert first.allowed
    assert later == replace(first, time=EVENING)


def test_what_decides_is_part_of_what_is_remembered() -> None:
    made, open_to_all = Decisions(), access_by(LASTING[0])
    assert ask(made, open_to_all, NOON).allowed
    assert not ask(made, access_by(""), NOON).allowed
    assert ask(made, open_to_all, NOON, "g1").approved == Approved("g1")
    assert ask(made, open_to_all, NOON).approved is None
    renamed = replace(SALES, columns=SALES.columns[:1])
    fewer = made.decide(open_to_all, GUEST, renamed, "read", "analytics", NOON, None)
    assert [column.name for column in fewer.columns] == ["id"]
    other = made.decide(open_to_all, replace(GUEST, known=False), SALES, "read", None, NOON, None)
    assert not other.allowed
    assert not made.decide(open_to_all, GUEST, SALES, "read", "sport", NOON, None).allowed


def test_a_refusal_is_not_remembered() -> None:
    made, access = Decisions(), access_by("")
    assert not ask(made, access, NOON).allowed
    assert ask(made, access, NOON, "g1").allowed
    assert not ask(made, access, NOON).allowed
