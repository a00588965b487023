"""Statistics in the Delta log: a bound is true, or it is not there."""

from __future__ import annotations

import json
import math
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from mesh_defs.drivers.compute.duckdb import DuckDBCompute
from mesh_defs.drivers.storage.delta import DeltaProductStore
from mesh_defs.drivers.storage.delta_statistics import statistics_json
from mesh_defs.drivers.storage.protocol import Commit

DAY = "2023-01-01"
LAST = "9999-12-31T23:59:59"


def bounds(root: Path, values: str) -> tuple[object, object]:
    """Minimum and maximum of the column that has ``values``."""
    session = DuckDBCompute(root / "work")
    try:
        (file,) = session.stage(f"SELECT unnest([{values}]) AS c", root / "file")
    finally:
        session.close()
    found = json.loads(statistics_json(file, pq.read_schema(file.path)))
    assert set(found["nullCount"]) == {"c"}
    return found.get("minValues", {}).get("c"), found.get("maxValues", {}).get("c")


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ("TIMESTAMP '2023-01-01 10:00:00.0001'", f"{DAY}T10:00:00.000", f"{DAY}T10:00:00.001"),
        ("TIMESTAMP '0001-01-01'", "0001-01-01T00:00:00.000", "0001-01-01T00:00:00.000"),
        ("TIMESTAMPTZ '2023-01-01 10:00:00+02'", f"{DAY}T08:00:00.000Z", f"{DAY}T08:00:00.000Z"),
        ("TIMESTAMP '9999-12-31 23:59:59.999'", f"{LAST}.999", f"{LAST}.999"),
        ("TIMESTAMP '2023-01-01', TIMESTAMP '9999-12-31 23:59:59.999999'", None, None),
        ("TIMESTAMP '2023-01-01', TIMESTAMP 'infinity'", None, None),
        ("TIMESTAMP '-infinity', TIMESTAMP '2023-01-01'", None, None),
        ("TIMESTAMP '0044-03-15 (BC)', TIMESTAMP '2023-01-01'", None, None),
        ("DATE '0001-01-01', DATE '9999-12-31'", "0001-01-01", "9999-12-31"),
        ("DATE '2023-01-01', DATE 'infinity'", None, None),
        ("1.5::DOUBLE, 'infinity'::DOUBLE", None, None),
        ("1.5::DOUBLE, 'nan'::DOUBLE", None, None),
        ("1.50::DECIMAL(9, 2), -2::DECIMAL(9, 2)", -2.0, 1.5),
        ("12345678901234567.89::DECIMAL(22, 2)", None, None),
        ("0.000001::DECIMAL(22, 6)", None, None),
        ("true, false", False, True),
        ("NULL::INTEGER", None, None),
        ("'m', 'n'", "m", "n"),
        ("'a', repeat('m', 65)", "a", "m" * 64 + chr(0x10FFFF)),
        ("repeat('m', 65), 'z'", "m" * 64, "z"),
        ("'a', repeat('m', 64) || repeat(chr(1114111), 2)", None, None),
    ],
)  # fmt: skip
def test_a_bound_is_true_or_left_out(
    tmp_path: Path, values: str, low: object, high: object
) -> None:
    assert bounds(tmp_path, values) == (low, high)


@pytest.mark.parametrize("values", ["0.0::DOUBLE", "-0.0::DOUBLE", "0.0::FLOAT, -0.0::FLOAT"])
def test_zero_is_bounded_with_either_sign(tmp_path: Path, values: str) -> None:
    low, high = bounds(tmp_path, values)
    assert isinstance(low, float)
    assert isinstance(high, float)
    assert (low, math.copysign(1, low)) == (0, -1)
    assert (high, math.copysign(1, high)) == (0, 1)


COLUMNS = {
    "TIMESTAMP '9999-12-31 23:59:59.999999'": datetime(5000, 1, 1),  # noqa: DTZ001  as the column
    "12345678901234567.89::DECIMAL(22, 2)": Decimal("2.00"),
    "1.25::DECIMAL(9, 2)": Decimal("0.50"),
    "'infinity'::DOUBLE": 1.0,
    "'nan'::DOUBLE": None,
    "repeat('m', 100)": "b",
    "true": False,
}


@pytest.mark.parametrize("value", COLUMNS)
def test_no_reader_loses_rows_to_a_bound_that_was_left_out(tmp_path: Path, value: str) -> None:
    """deltalake's Arrow dataset takes a missing bound for null where others are there."""
    store = DeltaProductStore(tmp_path)
    session = DuckDBCompute(tmp_path / "work")
    query = f"SELECT {value} AS c, 7 AS i, {{'a': 1}} AS s, [1] AS l, NULL::INTEGER AS n"
    try:
        files = session.stage(query, store.port_folder("p") / "t-1")
    finally:
        session.close()
    schema, adds = store.prepare("p", files)
    store.commit("p", Commit(0, schema, tuple(adds), (), overwrite=True))
    data = DeltaTable(str(store.port_folder("p"))).to_pyarrow_dataset()
    above = COLUMNS[value]
    condition = ds.field("c").is_nan() if above is None else ds.field("c") > above
    assert data.to_table(filter=condition).num_rows == 1
    assert data.to_table(filter=ds.field("i") == 7).num_rows == 1
    assert data.to_table(filter=ds.field("i") == 8).num_rows == 0
    assert data.to_table(filter=ds.field("n").is_null()).num_rows == 1
