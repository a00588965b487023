"""What `verify` verifies: ten million bookings, a copy that is spoiled, and their contract."""

from __future__ import annotations

from mesh_defs.contract.model import Column, PortContract, ServiceLevels
from mesh_defs.contract.rules import (
    Bounds,
    ForeignKey,
    Freshness,
    Metric,
    NotNull,
    Pattern,
    Rule,
    Threshold,
    Unique,
)

ROWS = 10_000_000
AIRCRAFT = "mesh://fleet/aircraft/aircraft"
_CARRIERS = ("UA", "B6", "YX", "DL", "AA", "9E", "NK", "WN", "AS", "G4", "F9", "OO", "HA", "MQ")
_ORIGINS = ("EWR", "JFK", "LGA")
_STATUS = ("booked", "paid", "flown", "cancelled", "refunded")

# Bookings of one year in the order in which they came in: a rising number, a random reference,
# times, few and many distinct values, decimals, doubles of 17 digits, NULLs, free text.
BOOKINGS = f"""
SELECT
    i AS booking_id,
    md5(i::VARCHAR) AS reference,
    TIMESTAMP '2023-01-01' + to_microseconds((i * 3153600 + hash(i) % 3000000)::BIGINT)
        AS booked_at,
    DATE '2023-01-01' + (i * 365 // {ROWS} + hash(i + 1) % 90)::INTEGER AS flight_date,
    list_extract({list(_CARRIERS)}, (1 + hash(i + 2) % {len(_CARRIERS)})::INTEGER) AS carrier,
    list_extract({list(_ORIGINS)}, (1 + hash(i + 3) % {len(_ORIGINS)})::INTEGER) AS origin,
    chr((65 + hash(i + 4) % 5)::INTEGER) || chr((65 + hash(i + 5) % 5)::INTEGER)
        || chr((65 + hash(i + 6) % 5)::INTEGER) AS destination,
    'N' || (10000 + hash(i + 7) % 4840)::VARCHAR AS tail_number,
    CASE WHEN hash(i + 8) % 40 <> 0 THEN round((hash(i + 9) % 100000) / 1000.0 - 20, 1)::DOUBLE END
        AS departure_delay,
    CASE WHEN hash(i + 8) % 40 <> 0 THEN (hash(i + 10) % 10000000)::DOUBLE / 30000 - 60 END
        AS arrival_delay,
    (80 + hash(i + 11) % 4900)::INTEGER AS distance,
    (39 + (hash(i + 12) % 200000) / 100.0)::DECIMAL(10, 2) AS fare,
    list_extract({list(_STATUS)}, (1 + hash(i + 13) % {len(_STATUS)})::INTEGER) AS status,
    (1 + hash(i + 14) % 6)::SMALLINT AS seats,
    CASE WHEN hash(i + 15) % 20 <> 0 THEN 'p' || (hash(i + 16) % 900000)::VARCHAR || '@example.org'
        END AS contact
FROM range({ROWS}) AS numbers(i)
"""
FLEET = "SELECT 'N' || (10000 + i)::VARCHAR AS tail_number FROM range(4840) AS numbers(i)"
# One row that breaks every rule about rows, twice, so that it also breaks the key.
SPOILED = """
SELECT * REPLACE (
    NULL AS booked_at, 'no reference' AS reference, DATE '1999-01-01' AS flight_date,
    'ZZ' AS carrier, 'XXX' AS origin, 'tail' AS tail_number, 'NaN'::DOUBLE AS departure_delay,
    1e9 AS arrival_delay, 0 AS distance, -1 AS fare, 'lost' AS status, 99 AS seats, 'x' AS contact
) FROM (FROM read_parquet('{source}') LIMIT 1), range(2)
"""
COLUMNS = (
    "booking_id",
    "reference",
    "booked_at",
    "flight_date",
    "carrier",
    "origin",
    "destination",
    "tail_number",
    "departure_delay",
    "arrival_delay",
    "distance",
    "fare",
    "status",
    "seats",
    "contact",
)
_REQUIRED = (
    "booking_id",
    "reference",
    "booked_at",
    "flight_date",
    "carrier",
    "tail_number",
    "fare",
)
_VALUES: dict[str, tuple[object, ...]] = {
    "carrier": _CARRIERS,
    "origin": _ORIGINS,
    "status": _STATUS,
    "seats": (1, 2, 3, 4, 5, 6),
}
_PATTERNS = {
    "reference": "^[0-9a-f]{32}$",
    "tail_number": "^N[0-9]{5}$",
    "contact": r"^[a-z0-9.]+@[a-z0-9-]+\.[a-z]{2,}$",
    "destination": "^[A-Z]{3}$",
}
_CONFORMITY = "conformity"
_RANGES = (
    Bounds(
        id="flight_date.range", column="flight_date", dimension=_CONFORMITY, minimum="2023-01-01"
    ),
    Bounds(
        id="departure_delay.range", column="departure_delay", dimension=_CONFORMITY, minimum=-60
    ),
    Bounds(id="arrival_delay.range", column="arrival_delay", dimension=_CONFORMITY, maximum=1500),
    Bounds(id="distance.range", column="distance", dimension=_CONFORMITY, minimum=80, maximum=4983),
    Bounds(
        id="fare.range", column="fare", dimension=_CONFORMITY, exclusive_minimum=0, maximum=2500
    ),
)
# These still hold for the spoiled copy: two more rows, all with a number, a day, and so on.
STILL_HOLD = frozenset(
    f"{name}.required"
    for name in ("booking_id", "reference", "flight_date", "carrier", "tail_number", "fare")
) | {"contact.known", "destination.pattern"}


def bookings_contract() -> PortContract:
    """The contract of the bookings: 25 rules."""
    columns = tuple(
        Column(name, None, None, False, False, None, "internal", None, None, (), 1)
        for name in COLUMNS
    )
    rules = (*_row_rules(), *_table_rules())
    return PortContract("bookings", None, columns, rules, (), ServiceLevels())


def _row_rules() -> tuple[Rule, ...]:
    not_null = (
        NotNull(id=f"{name}.required", column=name, dimension="completeness") for name in _REQUIRED
    )
    values = (
        Metric(
            id=f"{name}.values",
            column=name,
            metric="invalidValues",
            threshold=Threshold(must_be=0),
            arguments={"validValues": list(valid)},
            dimension=_CONFORMITY,
        )
        for name, valid in _VALUES.items()
    )
    patterns = (
        Pattern(id=f"{name}.pattern", column=name, pattern=pattern, dimension=_CONFORMITY)
        for name, pattern in _PATTERNS.items()
    )
    return (*not_null, *values, *_RANGES, *patterns)


def _table_rules() -> tuple[Rule, ...]:
    return (
        Unique(
            id="booking_id.key", columns=("booking_id",), primary_key=True, dimension="uniqueness"
        ),
        ForeignKey(
            id="tail_number.fleet",
            columns=("tail_number",),
            target=AIRCRAFT,
            target_columns=("tail_number",),
            dimension="consistency",
        ),
        Metric(
            id="rows",
            metric="rowCount",
            threshold=Threshold(between=(ROWS // 2, ROWS)),
            dimension="completeness",
        ),
        Metric(
            id="contact.known",
            column="contact",
            metric="nullValues",
            threshold=Threshold(less_than=5.1),
            unit="percent",
            dimension="completeness",
        ),
        Freshness(id="fresh", column="booked_at", seconds=2 * 86_400, dimension="timeliness"),
    )
