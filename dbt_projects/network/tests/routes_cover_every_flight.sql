-- Every flight is counted on exactly one route: the totals differ in no row.
select routes.flights, source.flights as flights_of_the_source
from (select sum(flights) as flights from {{ ref('routes') }}) as routes
cross join (select count(*) as flights from {{ source('inputs', 'flights') }}) as source
where routes.flights is distinct from source.flights
