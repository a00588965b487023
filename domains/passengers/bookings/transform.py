"""A seeded generator of synthetic people who book real flights.

Every day of flights has a random stream of its own, so that the bookings of a day do not change
when other days come or go: the same flights give the same rows, which is what an upsert needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pyarrow as pa

    from mesh_defs.product.inputs import InputData

    Texts = np.ndarray[Any, np.dtype[np.str_]]
    People = dict[str, np.ndarray[Any, Any]]

SEED = 20230101
PEOPLE = 60_000
BOOKINGS_PER_FLIGHT = 0.46  # 200,000 bookings on the 435,352 flights of 2023

_CABINS = ("economy", "premium economy", "business")
_CABIN_SHARES = (0.84, 0.10, 0.06)
_CABIN_FACTORS = (1.0, 1.7, 3.4)
_MEALS = ("standard", "vegetarian", "vegan", "kosher", "halal", "gluten free")
_MEAL_SHARES = (0.80, 0.08, 0.04, 0.02, 0.03, 0.03)
_ASSISTANCE = ("none", "wheelchair", "hearing", "vision")
_ASSISTANCE_SHARES = (0.965, 0.025, 0.006, 0.004)
_AREA_CODES = ("212", "332", "347", "646", "718", "917", "929")

# Syllables that make names one can say and nobody has to have.
_ONSETS = ("B", "D", "F", "K", "L", "M", "N", "P", "R", "S", "T", "V", "Br", "Dr", "Kl", "Tr")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "eo", "ou")
_MIDDLES = ("l", "m", "n", "r", "s", "v", "nd", "rt", "lk", "st")
_GIVEN_ENDS = ("a", "o", "i", "el", "an", "is")
_FAMILY_ENDS = ("ovar", "ensk", "ardi", "umel", "iston", "aquen", "orith", "elmo")

_MICROSECONDS_PER_DAY = 86_400_000_000


def transform(flights: InputData) -> Iterator[pa.RecordBatch]:
    """One record batch of bookings per day of flights, in the order of the days."""
    people = _people()
    table = flights.arrow(
        columns=["flight_id", "flight_date", "scheduled_departure_at", "distance_miles"]
    ).sort_by([("flight_date", "ascending"), ("flight_id", "ascending")])
    for day in _days(table):
        yield _bookings(day, people)


def _days(table: pa.Table) -> Iterator[pa.Table]:
    """Slices of one day each, of a table that is sorted by day."""
    import numpy as np

    days = table["flight_date"].to_numpy()
    starts = np.flatnonzero(np.r_[True, days[1:] != days[:-1]]) if len(days) else np.array([], int)
    for start, end in zip(starts, [*starts[1:], len(days)], strict=True):
        yield table.slice(start, end - start)


def _people() -> People:
    """The people who travel: one array per attribute, one entry per person."""
    import numpy as np

    random = np.random.default_rng(SEED)

    def pick(words: tuple[str, ...], shares: tuple[float, ...] | None = None) -> Texts:
        return random.choice(np.array(words), PEOPLE, p=shares)

    def join(first: Texts | str, *others: Texts | str) -> Texts:
        text = np.asarray(first)
        for other in others:
            text = np.char.add(text, other)
        return text

    number = np.char.zfill(np.arange(1, PEOPLE + 1).astype(str), 5)
    given = join(pick(_ONSETS), pick(_VOWELS), pick(_MIDDLES), pick(_GIVEN_ENDS))
    family = join(pick(_ONSETS), pick(_VOWELS), pick(_MIDDLES), pick(_FAMILY_ENDS))
    fictional = random.integers(100, 200, PEOPLE).astype(str)
    oldest = np.datetime64("1933-01-01")
    days = random.integers(0, 72 * 365, PEOPLE)
    return {
        "passenger_id": join("P", number),
        "given_name": given,
        "family_name": family,
        "email": join(
            np.char.lower(given), ".", np.char.lower(family), ".", number, "@passengers.example"
        ),
        "phone": join("+1-", pick(_AREA_CODES), "-555-0", fictional),
        "birth_date": oldest + days.astype("timedelta64[D]"),
        "meal": pick(_MEALS, _MEAL_SHARES),
        "assistance": pick(_ASSISTANCE, _ASSISTANCE_SHARES),
    }


def _bookings(day: pa.Table, people: People) -> pa.RecordBatch:
    """The bookings on one day's flights."""
    import numpy as np
    import pyarrow as pa

    date = day["flight_date"][0].as_py()
    random = np.random.default_rng([SEED, date.toordinal()])
    count = round(BOOKINGS_PER_FLIGHT * len(day))
    flight = np.sort(random.integers(0, len(day), count))
    person = random.integers(0, PEOPLE, count)
    cabin = random.choice(len(_CABINS), count, p=_CABIN_SHARES)

    departure = day["scheduled_departure_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    # Most book some weeks ahead, nobody less than an hour or more than 330 days before.
    days_ahead = np.clip(random.gamma(1.3, 28.0, count), 1 / 24, 330)
    booked = departure.to_numpy()[flight] - (days_ahead * _MICROSECONDS_PER_DAY).astype(np.int64)
    miles = day["distance_miles"].to_numpy()[flight]
    fare = (49 + 0.11 * miles) * np.array(_CABIN_FACTORS)[cabin] * random.lognormal(0, 0.35, count)
    cents = np.round(100 * np.clip(fare, 29, 9_999)).astype(np.int64)
    sequence = np.char.zfill(np.arange(1, count + 1).astype(str), 4)

    columns = {
        "booking_id": pa.array(np.char.add(f"B{date:%Y%m%d}-", sequence)),
        "passenger_id": pa.array(people["passenger_id"][person]),
        "flight_id": day["flight_id"].combine_chunks().take(pa.array(flight)),
        "flight_date": day["flight_date"].combine_chunks().take(pa.array(flight)),
        "booked_at": pa.array(booked).cast(pa.timestamp("us", tz="UTC")),
        "cabin": pa.array(np.array(_CABINS)[cabin]),
        "fare_usd": _money(cents),
    }
    for name in people:
        if name != "passenger_id":
            columns[name] = pa.array(people[name][person])
    return pa.RecordBatch.from_pydict(columns)


def _money(cents: np.ndarray[Any, Any]) -> pa.Array:
    """Whole cents as exact decimals with two places, DECIMAL(8,2)."""
    import numpy as np
    import pyarrow as pa

    # A decimal of Arrow is a 128-bit integer of its smallest unit: the cents, and zeros above them.
    words = np.column_stack([cents, np.zeros_like(cents)])
    return pa.Array.from_buffers(pa.decimal128(8, 2), len(cents), [None, pa.py_buffer(words)])
