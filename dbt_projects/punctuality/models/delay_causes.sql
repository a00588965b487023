-- What went together with disruption: every disrupted flight is counted under the first of these
-- circumstances that it met. They are ordered from the widest (it hit everybody) to the narrowest.
with explained as (
    select
        *,
        case
            when disturbed_departure and adverse_weather then 'weather'
            when disturbed_departure and airport_disturbed then 'airport'
            when disturbed_departure then 'carrier'
            when diverted then 'diversion'
            when air_time_above_normal_minutes >= 10 then 'en route'
            else 'ground'
        end as circumstance
    from {{ ref('disrupted_flights') }}
)

select
    month,
    origin,
    circumstance,
    count(*) as disrupted_flights,
    count(*) filter (where cancelled) as cancelled_flights,
    count(*) filter (where diverted) as diverted_flights,
    count(arrival_delay_minutes) as late_flights,
    cast(coalesce(sum(arrival_delay_minutes), 0) as bigint) as late_minutes,
    count(*) filter (where not weather_known) as flights_without_weather,
    round(100.0 * count(*) / sum(count(*)) over (partition by month, origin), 2) as percent_of_month
from explained
group by month, origin, circumstance
order by month, origin, circumstance
