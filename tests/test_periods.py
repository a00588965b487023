"""Periods: every day lies in exactly one of each grain, and they follow each other."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.product.manifest import Grain
from mesh_defs.product.periods import first_day, next_period

DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31))
GRAINS = st.sampled_from(["day", "week", "month"])


@given(day=DAYS, every=GRAINS)
def test_every_day_lies_in_its_period(day: date, every: Grain) -> None:
    start = first_day(day, every)
    end = next_period(start, every)
    assert start <= day < end
    assert first_day(start, every) == start
    assert first_day(end, every) == end
    assert first_day(end - timedelta(days=1), every) == start


@pytest.mark.parametrize(
    ("day", "every", "start", "end"),
    [
        (date(2023, 12, 31), "month", date(2023, 12, 1), date(2024, 1, 1)),
        (date(2024, 2, 29), "month", date(2024, 2, 1), date(2024, 3, 1)),
        (date(2023, 1, 1), "week", date(2022, 12, 26), date(2023, 1, 2)),
        (date(2023, 1, 1), "day", date(2023, 1, 1), date(2023, 1, 2)),
    ],
)
def test_known_periods(day: date, every: Grain, start: date, end: date) -> None:
    assert first_day(day, every) == start
    assert next_period(start, every) == end
