-- One row per carrier and pair of airports that it planned to connect in 2023.
with flown as (
    select
        carrier,
        origin,
        destination,
        -- The distance belongs to the pair of airports; a test holds the source to it.
        max(distance_miles) as distance_miles,
        count(*) as flights,
        count(*) filter (where cancelled) as cancelled_flights,
        count(distinct flight_date) as days_operated,
        min(flight_date) as first_flight_date,
        max(flight_date) as last_flight_date,
        -- The median, because one storm or one wrong air time must not move what is normal.
        median(air_time_minutes) as median_air_time_minutes
    from {{ source('inputs', 'flights') }}
    group by carrier, origin, destination
),

located as (
    select
        flown.*,
        carriers.name as carrier_name,
        destinations.name as destination_name,
        destinations.time_zone as destination_time_zone,
        radians(origins.latitude_degrees) as origin_latitude,
        radians(destinations.latitude_degrees) as destination_latitude,
        radians(destinations.longitude_degrees - origins.longitude_degrees) as longitude_apart
    from flown
    -- Left joins: a flight to an airport that nobody registered must show as a broken promise, not
    -- vanish.
    left join {{ source('inputs', 'carriers') }} as carriers using (carrier)
    left join {{ source('inputs', 'airports') }} as origins on flown.origin = origins.airport
    left join {{ source('inputs', 'airports') }} as destinations
        on flown.destination = destinations.airport
)

select
    carrier,
    carrier_name,
    origin,
    destination,
    destination_name,
    destination_time_zone,
    distance_miles,
    -- Haversine on the mean radius of the Earth (3,958.76 miles): an independent measure of what
    -- the airlines report.
    round(
        2 * 3958.7613 * asin(
            sqrt(
                pow(sin((destination_latitude - origin_latitude) / 2), 2)
                + cos(origin_latitude)
                * cos(destination_latitude)
                * pow(sin(longitude_apart / 2), 2)
            )
        ),
        1
    ) as great_circle_miles,
    flights,
    cancelled_flights,
    days_operated,
    first_flight_date,
    last_flight_date,
    median_air_time_minutes
from located
order by carrier, origin, destination
