"""operations/flights: clock times become instants, over midnights and changes of the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from reference_data import airline, connection, make

COLUMNS = (
    "flight_date DATE",
    "carrier TEXT",
    "flight BIGINT",
    "tailnum TEXT",
    "origin TEXT",
    "dest TEXT",
    "sched_dep_time BIGINT",
    "dep_time BIGINT",
    "dep_delay BIGINT",
    "sched_arr_time BIGINT",
    "arr_time BIGINT",
    "arr_delay BIGINT",
    "air_time BIGINT",
    "distance BIGINT",
)


def flight(**changed: object) -> dict[str, Any]:
    """What the product makes of one row of the airline's system."""
    row: dict[str, object] = {
        "flight_date": "2023-07-04",
        "carrier": "UA",
        "flight": 628,
        "tailnum": "N25201",
        "origin": "EWR",
        "dest": "SMF",
        "sched_dep_time": 2038,
        "dep_time": 2100,
        "dep_delay": 22,
        "sched_arr_time": 2359,
        "arr_time": 17,
        "arr_delay": 18,
        "air_time": 320,
        "distance": 2500,
        **changed,
    }
    found = connection()
    marks = ", ".join("?" for _ in row)
    found.execute(f"CREATE TABLE source ({', '.join(COLUMNS)})")
    found.execute(f"INSERT INTO source VALUES ({marks})", list(row.values()))
    make(found, "operations/flights", "flights", flights="source")
    result = found.execute("SELECT * FROM flights").to_arrow_table().to_pylist()
    assert len(result) == 1
    return dict(result[0])


def local(text: str) -> datetime:
    """A clock time without a zone."""
    return datetime.fromisoformat(text)


def test_an_arrival_after_midnight_is_on_the_next_day() -> None:
    made = flight()
    assert made["flight_id"] == "20230704-UA-628"
    assert made["scheduled_departure_at"] == datetime(2023, 7, 5, 0, 38, tzinfo=UTC)
    assert made["departed_local"] == local("2023-07-04 21:00")
    assert made["scheduled_arrival_local"] == local("2023-07-04 23:59")
    assert made["arrived_local"] == local("2023-07-05 00:17")


def test_2400_is_the_midnight_that_ends_the_day() -> None:
    made = flight(sched_dep_time=2350, dep_time=2400, dep_delay=10)
    assert made["departed_local"] == local("2023-07-05 00:00")


def test_a_departure_on_the_day_before_its_plan() -> None:
    # The plan is five past midnight; they left ten minutes early.
    made = flight(sched_dep_time=5, dep_time=2355, dep_delay=-10)
    assert made["departed_local"] == local("2023-07-03 23:55")


def test_a_delay_of_more_than_a_day() -> None:
    made = flight(sched_dep_time=1000, dep_time=1613, dep_delay=1813, arr_time=1900)
    assert made["departed_local"] == local("2023-07-05 16:13")
    assert made["departed_at"] == datetime(2023, 7, 5, 20, 13, tzinfo=UTC)
    assert made["arrived_local"] == local("2023-07-05 19:00")


@pytest.mark.parametrize(
    ("day", "clock", "delay"),
    [
        ("2023-03-11", 755, 568),  # spring: 568 minutes later the clock has moved 628
        ("2023-11-04", 555, 568),  # autumn: 568 minutes later the clock has moved 508
    ],
)
def test_a_delay_over_the_clock_change_is_real_time(day: str, clock: int, delay: int) -> None:
    made = flight(flight_date=day, sched_dep_time=2127, dep_time=clock, dep_delay=delay)
    hour, minute = divmod(clock, 100)
    assert (made["departed_local"].hour, made["departed_local"].minute) == (hour, minute)
    assert (made["departed_at"] - made["scheduled_departure_at"]).total_seconds() == 60 * delay


def test_cancelled_and_diverted() -> None:
    nothing = {"arr_time": None, "arr_delay": None, "air_time": None}
    cancelled = flight(dep_time=None, dep_delay=None, **nothing)
    assert (cancelled["cancelled"], cancelled["diverted"]) == (True, False)
    assert cancelled["departed_at"] is None
    assert cancelled["departed_local"] is None
    # A diverted flight that came in later has a clock time without a date.
    diverted = flight(arr_delay=None, air_time=None)
    assert (diverted["cancelled"], diverted["diverted"]) == (False, True)
    assert diverted["arrived_local"] is None


def test_registrations_get_the_letter_that_allegiant_leaves_out() -> None:
    assert flight(tailnum="190NV")["tail_number"] == "N190NV"
    assert flight(tailnum=None)["tail_number"] is None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    database: Path = airline(tmp_path_factory.mktemp("airline"))
    with connection(database) as found:
        make(found, "operations/flights", "flights", flights="ops.flights")
        make(found, "fleet/aircraft", "aircraft", planes="ops.planes")
        yield found


# What the product's limitations and contract say of the real data, and where they say it.
CLAIMS = {
    "10,738 cancelled": ("select count(*) from flights where cancelled", 10_738),
    "1,796 diverted": ("select count(*) from flights where diverted", 1_796),
    "1,913 without a tail number": (
        "select count(*) from flights where tail_number is null",
        1_913,
    ),
    "all of them cancelled": (
        "select count(*) from flights where tail_number is null and not cancelled",
        0,
    ),
    "9,371 flights whose aircraft is not known": (
        (
            "select count(*) from flights anti join aircraft using (tail_number) "
            "where tail_number is not null"
        ),
        9_371,
    ),
    "277 such aircraft": (
        "select count(distinct tail_number) from flights anti join aircraft using (tail_number)",
        277,
    ),
    "all 94 of Allegiant": (
        (
            "select count(distinct tail_number) from flights "
            "anti join aircraft using (tail_number) where carrier = 'G4'"
        ),
        94,
    ),
    "fewest on Thanksgiving": (
        (
            "select min_by(flight_date, n)::varchar || ' ' || min(n) from "
            "(select flight_date, count(*) n from flights group by 1)"
        ),
        "2023-11-23 635",
    ),
    "one delay an hour too long": (
        (
            "select string_agg(flight_id) from flights "
            "where timezone('America/New_York', departed_at) <> departed_local"
        ),
        "20230311-B6-67",
    ),
    "four arrivals that do not fit": (
        (
            "select string_agg(flight_id, ' ' order by flight_id) from flights where "
            "date_diff('minute', scheduled_arrival_local, arrived_local) <> arrival_delay_minutes"
        ),
        "20230311-DL-259 20230323-YX-1713 20231023-OO-1214 20231104-9E-1479",
    ),
    "five impossible speeds": (
        "select count(*) from flights where distance_miles * 60.0 / air_time_minutes > 620",
        5,
    ),
    "89 aircraft of unknown age": (
        "select count(*) from aircraft where built_year is null",
        89,
    ),
    "three twins with three engines": (
        (
            "select string_agg(tail_number || ' ' || model, ', ' order by tail_number) "
            "from aircraft where engines = 3"
        ),
        "N852NW A330-223, N859NW A330-223, N860NW A330-223",
    ),
    "Spirit's helicopter": (
        (
            "select string_agg(distinct carrier || ' ' || category) from flights "
            "join aircraft using (tail_number) where tail_number = 'N135NK'"
        ),
        "NK Rotorcraft",
    ),
    "seats of a Boeing 777-300ER": (
        "select max(seats) from aircraft where model = '777-300ER'",
        552,
    ),
    "the register has no speeds": ("select max(speed) from ops.planes", 0),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_is_said_of_the_real_data_is_true(made: duckdb.DuckDBPyConnection, claim: str) -> None:
    query, expected = CLAIMS[claim]
    assert made.execute(query).fetchall() == [(expected,)]
