-- One row per aircraft that flew from New York City in 2023, from the airlines' copy of the register.
--
-- `speed` is left out: it is 0 for every aircraft, which says "unknown" and would be read as a speed.
select
    trim(tailnum) as tail_number,
    cast(year as integer) as built_year,
    type as category,
    -- The register keeps the name a maker had when it registered the aircraft; Airbus alone has
    -- three. Those who count a fleet want one.
    case
        when manufacturer in ('AIRBUS', 'AIRBUS INDUSTRIE', 'AIRBUS SAS') then 'Airbus'
        when manufacturer in ('AIRBUS CANADA LTD PTNRSP', 'C SERIES AIRCRAFT LTD PTNRSP')
            then 'Airbus Canada'
        when manufacturer in ('EMBRAER', 'EMBRAER S A', 'EMBRAER-EMPRESA BRASILEIRA DE')
            then 'Embraer'
        when manufacturer = 'BOEING' then 'Boeing'
        when manufacturer = 'BOMBARDIER INC' then 'Bombardier'
        when manufacturer = 'EUROCOPTER DEUTSCHLAND GMBH' then 'Eurocopter'
        when manufacturer = 'DIAMOND AIRCRAFT IND INC' then 'Diamond'
        -- A maker that is new to us stays visible, and fails the contract until somebody names it.
        else manufacturer
    end as manufacturer,
    manufacturer as registered_manufacturer,
    model,
    cast(engines as integer) as engines,
    engine as engine_type,
    cast(seats as integer) as seats
from planes
order by tail_number
