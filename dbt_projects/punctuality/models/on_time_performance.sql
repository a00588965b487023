-- How well each carrier kept its schedule at each airport, month by month.
with months as (
    select
        cast(date_trunc('month', flight_date) as date) as month,
        carrier,
        origin,
        count(*) as flights,
        count(*) filter (where cancelled) as cancelled_flights,
        count(*) filter (where diverted) as diverted_flights,
        -- Cancelled and diverted flights are not on time: they stay in what shares are taken of.
        count(*) filter (where departure_delay_minutes < {{ var('late_minutes') }})
            as on_time_departures,
        count(*) filter (where arrival_delay_minutes < {{ var('late_minutes') }})
            as on_time_arrivals,
        avg(arrival_delay_minutes) as mean_arrival_delay_minutes,
        median(arrival_delay_minutes) as median_arrival_delay_minutes,
        quantile_cont(arrival_delay_minutes, 0.9) as p90_arrival_delay_minutes
    from {{ source('inputs', 'flights') }}
    group by all
)

select
    months.month,
    months.carrier,
    carriers.name as carrier_name,
    months.origin,
    months.flights,
    months.cancelled_flights,
    months.diverted_flights,
    months.on_time_departures,
    months.on_time_arrivals,
    round(100.0 * months.on_time_departures / months.flights, 2) as on_time_departure_percent,
    round(100.0 * months.on_time_arrivals / months.flights, 2) as on_time_arrival_percent,
    round(months.mean_arrival_delay_minutes, 2) as mean_arrival_delay_minutes,
    months.median_arrival_delay_minutes,
    round(months.p90_arrival_delay_minutes, 1) as p90_arrival_delay_minutes
from months
left join {{ source('inputs', 'carriers') }} as carriers using (carrier)
order by months.month, months.carrier, months.origin
