-- The distance of a pair of airports does not depend on who flies it.
select origin, destination, min(distance_miles) as shortest, max(distance_miles) as longest
from {{ ref('routes') }}
group by origin, destination
having min(distance_miles) <> max(distance_miles)
