-- Every flight is counted in exactly one row: the totals differ in no row.
select performance.flights, source.flights as flights_of_the_source
from (select sum(flights) as flights from {{ ref('on_time_performance') }}) as performance
cross join (select count(*) as flights from {{ source('inputs', 'flights') }}) as source
where performance.flights is distinct from source.flights
