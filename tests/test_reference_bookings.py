"""passengers/bookings: synthetic, the same for the same flights, and nobody's data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_data import connection, module

from mesh_defs.product.inputs import InputData
from mesh_defs.product.ledger import InputRecord

FLIGHTS_A_DAY = 12
transform = module("passengers/bookings").transform


def bookings(days: Sequence[int]) -> pa.Table:
    """The bookings on made-up flights of some ``days`` of January, in any order."""
    rows = [
        {
            "flight_id": f"202301{day:02}-UA-{number}",
            "flight_date": date(2023, 1, day),
            "scheduled_departure_at": datetime.fromisoformat(f"2023-01-{day:02}T12:00:00+00:00")
            + timedelta(minutes=number),
            "distance_miles": 100 + 200 * number,
        }
        for day in days
        for number in range(1, FLIGHTS_A_DAY + 1)
    ]
    found = connection()
    found.register("flights", pa.Table.from_pylist(rows))
    record = InputRecord("mesh://operations/flights", version=0)
    return pa.Table.from_batches(transform(InputData("flights", record, found)))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 31), unique=True, min_size=1, max_size=6))
def test_a_day_has_the_same_bookings_whatever_other_days_there_are(days: list[int]) -> None:
    together = bookings(days).sort_by("booking_id").to_pylist()
    alone = [row for day in sorted(days) for row in bookings([day]).to_pylist()]
    assert together == alone


def test_personal_data_reaches_nobody() -> None:
    rows = bookings(range(1, 32)).to_pylist()
    assert len(rows) == 31 * round(0.46 * FLIGHTS_A_DAY)
    for row in rows:
        assert row["email"].endswith("@passengers.example")
        assert row["phone"][7:].startswith("555-01")
        assert row["booked_at"] <= row_departure(row) - timedelta(hours=1)
        assert row["birth_date"] <= date(2004, 12, 31)


def row_departure(row: dict[str, object]) -> datetime:
    flight_id = str(row["flight_id"])
    day = datetime.fromisoformat(
        f"{flight_id[:4]}-{flight_id[4:6]}-{flight_id[6:8]}T12:00:00+00:00"
    )
    return day + timedelta(minutes=int(flight_id.rsplit("-", 1)[1]))


@pytest.mark.parametrize("cents", [29_00, 999_999, 123_45])
def test_money_is_exact(cents: int) -> None:
    import numpy as np

    made = module("passengers/bookings")._money(np.array([cents]))
    assert str(made[0].as_py()) == f"{cents // 100}.{cents % 100:02}"
