-- Flights that were late, cancelled or diverted, each with the circumstances at its planned hour.
{{ config(materialized='view') }}

with hours as (
    -- How the whole airport did in that hour: 23 percent of the year's flights left late or never, so
    -- half of an hour's flights points to the airport and its airspace, not to one airline.
    select
        origin,
        date_trunc('hour', scheduled_departure_at) as hour,
        count(*) as planned,
        count(*) filter (
            where cancelled or departure_delay_minutes >= {{ var('late_minutes') }}
        ) as disturbed
    from {{ source('inputs', 'flights') }}
    group by all
)

select
    flights.flight_id,
    cast(date_trunc('month', flights.flight_date) as date) as month,
    flights.origin,
    flights.cancelled,
    flights.diverted,
    flights.arrival_delay_minutes,
    flights.cancelled or flights.departure_delay_minutes >= {{ var('late_minutes') }}
        as disturbed_departure,
    flights.air_time_minutes - routes.median_air_time_minutes as air_time_above_normal_minutes,
    observations.station is not null as weather_known,
    -- Three miles of visibility end visual flight (14 CFR 91.155); the limits of wind and rain are our
    -- own judgement. Unknown weather counts as not adverse, and is counted apart.
    coalesce(
        observations.visibility_miles < 3
        or observations.wind_speed_mph >= 25
        or observations.precipitation_inches >= 0.1,
        false
    ) as adverse_weather,
    hours.planned >= 5 and 2 * hours.disturbed >= hours.planned as airport_disturbed
from {{ source('inputs', 'flights') }} as flights
inner join hours
    on
        flights.origin = hours.origin
        and date_trunc('hour', flights.scheduled_departure_at) = hours.hour
left join {{ source('inputs', 'observations') }} as observations
    on
        flights.origin = observations.station
        and date_trunc('hour', flights.scheduled_departure_at) = observations.observed_at
left join {{ source('inputs', 'routes') }} as routes
    on
        flights.carrier = routes.carrier
        and flights.origin = routes.origin
        and flights.destination = routes.destination
where
    flights.cancelled
    or flights.diverted
    or flights.arrival_delay_minutes >= {{ var('late_minutes') }}
