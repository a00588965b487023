-- Every late, cancelled or diverted flight is counted under exactly one circumstance.
select causes.flights, source.flights as flights_of_the_source
from (select sum(disrupted_flights) as flights from {{ ref('delay_causes') }}) as causes
cross join (
    select count(*) as flights
    from {{ source('inputs', 'flights') }}
    where cancelled or diverted or arrival_delay_minutes >= {{ var('late_minutes') }}
) as source
where causes.flights is distinct from source.flights
