"""Verification of 10 million rows, 15 columns and 25 rules, against one scan of every column.

    uv run python benchmarks/verify.py

Both read the same Parquet file, written as the container writes it, through a connection that is
locked down as the container's is. Ends with ``verify: <ratio> (bar 2.0)``; the exit code is 1 when
the ratio is over the bar, when the peak memory reaches 1 GB, or when a verdict is wrong.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks._harness import cache, conclude, in_child, in_turn, median, peak_memory_mb, table
from mesh_defs.contract.data import Rows, Staged, Surroundings
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
from mesh_defs.contract.verdicts import Verdict
from mesh_defs.contract.verify import verify
from mesh_defs.drivers.compute.duckdb import DuckDBCompute

ROWS = 10_000_000
BAR = 2.0
MEMORY_BAR_MB = 1000.0
MEMORY_GB = 0.5
NOW = datetime(2024, 1, 1, tzinfo=UTC)
AIRCRAFT = "mesh://fleet/aircraft/aircraft"

# Bookings of one year in the order in which they came in: a rising number, a random reference,
# times, few and many distinct values, decimals, doubles of 17 digits, NULLs, free text.
BOOKINGS = f"""
SELECT
    i AS booking_id,
    md5(i::VARCHAR) AS reference,
    TIMESTAMP '2023-01-01' + to_microseconds((i * 3153600 + hash(i) % 3000000)::BIGINT)
        AS booked_at,
    DATE '2023-01-01' + (i * 365 // {ROWS} + hash(i + 1) % 90)::INTEGER AS flight_date,
    list_extract(['UA','B6','YX','DL','AA','9E','NK','WN','AS','G4','F9','OO','HA','MQ'],
        (1 + hash(i + 2) % 14)::INTEGER) AS carrier,
    list_extract(['EWR', 'JFK', 'LGA'], (1 + hash(i + 3) % 3)::INTEGER) AS origin,
    chr((65 + hash(i + 4) % 5)::INTEGER) || chr((65 + hash(i + 5) % 5)::INTEGER)
        || chr((65 + hash(i + 6) % 5)::INTEGER) AS destination,
    'N' || (10000 + hash(i + 7) % 4840)::VARCHAR AS tail_number,
    CASE WHEN hash(i + 8) % 40 <> 0 THEN round((hash(i + 9) % 100000) / 1000.0 - 20, 1)::DOUBLE END
        AS departure_delay,
    CASE WHEN hash(i + 8) % 40 <> 0 THEN (hash(i + 10) % 10000000)::DOUBLE / 30000 - 60 END
        AS arrival_delay,
    (80 + hash(i + 11) % 4900)::INTEGER AS distance,
    (39 + (hash(i + 12) % 200000) / 100.0)::DECIMAL(10, 2) AS fare,
    list_extract(['booked', 'paid', 'flown', 'cancelled', 'refunded'],
        (1 + hash(i + 13) % 5)::INTEGER) AS status,
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
REQUIRED = ("booking_id", "reference", "booked_at", "flight_date", "carrier", "tail_number", "fare")
CARRIERS = ["UA", "B6", "YX", "DL", "AA", "9E", "NK", "WN", "AS", "G4", "F9", "OO", "HA", "MQ"]


def _row_rules() -> tuple[Rule, ...]:
    none = Threshold(must_be=0)
    not_null = [
        NotNull(id=f"{name}.required", column=name, dimension="completeness") for name in REQUIRED
    ]
    values: dict[str, list[object]] = {
        "carrier": [
            "UA",
            "B6",
            "YX",
            "DL",
            "AA",
            "9E",
            "NK",
            "WN",
            "AS",
            "G4",
            "F9",
            "OO",
            "HA",
            "MQ",
        ],
        "origin": ["EWR", "JFK", "LGA"],
        "status": ["booked", "paid", "flown", "cancelled", "refunded"],
        "seats": [1, 2, 3, 4, 5, 6],
    }
    valid = [
        Metric(
            id=f"{name}.values",
            column=name,
            metric="invalidValues",
            threshold=none,
            arguments={"validValues": listed},
            dimension="conformity",
        )
        for name, listed in values.items()
    ]
    ranges = [
        Bounds(
            id="flight_date.range",
            column="flight_date",
            minimum="2023-01-01",
            dimension="conformity",
        ),
        Bounds(
            id="departure_delay.range",
            column="departure_delay",
            minimum=-60,
            dimension="conformity",
        ),
        Bounds(
            id="arrival_delay.range", column="arrival_delay", maximum=1500, dimension="conformity"
        ),
        Bounds(
            id="distance.range", column="distance", minimum=80, maximum=4983, dimension="conformity"
        ),
        Bounds(
            id="fare.range",
            column="fare",
            exclusive_minimum=0,
            maximum=2500,
            dimension="conformity",
        ),
    ]
    patterns = [
        Pattern(
            id="reference.pattern",
            column="reference",
            pattern="^[0-9a-f]{32}$",
            dimension="conformity",
        ),
        Pattern(
            id="tail_number.pattern",
            column="tail_number",
            pattern="^N[0-9]{5}$",
            dimension="conformity",
        ),
        Pattern(
            id="contact.pattern",
            column="contact",
            pattern=r"^[a-z0-9.]+@[a-z0-9-]+\.[a-z]{2,}$",
            dimension="conformity",
        ),
        Pattern(
            id="destination.pattern",
            column="destination",
            pattern="^[A-Z]{3}$",
            dimension="conformity",
        ),
    ]
    return (*not_null, *valid, *ranges, *patterns)


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


def _contract() -> PortContract:
    columns = tuple(
        Column(name, None, None, False, False, None, "internal", None, None, (), 1)
        for name in COLUMNS
    )
    rules = (*_row_rules(), *_table_rules())
    return PortContract("bookings", None, columns, rules, (), ServiceLevels())


def _generate(folder: Path) -> dict[str, str]:
    """The three files, written once by the container's own compute."""
    files = {name: folder / f"{name}.parquet" for name in ("bookings", "fleet", "spoiled")}
    queries = {"bookings": BOOKINGS, "fleet": FLEET}
    queries["spoiled"] = SPOILED.format(source=str(files["bookings"]).replace("'", "''"))
    for name, query in queries.items():
        if not files[name].exists():
            print(f"generating {files[name]}", file=sys.stderr)
            unfinished = folder / f"unfinished-{name}.parquet"
            compute = DuckDBCompute(folder / "spill")
            compute.stage(query, unfinished)
            compute.close()
            unfinished.rename(files[name])
    return {name: str(path) for name, path in files.items()}


def _measure(files: dict[str, str]) -> dict[str, object]:
    contract = _contract()
    compute = DuckDBCompute(cache("verify") / "spill", memory_gb=MEMORY_GB)
    compute.lock(list(files.values()), [])
    rows = Rows.parquet([files["bookings"]])
    aircraft = {AIRCRAFT: Rows.parquet([files["fleet"]])}
    surroundings = Surroundings(relations=aircraft, now=NOW)
    hashes = ", ".join(f'sum(hash("{name}"))' for name in COLUMNS)
    seconds = in_turn(
        {
            "verify": lambda: verify(compute.connection, contract, Staged.only(rows), surroundings),
            "scan": lambda: compute.connection.execute(
                f"SELECT {hashes} FROM {rows.sql}"
            ).fetchall(),
        }
    )
    peak = peak_memory_mb()
    good = verify(compute.connection, contract, Staged.only(rows), surroundings)
    both = Rows.parquet([files["bookings"], files["spoiled"]])
    later = replace(surroundings, now=datetime(2024, 1, 10, tzinfo=UTC))
    spoiled = verify(compute.connection, contract, Staged.only(both), later)
    return {
        "seconds": seconds,
        "peak_mb": peak,
        "decided": {verdict.rule: verdict.decided_by for verdict in good},
        "problems": [*_problems(good, True), *_problems(spoiled, False)],
    }


# These still hold for the spoiled copy: two more rows, all with a number, a day, and so on.
_STILL_HOLD = frozenset(
    f"{name}.required"
    for name in ("booking_id", "reference", "flight_date", "carrier", "tail_number", "fare")
) | {"contact.known", "destination.pattern"}


def _problems(verdicts: tuple[Verdict, ...], good: bool) -> list[str]:
    found = []
    for verdict in verdicts:
        wanted = "passed" if good or verdict.rule in _STILL_HOLD else "failed"
        if verdict.outcome != wanted:
            found.append(
                f"{'good' if good else 'spoiled'} data: {verdict.rule} {verdict.outcome} instead"
                f" of {wanted}: {verdict.observed} {verdict.reason or ''}"
            )
    return found


def main() -> int:
    """Generate, measure in a process of its own, print, conclude."""
    files = _generate(cache("verify"))
    if "--measure" in sys.argv:
        print(json.dumps(_measure(files)))
        return 0
    found = in_child(__file__, "--measure")
    seconds, decided = found["seconds"], found["decided"]
    problems, peak = found["problems"], found["peak_mb"]
    if not (
        isinstance(seconds, dict)
        and isinstance(decided, dict)
        and isinstance(problems, list)
        and isinstance(peak, float)
    ):
        raise TypeError("the measuring process answered in another form")
    ways = ", ".join(
        f"{list(decided.values()).count(way)} by {way}" for way in sorted(set(decided.values()))
    )
    print(f"{ROWS:,} rows, {len(COLUMNS)} columns, {len(decided)} rules: {ways}\n")
    table(
        ("", "median s", "fastest s", "slowest s"),
        [
            (name, f"{median(each):.3f}", f"{min(each):.3f}", f"{max(each):.3f}")
            for name, each in seconds.items()
        ],
    )
    print(f"\npeak memory {peak:.0f} MB (bar {MEMORY_BAR_MB:.0f})")
    if peak >= MEMORY_BAR_MB:
        problems.append(f"peak memory {peak:.0f} MB")
    ratio = median(seconds["verify"]) / median(seconds["scan"])
    return conclude("verify", ratio, BAR, *problems)


if __name__ == "__main__":
    sys.exit(main())
