"""Products and policies: what became of each in the newest versions, and what deviates for now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from mesh_defs.gateway.portal.standing import worst

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mesh_defs.gateway.core import Gateway
    from mesh_defs.gateway.portal.overview import Card
    from mesh_defs.policy.waivers import Waiver

_DAYS = 30


@dataclass(frozen=True, slots=True)
class Matrix:
    """The policies, by name, and for each product its worst outcome under each that it has."""

    policies: tuple[str, ...]
    rows: tuple[tuple[Card, Mapping[str, str]], ...]


@dataclass(frozen=True, slots=True)
class Day:
    """What was published on one day: rules that passed, and that did not."""

    day: date
    passed: int
    others: int


def matrix_of(cards: Sequence[Card]) -> Matrix:
    """The matrix of ``cards``, what deviates most first."""
    rows = [(card, _outcomes(card)) for card in cards]
    names: Counter[str] = Counter(name for _, outcomes in rows for name in outcomes)
    rows.sort(key=lambda row: (_passing(row[1]), row[0].identity))
    return Matrix(tuple(sorted(names)), tuple(rows))


def _outcomes(card: Card) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in card.ports:
        for policy, outcome in card.standing.policies.get(entry.port, {}).items():
            found[policy] = worst(found.get(policy, "passed"), outcome)
    return found


def _passing(outcomes: Mapping[str, str]) -> int:
    """Minus how many did not pass."""
    return -sum(outcome != "passed" for outcome in outcomes.values())


def waivers_of(mesh: Gateway, cards: Sequence[Card], now: datetime) -> list[tuple[Waiver, int]]:
    """The waivers of the products that are seen, with the days that are left, those that end first
    first. One about a port that is not seen is left out."""
    seen = {card.identity: {entry.port for entry in card.ports} for card in cards}
    names = sorted({card.main.domain for card in cards})
    every = (waiver for name in names for waiver in mesh.catalog.domain(name).waivers)
    found = [
        (waiver, waiver.days_left(now))
        for waiver in every
        if waiver.identity in seen and waiver.port in (None, *seen[waiver.identity])
    ]
    return sorted(found, key=lambda each: (each[1], each[0].identity, each[0].policy))


def trend_of(cards: Sequence[Card], now: datetime) -> list[Day]:
    """The last 30 days, the oldest first."""
    passed: Counter[date] = Counter()
    others: Counter[date] = Counter()
    for card in cards:
        names = {entry.port for entry in card.ports}
        for past in card.standing.past:
            when = date.fromisoformat(past.published_at[:10])
            seen = [each for name, each in past.ports.items() if name in names]
            passed[when] += sum(each[0] for each in seen)
            others[when] += sum(each[1] for each in seen)
    days = [now.date() - timedelta(days=back) for back in reversed(range(_DAYS))]
    return [Day(each, passed[each], others[each]) for each in days]
