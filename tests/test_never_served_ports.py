"""Several ports of several modes together: whatever data comes, each serves only rows that keep its
promise, all of them move together, and they hold what their modes say.

What is true is written down here in plain Python, without our code.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meshes import contract, load, manifest, write_mesh

import mesh_defs
from mesh_defs.product.container import run_product
from mesh_defs.product.staging import Window

Row = dict[str, Any]
Ports = dict[str, list[Row]]

EVENTS = """
- {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}
- {name: day, logicalType: date, required: true}
- name: price
  logicalType: number
  physicalType: DECIMAL(9,2)
  logicalTypeOptions: {minimum: 0, exclusiveMaximum: 100, multipleOf: 0.05}
- name: local
  logicalType: timestamp
  physicalType: TIMESTAMP
  logicalTypeOptions: {timezone: false, minimum: '2023-01-01T00:00:00'}
- name: moment
  logicalType: timestamp
  physicalType: TIMESTAMPTZ
  logicalTypeOptions: {timezone: true, exclusiveMaximum: '2023-02-01T00:00:00+01:00'}
- name: shape
  logicalType: object
  properties:
    - {name: kind, logicalType: string, required: true, logicalTypeOptions: {pattern: '^[a-z]+$'}}
    - {name: size, logicalType: integer, logicalTypeOptions: {minimum: 1}}
- name: marks
  logicalType: array
  logicalTypeOptions: {maxItems: 2, uniqueItems: true}
  items: {logicalType: integer, logicalTypeOptions: {minimum: 0, maximum: 5}}
"""
PRICES = """
- {name: id, logicalType: integer, physicalType: BIGINT, required: true, primaryKey: true}
- name: price
  logicalType: number
  physicalType: DECIMAL(9,2)
  required: true
  logicalTypeOptions: {maximum: 99.95}
"""
LOG = """
- {name: id, logicalType: integer, physicalType: BIGINT, required: true, unique: true}
- {name: moment, logicalType: timestamp, physicalType: TIMESTAMPTZ, required: true}
"""
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("day", pa.date32()),
        ("price", pa.decimal128(9, 2)),
        ("local", pa.timestamp("us")),
        ("moment", pa.timestamp("us", tz="UTC")),
        ("shape", pa.struct([("kind", pa.string()), ("size", pa.int32())])),
        ("marks", pa.list_(pa.int32())),
    ]
)
FIRST, BERLIN = date(2023, 1, 1), timezone(timedelta(hours=1))
LAST_MOMENT = datetime(2023, 2, 1, tzinfo=BERLIN)
SECOND = timedelta(seconds=1)
MIDNIGHT = datetime.fromisoformat("2023-01-01")  # of no zone

days = st.integers(0, 4).map(lambda n: FIRST + timedelta(days=n))
good_row = st.fixed_dictionaries(
    {
        "id": st.integers(0, 30),
        "day": days,
        "price": st.sampled_from([Decimal("0.00"), Decimal("0.05"), Decimal("99.95")]),
        "local": st.sampled_from([MIDNIGHT, MIDNIGHT + timedelta(days=180, hours=12), None]),
        "moment": st.sampled_from([LAST_MOMENT - SECOND, datetime(2020, 1, 1, tzinfo=UTC)]),
        "shape": st.sampled_from([{"kind": "a", "size": 1}, {"kind": "b", "size": None}, None]),
        "marks": st.sampled_from([[], [0, 5], [3], None]),
    }
)
bad_values = st.fixed_dictionaries(
    {},
    optional={
        "id": st.one_of(st.none(), st.integers(0, 5)),
        "day": st.none(),
        "price": st.sampled_from([Decimal("-0.05"), Decimal("100.00"), Decimal("0.01"), None]),
        "local": st.just(MIDNIGHT - timedelta(microseconds=1)),
        "moment": st.sampled_from([LAST_MOMENT, LAST_MOMENT.astimezone(UTC) + SECOND, None]),
        "shape": st.sampled_from(
            [{"kind": None, "size": 1}, {"kind": "A", "size": 1}, {"kind": "a", "size": 0}]
        ),
        "marks": st.sampled_from([[1, 2, 3], [1, 1], [-1], [6]]),
    },
)
some_row = st.builds(lambda row, bad: {**row, **bad}, good_row, bad_values)
batch = st.one_of(
    st.lists(good_row, min_size=1, max_size=6, unique_by=lambda r: r["id"]),
    st.lists(some_row, min_size=1, max_size=4),
)
window = st.one_of(
    st.none(),
    st.builds(
        lambda start, length: Window(start, start + timedelta(days=length)),
        days,
        st.integers(1, 3),
    ),
)


def in_window(row: Row, period: Window | None) -> bool:
    return period is None or (row["day"] is not None and period.start <= row["day"] < period.end)


def following(before: Ports | None, rows: list[Row], period: Window | None) -> Ports:
    """What each port would hold next under its mode."""
    priced = [{"id": r["id"], "price": r["price"]} for r in rows if r["price"] is not None]
    logged = [{"id": r["id"], "moment": r["moment"]} for r in rows]
    events = [r for r in rows if in_window(r, period) or r["day"] is None]
    if before is None:
        return {"events": events, "prices": priced, "log": logged}
    cursor = max((r["id"] for r in before["log"]), default=-1)
    replaced = {r["id"] for r in priced}
    return {
        "events": [r for r in before["events"] if not in_window(r, period)] + events,
        "prices": [r for r in before["prices"] if r["id"] not in replaced] + priced,
        "log": before["log"] + [r for r in logged if r["id"] is None or r["id"] > cursor],
    }


def key_holds(rows: list[Row]) -> bool:
    ids = [r["id"] for r in rows]
    return None not in ids and max(Counter(ids).values(), default=0) <= 1


def event_holds(row: Row) -> bool:
    price, shape, marks = row["price"], row["shape"], row["marks"]
    return (
        row["day"] is not None
        and (price is None or (0 <= price < 100 and price % Decimal("0.05") == 0))
        and (row["local"] is None or row["local"] >= MIDNIGHT)
        and (row["moment"] is None or row["moment"] < LAST_MOMENT)
        and (shape is None or shape_holds(shape))
        and (marks is None or (len(marks) <= 2 and len(set(marks)) == len(marks)))
        and all(0 <= mark <= 5 for mark in marks or ())
    )


def shape_holds(shape: dict[str, Any]) -> bool:
    kind, size = shape["kind"], shape["size"]
    return kind is not None and re.search("^[a-z]+$", kind) is not None and (size or 1) >= 1


def holds(ports: Ports) -> bool:
    """The three contracts, read by a person."""
    return (
        all(key_holds(rows) for rows in ports.values())
        and all(event_holds(row) for row in ports["events"])
        and all(r["price"] <= Decimal("99.95") for r in ports["prices"])
        and all(r["moment"] is not None for r in ports["log"])
    )


def comparable(rows: list[Row]) -> list[str]:
    """Rows in an order and a form that zones and the order of keys do not disturb."""
    return sorted(
        repr([(k, v.astimezone(UTC) if k == "moment" and v else v) for k, v in sorted(r.items())])
        for r in rows
    )


def served(root: Path) -> tuple[int, dict[str, list[str]]] | None:
    """The version that is served, and the rows of every port."""
    rows, versions = {}, set()
    for port in ("events", "prices", "log"):
        try:
            opened = mesh_defs.open(f"mesh://shop/things/{port}", root=root)
        except mesh_defs.NotPublished:
            return None
        rows[port] = comparable(opened.arrow().to_pylist())
        versions.add(opened.version)
        if opened.rows:
            assert all(pq.read_metadata(file).num_rows for file in opened.files())
    (version,) = versions
    return version, rows


def mesh_in(root: Path) -> None:
    outputs = (
        "  events: {mode: partition, by: day, start: '2023-01-01'}\n"
        "  prices: {contract: prices.yaml, mode: upsert}\n"
        "  log: {contract: log.yaml, mode: append, cursor: id}\n"
    )
    folder = "domains/shop/things"
    write_mesh(
        root,
        {
            f"{folder}/defs.yaml": manifest(f"inputs: {{rows: files://rows}}\noutputs:\n{outputs}"),
            f"{folder}/contract.yaml": contract("events", EVENTS),
            f"{folder}/prices.yaml": contract("prices", PRICES),
            f"{folder}/log.yaml": contract("log", LOG),
            f"{folder}/events.sql": "select * from rows",
            f"{folder}/prices.sql": "select id, price from rows where price is not null",
            f"{folder}/log.sql": "select id, moment from rows",
        },
    )
    (root / "data").mkdir()


@pytest.mark.timeout(600)
@settings(max_examples=25, deadline=None)
@given(runs=st.lists(st.tuples(batch, window), min_size=1, max_size=4))
def test_ports_move_together_and_only_when_all_promises_hold(
    runs: list[tuple[list[Row], Window | None]],
) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        mesh_in(root)
        mesh = load(root)
        product = mesh.product("mesh://shop/things")
        before: Ports | None = None
        for rows, period in runs:
            known = served(root)
            pq.write_table(pa.Table.from_pylist(rows, SCHEMA), root / "data/rows.parquet")
            report = run_product(mesh, product, window=period)
            wanted = following(before, rows, period)
            assert (report.outcome != "failed") == holds(wanted), (report.explanation(), wanted)
            if report.outcome == "published":
                before = wanted
                version, found = served(root) or (-1, {})
                assert version == (known[0] + 1 if known else 0)
                assert found == {port: comparable(rows) for port, rows in wanted.items()}
            else:
                assert served(root) == known
            if report.outcome == "unchanged":
                assert known is not None
                assert known[1] == {port: comparable(rows) for port, rows in wanted.items()}
