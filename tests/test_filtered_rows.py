"""Rows that plain comparisons choose come straight from the files, and are those of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pruned_files import CONSTANTS, NAME, make_files

from mesh_defs.contract.data import Rows
from mesh_defs.gateway import filtered
from mesh_defs.gateway.errors import Ended
from mesh_defs.gateway.filtered import some_batches, some_rows
from mesh_defs.gateway.query.faults import Cancelled
from mesh_defs.gateway.row_groups import Footers

if TYPE_CHECKING:
    from mesh_defs.gateway.filtered import FilteredBatches

OPS = ["=", "<", "<=", ">", ">="]
PLAIN = ["id", "code", "day", "moment"]
COLUMNS = ["id", "code", "day", "moment", "delay", "fare", "never", "nested"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return make_files(tmp_path_factory.mktemp("filtered"))


def direct(files: tuple[str, ...], sql: str) -> FilteredBatches | None:
    some = some_rows(sql)
    with duckdb.connect() as connection:
        known = connection.execute(f"SELECT * FROM {Rows.parquet(files).sql}").to_arrow_table()
    found = None if some is None else (some, known.schema)
    return found and some_batches(Footers(), files, found[1], found[0], 16)


def by_engine(files: tuple[str, ...], sql: str) -> pa.Table:
    with duckdb.connect() as connection:
        return connection.execute(
            sql.replace(f'"{NAME}"', Rows.parquet(files).sql)
        ).to_arrow_table()


@st.composite
def selections(draw: st.DrawFn) -> str:
    parts = []
    for column in draw(st.lists(st.sampled_from(PLAIN), max_size=3)):
        first, second = draw(CONSTANTS[column]), draw(CONSTANTS[column])
        op = draw(st.sampled_from(OPS))
        forms = [
            f"{column} {op} {first}",
            f"{first} {op} {column}",
            f"{column} BETWEEN {first} AND {second}",
        ]
        parts.append(draw(st.sampled_from(forms)))
    columns = draw(st.lists(st.sampled_from(COLUMNS), max_size=4, unique=True))
    sql = f'SELECT {", ".join(columns) or "*"} FROM "{NAME}"'
    sql += f" WHERE {' AND '.join(parts)}" if parts else ""
    limit = draw(st.none() | st.integers(0, 60)) if parts else draw(st.integers(0, 300))
    offset = draw(st.none() | st.integers(0, 60))
    sql += "" if limit is None else f" LIMIT {limit}"
    return sql + ("" if offset is None else f" OFFSET {offset}")


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sql=selections())
def test_the_rows_are_those_of_the_engine(files: tuple[str, ...], sql: str) -> None:
    found = direct(files, sql)
    assert found is not None
    expected = by_engine(files, sql)
    rows = pa.Table.from_batches(list(found), found.schema)
    event("some rows" if rows.num_rows else "no row")
    assert rows.schema == expected.schema
    # NaN equals itself in a list of Python, and not in Arrow.
    assert repr(rows.to_pylist()) == repr(expected.to_pylist())


@pytest.mark.parametrize(
    "rest",
    [
        "WHERE id = 41 OR id = 42",
        "WHERE id <> 41",
        "WHERE id = 41.5",
        "WHERE id = 41 AND delay > 1",
        "WHERE id = 41 AND fare > 1",
        "WHERE id = 41 AND code IS NULL",
        "WHERE id = 41 AND unknown = 1",
        "WHERE nested.id = 41",
        "WHERE day = '2026-02-30'",
        "WHERE id = 41 ORDER BY id",
        "WHERE id = 41 LIMIT 10%",
        "WHERE id = 41 GROUP BY ALL",
        "WHERE id = 41 AND id = ?",
        "",
        "OFFSET 5",
    ],
)
def test_what_is_not_understood_is_the_engines(files: tuple[str, ...], rest: str) -> None:
    assert direct(files, f'SELECT id FROM "{NAME}" {rest}') is None


@pytest.mark.parametrize(
    "listed",
    ["id + 1", "id AS day", "* EXCLUDE (id)", "* REPLACE (1 AS id)", "id, id", "DISTINCT id", "1"],
)
def test_a_selection_of_more_than_names_is_the_engines(files: tuple[str, ...], listed: str) -> None:
    assert direct(files, f'SELECT {listed} FROM "{NAME}" WHERE id = 41') is None


def test_only_row_groups_that_can_fit_are_read(files: tuple[str, ...]) -> None:
    some = some_rows(f'SELECT * FROM "{NAME}" WHERE id BETWEEN 50 AND 60')
    assert some is not None
    footers = Footers()
    part = footers.fitting(files, pa.schema([("id", pa.int64())]), some.wanted)
    assert part is not None
    assert [(each.file, each.numbers) for each in part] == [(files[1], (0,))]


def test_a_read_can_be_cancelled(files: tuple[str, ...]) -> None:
    found = direct(files, f'SELECT * FROM "{NAME}" WHERE id > 5')
    assert found is not None
    assert next(found).num_rows
    found.cancel()
    with pytest.raises(Cancelled):
        next(found)
    found.close()


def test_a_scan_that_finds_nothing_ends_when_it_is_stopped(
    files: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = direct(files, f'SELECT * FROM "{NAME}" WHERE id > 5')
    assert found is not None
    looked = []

    def nothing(batch: pa.RecordBatch, wanted: object) -> pa.RecordBatch:
        del wanted
        looked.append(batch)
        if len(looked) == 2:
            found.stop(Ended("access has ended"))
        return batch.slice(0, 0)

    monkeypatch.setattr(filtered, "_kept", nothing)
    with pytest.raises(Ended, match="access has ended"):
        next(found)
    assert len(looked) == 2
    found.close()
