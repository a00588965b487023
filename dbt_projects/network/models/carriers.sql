-- One row per carrier that reported flights from New York City in 2023.
select
    trim(carrier) as carrier,
    trim(name) as name
from {{ source('inputs', 'registered_airlines') }}
order by carrier
