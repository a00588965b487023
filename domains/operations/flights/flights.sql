-- One row per flight that was planned to leave EWR, JFK or LGA.
--
-- The airline's systems write clock times as the integer hhmm, local to the airport where the clock
-- hangs, with 2400 for the midnight that ends a day, and without a date. Three facts of the data make
-- instants out of them without guessing:
--   * scheduled departures are New York's clock on flight_date, never between 02:00 and 03:00, so
--     that each is exactly one instant, on the days of the clock change too;
--   * delays are elapsed minutes: they span clock changes and midnights as real time does;
--   * a clock at the destination never shows an earlier local time at arrival than New York's clock
--     at departure (the longest way west, to Honolulu, takes longer than its five hours of offset).
with clocks as (
    select
        cast(flight_date as date) as flight_date,
        trim(carrier) as carrier,
        cast(flight as integer) as flight_number,
        -- Allegiant's rows lack the N that every registration of the United States starts with.
        case when regexp_matches(tailnum, '^[0-9]') then 'N' || tailnum else tailnum end
            as tail_number,
        trim(origin) as origin,
        trim(dest) as destination,
        cast(flight_date as timestamp)
            + to_minutes(cast(sched_dep_time // 100 * 60 + sched_dep_time % 100 as bigint))
            as scheduled_departure_local,
        cast(dep_delay as integer) as departure_delay_minutes,
        cast(dep_time // 100 * 60 + dep_time % 100 as bigint) as departure_clock,
        cast(sched_arr_time // 100 * 60 + sched_arr_time % 100 as bigint) as scheduled_arrival_clock,
        cast(arr_time // 100 * 60 + arr_time % 100 as bigint) as arrival_clock,
        cast(arr_delay as integer) as arrival_delay_minutes,
        cast(air_time as integer) as air_time_minutes,
        cast(distance as integer) as distance_miles
    from flights
),

departures as (
    select
        *,
        timezone('America/New_York', scheduled_departure_local) as scheduled_departure_at,
        -- The day whose clock time comes nearest to plan and delay; the clock change may part the
        -- two by an hour, which rounding forgives.
        scheduled_departure_local::date::timestamp
            + to_minutes(departure_clock)
            + to_days(
                cast(
                    round(
                        (
                            date_diff('minute', flight_date::timestamp, scheduled_departure_local)
                            + departure_delay_minutes
                            - departure_clock
                        ) / 1440.0
                    ) as integer
                )
            ) as departed_local
    from clocks
)

select
    -- Readable, stable, and one per row: a carrier uses a number once a day out of New York.
    strftime(flight_date, '%Y%m%d') || '-' || carrier || '-' || flight_number as flight_id,
    flight_date,
    carrier,
    flight_number,
    tail_number,
    origin,
    destination,
    scheduled_departure_at,
    scheduled_departure_local,
    scheduled_departure_at + to_minutes(cast(departure_delay_minutes as bigint)) as departed_at,
    departed_local,
    departure_delay_minutes,
    -- The first time after departure that the destination's clock shows the written time.
    date_trunc('day', scheduled_departure_local)
        + to_minutes(scheduled_arrival_clock)
        + to_days(
            cast(
                date_trunc('day', scheduled_departure_local) + to_minutes(scheduled_arrival_clock)
                < scheduled_departure_local as integer
            )
        ) as scheduled_arrival_local,
    -- A diverted flight that reached its destination later has a clock time and no date: left out.
    case
        when arrival_delay_minutes is not null
            then
                date_trunc('day', departed_local)
                + to_minutes(arrival_clock)
                + to_days(
                    cast(
                        date_trunc('day', departed_local) + to_minutes(arrival_clock)
                        < departed_local as integer
                    )
                )
    end as arrived_local,
    arrival_delay_minutes,
    air_time_minutes,
    distance_miles,
    departure_delay_minutes is null as cancelled,
    departure_delay_minutes is not null and arrival_delay_minutes is null as diverted
from departures
order by flight_date, scheduled_departure_at, flight_id
