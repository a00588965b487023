"""weather/observations: what is said of the data is true, and joins meet the right hour."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from reference_data import connection, make, raw


@pytest.fixture(scope="module")
def made() -> Iterator[duckdb.DuckDBPyConnection]:
    with connection() as found:
        make(found, "weather/observations", "observations", weather=raw("weather"))
        yield found


CLAIMS = {
    "the last observation": (
        "select max(observed_at)::varchar from observations",
        "2023-12-30 23:00:00+00",
    ),
    "one hour of LGA is missing, on 2 May": (
        (
            "select string_agg(station || ' ' || day) "
            "from (select station, observed_at::date as day from observations "
            "group by all having count(*) <> 24)"
        ),
        "LGA 2023-05-02",
    ),
    "1,041 hours without wind": (
        "select count(*) from observations where wind_speed_mph is null",
        1_041,
    ),
    "188 without a steady direction": (
        (
            "select count(*) from observations "
            "where wind_speed_mph is not null and wind_direction_degrees is null"
        ),
        188,
    ),
    "gusts are wind times a factor": (
        (
            f"select count(*) from {raw('weather')} "
            "where abs(wind_gust - 1.15078 * wind_speed) > 0.001 "
            "or (wind_gust is null) <> (wind_speed is null)"
        ),
        0,
    ),
    "three readings of humidity that do not fit": (
        (
            "select count(*) from observations where abs(relative_humidity_percent - 100 "
            "* exp(17.625 * (dew_point_f - 32) / 1.8 / (243.04 + (dew_point_f - 32) / 1.8)) "
            "/ exp(17.625 * (temperature_f - 32) / 1.8 / (243.04 + (temperature_f - 32) / 1.8))) "
            "> 2"
        ),
        3,
    ),
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_is_said_of_the_real_data_is_true(made: duckdb.DuckDBPyConnection, claim: str) -> None:
    query, expected = CLAIMS[claim]
    assert made.execute(query).fetchall() == [(expected,)]


def test_the_observations_are_in_utc_and_the_flights_hour_is_not(
    made: duckdb.DuckDBPyConnection,
) -> None:
    """Rain delays departures in its own hour. Read as instants the two meet best there; joined by
    the columns of the same name they would meet four or five hours off."""
    rows = made.execute(
        f"""
        with departures as (
            select origin, dep_delay,
                timezone(
                    'America/New_York', make_timestamp(year, month, day, hour, 0, 0)
                ) as instant,
                time_hour as mislabelled
            from {raw("flights")} where dep_delay is not null
        )
        select
            (select corr(dep_delay, precipitation_inches) from departures join observations
                on origin = station and instant = observed_at),
            (select corr(dep_delay, precipitation_inches) from departures join observations
                on origin = station and mislabelled = observed_at)
        """
    ).fetchone()
    assert rows is not None
    as_instants, by_name = rows
    assert as_instants > 1.25 * by_name
    warmest = made.execute(
        "select hour(observed_at) from observations where month(observed_at) in (1, 2) "
        "group by 1 order by avg(temperature_f) desc limit 1"
    ).fetchone()
    assert warmest == (19,)
