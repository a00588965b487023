"""The picture of a port's rows: right where all of them are looked at, near where some are, and the
same each time."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh_defs.contract.data import Rows
from mesh_defs.product.described.looked_at import LONGEST, SOME_ROWS, Piece, places
from mesh_defs.product.described.profile import PortPicture, distinct_estimate, port_picture

NAMES = ("whole", "number", "text", "day", "moment", "yes")
ROW = st.tuples(
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    st.none() | st.floats(width=64) | st.integers(0, 4).map(float),
    st.none() | st.text(max_size=150) | st.sampled_from("abc"),
    st.none() | st.dates(),
    st.none() | st.datetimes(timezones=st.just(UTC)),
    st.none() | st.booleans(),
)
SCHEMA = pa.schema(
    [
        ("whole", pa.int64()),
        ("number", pa.float64()),
        ("text", pa.string()),
        ("day", pa.date32()),
        ("moment", pa.timestamp("us", "UTC")),
        ("yes", pa.bool_()),
    ]
)


def picture_of(path: Path, told: frozenset[str] | None = None, **more: Any) -> PortPicture:
    """The picture of a file, of all its columns."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = Rows.parquet([str(path)])
        described = connection.execute(f"DESCRIBE SELECT * FROM {rows.sql}").fetchall()
        names = [row[0] for row in described]
        every = frozenset(names) if told is None else told
        unique = more.pop("unique", frozenset())
        return port_picture(connection, rows, names, every, every, unique)


def written(path: Path, query: str, **options: int) -> Path:
    more = "".join(f", {name} {value}" for name, value in options.items())
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet{more})")
    return path


def finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, max_size=60))
def test_of_a_small_port_every_number_is_that_of_its_rows(
    rows: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in NAMES]
    table = pa.table(dict(zip(NAMES, columns, strict=True)), schema=SCHEMA)
    pq.write_table(table, tmp_path / "rows.parquet")
    picture = picture_of(tmp_path / "rows.parquet")
    assert picture.looked_at == len(rows)
    json.dumps({n: c.as_dict() for n, c in picture.columns.items()}, allow_nan=False)
    for name, column in zip(NAMES, columns, strict=True):
        found = picture.columns[name]
        values = [value for value in column if value is not None]
        missing = len(column) - len(values)
        assert found.nulls == pytest.approx(missing / len(rows) if rows else 0, abs=1e-6)
        # NaN is one value to DuckDB, and so are the two zeros.
        keys = ["nan" if v != v else v for v in values]
        assert found.distinct == len(set(keys))
        counted = Counter(keys)
        shares = [round(n / len(rows), 6) for _, n in counted.most_common(10) if n > 1]
        assert [share for _, share in found.top] == shares
        assert all(len(value) <= LONGEST + 1 for value, _ in found.top)
        ends = [value for value in values if finite(value)]
        assert (found.least is None) == (not ends)
        if ends and name in ("whole", "number"):
            assert float(found.least or "") == float(min(ends))
            assert float(found.greatest or "") == float(max(ends))
        if ends and name == "day":
            assert (found.least, found.greatest) == (str(min(ends)), str(max(ends)))
        if ends and name == "moment":
            assert datetime.fromisoformat(found.least or "") == min(ends)
        if found.histogram is not None:
            spread = found.histogram
            assert sum(spread.counts) == len(ends)
            assert len(spread.edges) == len(spread.counts) + 1 <= 21
            assert list(spread.edges) == sorted(spread.edges)
        if ends and name == "day" and min(ends) < max(ends) < date(9000, 1, 1):
            assert found.histogram is not None


def test_a_histogram_of_few_whole_numbers_has_a_bin_for_each(tmp_path: Path) -> None:
    query = "SELECT i % 3 + 1 AS month, i % 4 = 0 AS odd FROM range(30) t(i)"
    found = picture_of(written(tmp_path / "x.parquet", query)).columns
    spread = found["month"].histogram
    assert spread is not None
    assert (spread.edges, spread.counts) == ((1, 2, 3, 4), (10, 10, 10))
    assert found["odd"].top == (("false", 0.733333), ("true", 0.266667))


LARGE = (
    "SELECT i AS id, (i * 7919) % 1000 AS few, md5(i::VARCHAR) AS alone, i % 5 AS five,"
    " CASE WHEN i % 10 = 0 THEN NULL ELSE (i * 31) % 100000 / 4 END AS ratio,"
    " TIMESTAMP '2023-01-01' + INTERVAL (i) SECOND AS at FROM range(300000) t(i)"
)


@pytest.mark.parametrize("groups", [20_480, 122_880, 1_000_000])
def test_of_a_large_port_some_rows_are_looked_at_and_ends_are_exact(
    tmp_path: Path, groups: int
) -> None:
    path = written(tmp_path / "x.parquet", LARGE, ROW_GROUP_SIZE=groups)
    first, second = (picture_of(path, unique=frozenset({"id"})) for _ in range(2))
    assert first == second
    assert 0.9 * SOME_ROWS <= first.looked_at <= SOME_ROWS
    columns = first.columns
    assert (columns["id"].least, columns["id"].greatest) == ("0", "299999")
    assert columns["id"].distinct == 300_000
    assert columns["id"].top == ()
    assert columns["few"].distinct == 1000
    assert columns["alone"].distinct == 300_000
    assert columns["ratio"].nulls == 0.1
    assert (columns["ratio"].least, columns["ratio"].greatest) == ("0.25", "24999.75")
    assert columns["at"].greatest == "2023-01-04T11:19:59"
    assert sorted(value for value, _ in columns["five"].top) == ["0", "1", "2", "3", "4"]
    assert all(share == pytest.approx(0.2, abs=0.01) for _, share in columns["five"].top)
    spread = columns["id"].histogram
    assert spread is not None
    assert sum(spread.counts) == first.looked_at
    assert first.sample is not None
    assert len(first.sample) == 5


def test_of_rows_in_the_order_of_time_the_footers_tell_how_they_lie(tmp_path: Path) -> None:
    day, hour = "DATE '2023-01-01' + (i // 1000)::INTEGER", "INTERVAL (i // 50) HOUR"
    query = f"SELECT {day} AS day, TIMESTAMP '2023-01-01' + {hour} AS at, i % 7 AS mixed,"
    query += " CASE WHEN i % 4 = 0 THEN NULL ELSE i / 10 END AS part FROM range(365000) t(i)"
    path = written(tmp_path / "x.parquet", query, ROW_GROUP_SIZE=20_480)
    found = picture_of(path).columns
    assert found["day"].distinct == 365
    assert found["at"].distinct == pytest.approx(7300, rel=0.1)
    for name, rows in (("day", SOME_ROWS), ("at", SOME_ROWS), ("part", SOME_ROWS * 3 // 4)):
        spread = found[name].histogram
        assert spread is not None
        assert sum(spread.counts) == rows
        # All bins but the last of days, which reaches past the year, hold about as many.
        for count in spread.counts[:-1]:
            assert count == pytest.approx(rows / len(spread.counts), rel=0.15)
    mixed = found["mixed"].histogram
    assert mixed is not None
    assert len(mixed.counts) == 7


def test_a_column_of_the_row_number_s_name_is_no_hindrance(tmp_path: Path) -> None:
    query = "SELECT i AS file_row_number, i % 2 AS rowid FROM range(120000) t(i)"
    picture = picture_of(written(tmp_path / "x.parquet", query))
    assert picture.columns["file_row_number"].greatest == "119999"
    assert picture.columns["rowid"].distinct == 2
    assert picture.sample is not None
    assert {row["rowid"] for row in picture.sample} <= {"0", "1"}


def test_of_lists_and_objects_there_are_types_and_nulls_alone(tmp_path: Path) -> None:
    query = (
        "SELECT [1, 2] AS many, {'a': 'secret'} AS thing, NULL::INTEGER[] AS none,"
        " MAP {'k': 'secret'} AS pairs, 'secret'::BLOB AS raw, 1 AS id"
    )
    picture = picture_of(written(tmp_path / "x.parquet", query))
    assert picture.types["many"] == "INTEGER[]"
    assert picture.types["thing"] == "STRUCT(a VARCHAR)"
    for name in ("many", "thing", "none", "pairs", "raw"):
        found = picture.columns[name].as_dict()
        assert found.pop("nulls") == (1.0 if name == "none" else 0.0)
        assert not any(found.values())
    assert picture.sample is not None
    assert "secret" not in str(picture)


def test_of_columns_that_are_not_told_nothing_is_read_but_nulls(tmp_path: Path) -> None:
    query = "SELECT i AS id, 'secret' || i AS hidden FROM range(50) t(i)"
    picture = picture_of(written(tmp_path / "x.parquet", query), frozenset({"id"}))
    assert picture.columns["hidden"].as_dict()["distinct"] is None
    assert "secret" not in str(picture)
    assert picture.sample is not None
    assert {row["hidden"] for row in picture.sample} == {None}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=300), st.integers(0, 1_000_000))
def test_an_estimate_is_between_what_was_seen_and_all_rows(counts: list[int], more: int) -> None:
    looked, once = sum(counts), counts.count(1)
    rows = looked + more
    found = distinct_estimate(len(counts), once, looked, rows)
    assert len(counts) <= found <= rows
    if more == 0 or once == 0:
        assert found == len(counts)
    if once == looked:
        assert found == rows


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 400_000)), min_size=1, max_size=60))
def test_places_are_in_their_groups_and_never_overlap(sizes: list[tuple[int, int]]) -> None:
    ends: dict[int, int] = {}
    groups = []
    for file, size in sorted(sizes):
        start = ends.get(file, 0)
        ends[file] = start + size
        groups.append(Piece(file, start, start + size))
    found = places(groups, SOME_ROWS)
    assert found
    assert sum(piece.end - piece.start for piece in found) <= SOME_ROWS
    for piece in found:
        assert piece.start < piece.end or sum(ends.values()) < 8
        assert any(
            g.file == piece.file and g.start <= piece.start and piece.end <= g.end for g in groups
        )
    pairs = pairwise(found)
    if sum(ends.values()) > 2 * SOME_ROWS:
        assert all(a.file < b.file or a.end <= b.start for a, b in pairs)
