"""A query opens only those files that can have rows for it, and answers as if it opened all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pruned_files import CONDITIONS, FILES, NAME, make_files

from mesh_defs.contract.data import Rows
from mesh_defs.gateway.query.engine import Engine
from mesh_defs.gateway.query.parser import parsed
from mesh_defs.gateway.query.prune import _FITS, Bounds, _Column, _rising, narrowed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return make_files(tmp_path_factory.mktemp("pruned"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("engine"), process_mb=None)
    yield engine
    engine.close()


def opened(files: tuple[str, ...], sql: str) -> list[int]:
    """The numbers of the files that are opened for ``sql``."""
    found = dict(narrowed(parsed(sql), {NAME: Rows.parquet(files)}, Bounds()))
    kept = found[NAME].files if found else files
    return [files.index(file) for file in kept]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("id >= 50 AND id < 60", [1]),
        ("id BETWEEN 50 AND 90", [1, 2]),
        ("90 <= id", [2, 3, 4]),
        ("150 > id AND 130 <= id", [3]),
        ("ID = 41", [1]),
        ("id = 7 AND (code = 'x' OR fare > 1)", [0]),
        ("code = 'a'", [0]),
        ("code > 's'", [4]),
        ("day = '2026-02-15'", [1]),
        ("moment < '2026-01-02 12:00:00'", [0]),
        ("moment < '2026-01-02'", [0]),
        ("id > 100000", [0]),  # one stays, to know the columns
        # What is not decided keeps all.
        ("id = 41 OR id = 42", [0, 1, 2, 3, 4]),
        ("id + 1 = 41", [0, 1, 2, 3, 4]),
        ("NOT id = 41", [0, 1, 2, 3, 4]),
        ("id <> 41", [0, 1, 2, 3, 4]),
        ("id = 41.5", [0, 1, 2, 3, 4]),
        ("id = '41'", [0, 1, 2, 3, 4]),
        ("delay > 1000", [0, 1, 2, 3, 4]),  # NaN is more than any number
        ("fare > 1000", [0, 1, 2, 3, 4]),
        ("never > 5", [0, 1, 2, 3, 4]),
        ("day = '2026-02-15 00:00'", [0, 1, 2, 3, 4]),
        ("moment = '2026-01-02T00:00:00Z'", [0, 1, 2, 3, 4]),
        ("nested.id = 1000", [0, 1, 2, 3, 4]),
        ("code = NULL", [0, 1, 2, 3, 4]),
    ],
)
def test_only_files_that_can_fit_are_opened(
    files: tuple[str, ...], condition: str, expected: list[int]
) -> None:
    assert opened(files, f'SELECT * FROM "{NAME}" WHERE {condition}') == expected


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT * FROM "{n}"',
        'SELECT * FROM "{n}" WHERE id = 41 UNION ALL SELECT * FROM "{n}"',
        'SELECT (SELECT count(*) FROM "{n}") FROM "{n}" WHERE id = 41',
        'SELECT * FROM "{n}" a JOIN "{n}" b USING (id) WHERE a.id = 41',
        'WITH x AS (SELECT * FROM "{n}") SELECT * FROM x WHERE id = 41',
        'SELECT id % 2 AS id FROM "{n}" WHERE id = 1',
        "SELECT * FROM \"{n}\" AS t(day, id) WHERE id = 'b'",
        'SELECT * FROM "{n}" TABLESAMPLE 50% WHERE id = 41',
    ],
)
def test_what_may_mean_more_than_its_condition_opens_all(files: tuple[str, ...], sql: str) -> None:
    assert opened(files, sql.format(n=NAME)) == list(range(FILES))


def test_a_column_of_other_kinds_in_one_file_keeps_that_file(
    files: tuple[str, ...], tmp_path: Path
) -> None:
    other = tmp_path / "other.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 5.5::DOUBLE AS id) TO '{other}' (FORMAT parquet)")
    found = opened((*files, str(other)), f'SELECT * FROM "{NAME}" WHERE id = 41')
    assert found == [1, FILES]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(condition=CONDITIONS)
def test_the_answer_is_that_of_all_files(
    engine: Engine, files: tuple[str, ...], condition: str
) -> None:
    rows = Rows.parquet(files)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        expected = connection.execute(
            f"SELECT id FROM {rows.sql} WHERE {condition} ORDER BY id"
        ).fetchall()
    with engine.run(f'SELECT id FROM "{NAME}" WHERE {condition}', {NAME: rows}) as answer:
        found = sorted(value for batch in answer for value in batch.column("id").to_pylist())
    assert found == [value for (value,) in expected]


@given(
    ends=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8),
    value=st.integers(-1, 10),
    op=st.sampled_from(sorted(_FITS)),
    sort=st.booleans(),
)
def test_rising_ranges_are_found_as_all_others(
    ends: list[tuple[int, int]], value: int, op: str, sort: bool
) -> None:
    ranges = tuple((min(each), max(each)) for each in ends)
    if sort:
        least, most = (sorted(side) for side in zip(*ranges, strict=True))
        ranges = tuple(zip(least, most, strict=True))
    rising = _rising(ranges)
    assert rising is not None or not sort
    if rising is not None:
        column = _Column(pa.int64(), ranges, coded=False, rising=rising)
        first, behind = column.among(op, value)
        expected = [n for n, each in enumerate(ranges) if _FITS[op](*each, value)]
        assert list(range(first, behind)) == expected
