"""A latency that is about publishing is measured when one asks: by the newest version's age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mesh_defs.product.described.aged import aged

PUBLISHED = datetime(2026, 1, 1, tzinfo=UTC)


def level(**changed: Any) -> dict[str, Any]:
    plain = {"property": "latency", "promised": "2", "unit": "d", "element": None}
    return {**plain, "actual": None, "kept": None, **changed}


def told(one: dict[str, Any], age: timedelta) -> tuple[str | None, bool | None]:
    document = {"published_at": PUBLISHED.isoformat(), "ports": [{"service_levels": [one]}]}
    found = aged(document, PUBLISHED + age)["ports"][0]["service_levels"][0]
    return found["actual"], found["kept"]


@pytest.mark.parametrize(
    ("age", "actual", "kept"),
    [
        (timedelta(seconds=3), "published less than a minute ago", True),
        (timedelta(minutes=1), "published 1 minute ago", True),
        (timedelta(hours=47, minutes=59), "published 1 day ago", True),
        (timedelta(days=2), "published 2 days ago", True),
        (timedelta(days=2, seconds=1), "published 2 days ago", False),
    ],
)
def test_the_age_is_held_against_what_is_promised(age: timedelta, actual: str, kept: bool) -> None:
    assert told(level(), age) == (actual, kept)


def test_units_and_names_are_those_of_the_standard() -> None:
    assert told(level(property="Freshness", promised="1.5", unit="Hours"), timedelta(minutes=90))[1]
    assert not told(level(property="ly", promised="89", unit="min"), timedelta(minutes=90))[1]


@pytest.mark.parametrize(
    "other",
    [
        level(element="orders.at", actual="3 hours", kept=True),
        level(property="retention"),
        level(property="availability", promised="99.9", unit="percent"),
        level(promised="soon"),
        level(promised=None),
        level(unit=None),
    ],
)
def test_other_levels_are_left_as_they_are(other: dict[str, Any]) -> None:
    assert told(other, timedelta(days=9)) == (other["actual"], other["kept"])


def test_what_was_never_published_has_no_age() -> None:
    document = {"published_at": None, "ports": [{"service_levels": [level()]}]}
    assert aged(document, PUBLISHED) == document
