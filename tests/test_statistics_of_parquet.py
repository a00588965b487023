"""Footers decide what they can, and nothing that they cannot."""

from __future__ import annotations

import math
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from verification import verdicts, written

from mesh_defs.contract.checks import keys, scan
from mesh_defs.contract.data import Rows
from mesh_defs.contract.rules import (
    Bounds,
    Freshness,
    Metric,
    NotNull,
    Pattern,
    Threshold,
    Unique,
)

K = {"dimension": "conformity"}


def arrow(folder, table, name="rows", **options):
    path = str(folder / f"{name}.parquet")
    pq.write_table(table, path, **options)
    return Rows.parquet([path])


def bounded(folder, rows, **ends):
    return verdicts(folder, rows, Bounds(id="r", column="c", **ends, **K))["r"]


def test_ranges_decide_without_a_scan(tmp_path):
    rows = written(tmp_path, "SELECT i AS c FROM range(100) t(i)")
    found = bounded(tmp_path, rows, minimum=0, maximum=99)
    assert (found.outcome, found.decided_by, found.rows) == ("passed", "statistics", 100)
    outside = bounded(tmp_path, rows, exclusive_maximum=99)
    assert (outside.outcome, outside.decided_by, outside.failing_rows) == ("failed", "scan", 1)


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        ("1.50::DECIMAL(10, 2)", {"minimum": 1.5, "maximum": 1.5}),
        ("DATE '2023-01-01'", {"minimum": "2023-01-01", "exclusive_maximum": "2023-01-02"}),
        ("TIMESTAMP '2023-01-01 10:00'", {"minimum": "2023-01-01T10:00:00Z"}),
        ("TIMESTAMPTZ '2023-01-01 10:00:00+00'", {"maximum": "2023-01-01T12:00:00+02:00"}),
        ("0.1::DOUBLE", {"minimum": 0.1, "maximum": 0.1}),
        ("0.1::FLOAT", {"minimum": 0.1, "maximum": 0.1}),
        ("'m'", {"minimum": "a", "maximum": "z"}),
        ("CASE WHEN false THEN 1 END", {"minimum": 5}),
        ("300::SMALLINT", {"maximum": 1e30, "minimum": -1e300}),
    ],
)
def test_ranges_of_many_types(tmp_path, value, ends):
    found = bounded(tmp_path, written(tmp_path, f"SELECT {value} AS c FROM range(3)"), **ends)
    assert (found.outcome, found.decided_by) == ("passed", "statistics"), found


def test_null_counts_decide_and_are_exact(tmp_path):
    rows = written(tmp_path, "SELECT nullif(i, 7) AS c FROM range(10) t(i)")
    half = Threshold(must_be=10)
    found = verdicts(
        tmp_path,
        rows,
        NotNull(id="n", column="c", **K),
        Metric(id="m", column="c", metric="nullValues", unit="percent", threshold=half, **K),
    )
    assert [(v.outcome, v.decided_by, v.failing_rows) for v in found.values()] == [
        ("failed", "statistics", 1),
        ("passed", "statistics", 1),
    ]


@pytest.mark.parametrize("writer", ["arrow", "duckdb"])
def test_nan_is_outside_of_every_range_whoever_wrote_the_file(tmp_path, writer):
    """Arrow leaves NaN out of a row group's range; trusting that range would pass NaN."""
    if writer == "arrow":
        rows = arrow(tmp_path, pa.table({"c": [1.0, math.nan, 2.0]}))
    else:
        rows = written(tmp_path, "SELECT unnest([1.0, 'NaN'::DOUBLE, 2.0]) AS c")
    for ends in ({"maximum": 100}, {"minimum": -100}, {"minimum": 1, "maximum": 2}):
        found = bounded(tmp_path, rows, **ends)
        assert (found.outcome, found.failing_rows) == ("failed", 1), ends


def test_nan_is_no_valid_value_where_the_range_is_one_value(tmp_path):
    rows = arrow(tmp_path, pa.table({"c": [1.0, math.nan, 1.0]}))
    none = Threshold(must_be=0)
    found = verdicts(
        tmp_path,
        rows,
        Metric(id="invalid", column="c", metric="invalidValues", threshold=none,
               arguments={"validValues": [1.0]}, **K),
        Metric(id="missing", column="c", metric="missingValues", threshold=Threshold(must_be=2),
               arguments={"missingValues": [1.0]}, **K),
    )  # fmt: skip
    assert found["invalid"].failing_rows == 1
    assert found["missing"].failing_rows == 2


def test_shortened_text_and_missing_statistics_are_not_trusted_too_far(tmp_path):
    long = "m" * 5000
    for rows in (
        written(tmp_path, f"SELECT '{long}' AS c"),
        arrow(tmp_path, pa.table({"c": [long]}), "long"),
        arrow(tmp_path, pa.table({"c": [long]}), "none", write_statistics=False),
    ):
        assert bounded(tmp_path, rows, maximum=long).outcome == "passed"
        assert bounded(tmp_path, rows, maximum=long[:-1]).outcome == "failed"
        assert bounded(tmp_path, rows, minimum=long).outcome == "passed"
        assert bounded(tmp_path, rows, minimum=long + "m").outcome == "failed"
    bare = arrow(tmp_path, pa.table({"c": [1, None]}), "bare", write_statistics=False)
    found = verdicts(tmp_path, bare, NotNull(id="n", column="c", **K))["n"]
    assert (found.outcome, found.failing_rows, found.decided_by) == ("failed", 1, "scan")


def test_a_column_that_some_files_lack_is_null_there(tmp_path):
    one = arrow(tmp_path, pa.table({"a": [1], "c": [2]}), "one")
    two = arrow(tmp_path, pa.table({"a": [1]}), "two")
    files = (*one.files, *two.files)
    listed = ", ".join(f"'{file}'" for file in files)
    rows = Rows(f"read_parquet([{listed}], union_by_name = true)", files)
    found = verdicts(tmp_path, rows, NotNull(id="n", column="c", **K))["n"]
    assert (found.outcome, found.failing_rows) == ("failed", 1)


def test_nested_columns_are_not_taken_for_columns(tmp_path):
    rows = written(
        tmp_path, "SELECT {'x': 1} AS a, 5 AS \"a, x\", [NULL] AS l, NULL::INTEGER[] AS m"
    )
    found = verdicts(
        tmp_path,
        rows,
        NotNull(id="a", column="a", **K),
        NotNull(id="l", column="l", **K),
        NotNull(id="m", column="m", **K),
        Bounds(id="x", column="a, x", minimum=3, **K),
    )
    assert [v.outcome for v in found.values()] == ["passed", "passed", "failed", "passed"]


def test_finer_than_a_microsecond_is_scanned(tmp_path):
    later = pa.array([1_672_531_200_000_000_500]).cast(pa.timestamp("ns"))
    rows = arrow(tmp_path, pa.table({"c": later}))
    found = bounded(tmp_path, rows, maximum="2023-01-01T00:00:00")
    assert (found.outcome, found.decided_by) == ("failed", "scan")


def test_ages_come_from_footers(tmp_path):
    rows = written(tmp_path, "SELECT TIMESTAMP '2026-11-21 11:00' AS c FROM range(5)")
    found = verdicts(tmp_path, rows, Freshness(id="f", column="c", seconds=3600, **K))["f"]
    assert (found.outcome, found.decided_by) == ("passed", "statistics")
    assert found.observed == "the newest c is 2026-11-21T11:00:00+00:00, 1 hour old"


KEYS = {
    "sorted text": ("lpad(i::VARCHAR, 9, '0')", "lpad(greatest(i, 1)::VARCHAR, 9, '0')"),
    "dense numbers": ("(i * 7919) % 300000", "(i * 7919) % 299999"),
    "scattered numbers": ("hash(i)::HUGEINT::VARCHAR", "(hash(i // 2) % 1000000000)::BIGINT"),
    "negative numbers": ("(i - 150000)::BIGINT", "greatest(i - 150000, -149999)::BIGINT"),
    "sorted times": (
        "TIMESTAMP '2023-01-01' + to_seconds(i)",
        "TIMESTAMP '2023-01-01' + to_seconds(greatest(i, 1))",
    ),
    "doubles": ("i / 7.0", "CASE WHEN i % 100000 = 5 THEN 'NaN'::DOUBLE ELSE i / 7.0 END"),
    "with NULL": (
        "CASE WHEN i % 5 <> 0 THEN i END",
        "CASE WHEN i % 5 <> 0 THEN greatest(i, 2) END",
    ),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_many_rows(tmp_path, kind):
    good, bad = KEYS[kind]
    rule = Unique(id="u", columns=("c",), **K)
    for expression, outcome in ((good, "passed"), (bad, "failed")):
        query = f"SELECT {expression} AS c FROM range(300000) t(i)"
        rows = written(tmp_path, query)
        with duckdb.connect() as connection:
            (exact,) = connection.execute(
                f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM ({query})"
                " WHERE c IS NOT NULL GROUP BY c HAVING count(*) > 1)"
            ).fetchone()
        found = verdicts(tmp_path, rows, rule)["u"]
        assert (found.outcome, found.failing_rows) == (outcome, exact)


def test_the_cheap_proofs_are_what_decides(tmp_path, monkeypatch):
    """Neither a sorted nor a dense key is grouped by."""

    def grouped(*_):
        raise AssertionError("this key needs no grouping")

    monkeypatch.setattr(keys, "_hashes_differ", grouped)
    monkeypatch.setattr(keys, "shared_rows", grouped)
    rule = Unique(id="u", columns=("c",), primary_key=True, **K)
    for expression in (KEYS["sorted text"][0], KEYS["dense numbers"][0], KEYS["sorted times"][0]):
        rows = written(tmp_path, f"SELECT {expression} AS c FROM range(300000) t(i)")
        assert verdicts(tmp_path, rows, rule)["u"].outcome == "passed"


def test_columns_of_few_values_are_checked_on_their_values(tmp_path, monkeypatch):
    calls = []
    real = scan._on_values
    monkeypatch.setattr(
        scan,
        "_on_values",
        lambda table, column, some: calls.append(column) or real(table, column, some),
    )
    rows = written(
        tmp_path,
        "SELECT CASE WHEN i % 1000 <> 7 THEN 'v' || (i % 5) END AS few, md5(i::VARCHAR) AS many"
        " FROM range(250000) t(i)",
    )
    found = verdicts(
        tmp_path,
        rows,
        Pattern(id="few", column="few", pattern="^v[0-3]$", **K),
        Pattern(id="many", column="many", pattern="^[0-9a-f]{32}$", **K),
    )
    assert calls == ["few"]
    assert (found["few"].failing_rows, found["many"].failing_rows) == (50_000, 0)


def test_exact_decimals(tmp_path):
    rows = arrow(tmp_path, pa.table({"c": pa.array([Decimal("2.25"), Decimal("-0.50")])}))
    assert bounded(tmp_path, rows, maximum=2.249).failing_rows == 1
    assert bounded(tmp_path, rows, maximum=2.251).failing_rows == 0
    assert bounded(tmp_path, rows, multiple_of=0.25).failing_rows == 0
    assert bounded(tmp_path, rows, multiple_of=0.75).failing_rows == 1


@pytest.mark.parametrize("name", ["file_row_number", "File_Row_Number"])
def test_a_column_with_the_name_of_the_rows_number_is_checked_too(tmp_path, name):
    rows = written(tmp_path, f"SELECT i AS {name}, md5(i::VARCHAR) AS t FROM range(250000) t(i)")
    found = verdicts(tmp_path, rows, Pattern(id="p", column="t", pattern="^[0-9a-e]+$", **K))["p"]
    assert (found.outcome, found.decided_by) == ("failed", "scan")
