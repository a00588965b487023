-- One row per airport of the register, with names that carry their units.
select
    trim(faa) as airport,
    trim(name) as name,
    lat as latitude_degrees,
    lon as longitude_degrees,
    cast(round(alt) as integer) as elevation_feet,
    cast(tz as integer) as utc_offset_hours,
    -- The register's letters are the ones of openflights.org.
    case dst
        when 'A' then 'United States'
        when 'E' then 'Europe'
        when 'N' then 'none'
        when 'U' then 'unknown'
    end as daylight_saving,
    tzone as time_zone
from {{ source('inputs', 'registered_airports') }}
order by airport
