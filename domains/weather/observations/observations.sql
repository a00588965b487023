-- One row per station and hour.
--
-- `time_hour` is an instant in UTC, as it is labelled: the warmest hour is 19:00 in winter and 17:00
-- to 19:00 in summer, two to three in the afternoon in New York. (The flights' column of the same
-- name is New York's clock with the same label, so that joining the two by name, as textbooks do,
-- is four or five hours off. Join on instants.)
select
    trim(origin) as station,
    time_hour as observed_at,
    temp as temperature_f,
    dewp as dew_point_f,
    humid as relative_humidity_percent,
    cast(wind_dir as integer) as wind_direction_degrees,
    wind_speed as wind_speed_mph,
    -- The stations write 0.0001 for a trace: it rained, and too little to measure.
    case when precip = 0.0001 then 0.0 else precip end as precipitation_inches,
    precip = 0.0001 as trace_of_precipitation,
    pressure as pressure_hpa,
    visib as visibility_miles
from weather
order by observed_at, station
