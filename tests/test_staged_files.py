"""Rows are staged in small row groups, and what is told of a file holds of all of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from mesh_defs.contract.data import Rows
from mesh_defs.drivers.compute.duckdb import DuckDBCompute
from mesh_defs.drivers.compute.polars import PolarsCompute
from mesh_defs.drivers.compute.row_groups import row_group_rows
from mesh_defs.drivers.storage.delta_statistics import statistics_json
from mesh_defs.product import staging
from mesh_defs.product.container import run_product
from mesh_defs.product.reader import open as open_port
from tests.meshes import contract, load, manifest, write_mesh, write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.drivers.compute.protocol import StagedFile

# One column of each way to store values, with a dictionary (and its Bloom filter) or without.
COLUMNS = """
    i, i % 7 AS few, 'v' || (i % 100) AS word, 'w' || i AS other, i / 3 AS number,
    DATE '2020-01-01' + (i % 300)::INT AS day, TIMESTAMP '2020-01-01' + to_seconds(i) AS at,
    (i / 7)::DECIMAL(18, 3) AS small, (i / 7)::DECIMAL(30, 3) AS wide, i % 2 = 0 AS yes,
    repeat('x', (i % 400)::INT) AS long, {'a': i, 'b': [i, NULL]} AS inside,
    encode('b' || i) AS raw, NULL::INT AS nothing, MAP {'k': i} AS map, i AS "a.b", [i] AS list
"""


ROW_GROUP_ROWS = row_group_rows(1)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[DuckDBCompute]:
    compute = DuckDBCompute(tmp_path / "work")
    yield compute
    compute.close()


def bounds(file: StagedFile, column: str) -> tuple[int, int]:
    told = json.loads(statistics_json(file, pq.read_schema(file.path)))
    assert told["numRecords"] == file.rows
    return told["minValues"][column], told["maxValues"][column]


@pytest.mark.parametrize("rows", [0, 1, ROW_GROUP_ROWS + 1, 3 * ROW_GROUP_ROWS])
def test_rows_are_one_file_of_small_row_groups(
    session: DuckDBCompute, tmp_path: Path, rows: int
) -> None:
    (file,) = session.stage(f"SELECT range AS i FROM range({rows})", tmp_path / "out" / "x-0001")
    assert Path(file.path).name == "x-0001.parquet"
    assert (file.rows, file.columns["i"].nulls) == (rows, 0)
    metadata = pq.read_metadata(file.path)
    groups = [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)]
    assert sum(groups) == rows
    assert set(groups[:-1]) <= {ROW_GROUP_ROWS}
    if rows:
        assert bounds(file, "i") == (0, rows - 1)


def test_a_bound_knows_of_nan_in_any_row_group(session: DuckDBCompute, tmp_path: Path) -> None:
    query = (
        "SELECT CASE WHEN i = 5 THEN 'nan'::DOUBLE ELSE i END AS n,"
        f" CASE WHEN i >= {ROW_GROUP_ROWS} THEN i END AS later FROM range(50000) t(i)"
    )
    (file,) = session.stage(query, tmp_path / "out" / "x")
    assert file.columns["n"].has_nan
    assert file.columns["n"].maximum is None
    assert (file.columns["later"].minimum, file.columns["later"].nulls) == (
        str(ROW_GROUP_ROWS),
        ROW_GROUP_ROWS,
    )


def test_statistics_of_one_file_are_those_of_its_rows(
    session: DuckDBCompute, tmp_path: Path
) -> None:
    (file,) = session.stage(
        f"SELECT {COLUMNS} FROM range({2 * ROW_GROUP_ROWS}) t(i)", tmp_path / "out" / "x"
    )
    plain = ["i", "few", "word", "other", "number", "day", "at", "small", "wide", "a.b"]
    for name in plain:
        low, high = session.connection.execute(
            f'SELECT min("{name}")::VARCHAR, max("{name}")::VARCHAR FROM \'{file.path}\''
        ).fetchall()[0]
        told = file.columns[name]
        assert (told.minimum, told.maximum, told.nulls) == (low, high, 0)
    assert file.columns["nothing"].nulls == 2 * ROW_GROUP_ROWS


def test_polars_writes_small_row_groups_too(session: DuckDBCompute, tmp_path: Path) -> None:
    rows = 3 * ROW_GROUP_ROWS
    made = session.stage(f"SELECT {rows} - range AS i FROM range({rows})", tmp_path / "in" / "x")
    inputs = {"x": Rows.parquet([file.path for file in made])}
    compute = PolarsCompute(tmp_path / "polars")
    (file,) = compute.stage("SELECT * FROM x", inputs, tmp_path / "out" / "y")
    assert pq.read_metadata(file.path).row_group(0).num_rows <= ROW_GROUP_ROWS
    assert file.rows == rows


@pytest.mark.parametrize(
    ("columns", "rows"),
    [(1, 10_240), (15, 10_240), (16, 10_240), (17, 20_480), (100, 71_680), (10_000, 122_880)],
)
def test_wide_rows_have_larger_row_groups(columns: int, rows: int) -> None:
    assert row_group_rows(columns) == rows


@pytest.mark.parametrize(
    ("columns", "rows"),
    [(1, 122_880), (15, 122_880), (16, 114_688), (150, 12_288), (1_000, 10_240)],
)
def test_row_groups_for_scans_are_large(columns: int, rows: int) -> None:
    assert row_group_rows(columns, "scans") == rows


@pytest.mark.parametrize(
    ("reads", "large", "first"),
    [
        ("", 10**9, 10_240),
        ("", 0, 30_000),
        ("reads: lookups", 0, 10_240),
        ("reads: scans", 10**9, 30_000),
    ],
)
def test_a_port_is_laid_out_for_how_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: str, large: int, first: int
) -> None:
    """As its manifest says; without a word for scans when what it is made of is large."""
    monkeypatch.setattr(staging, "LARGE", large)
    write_parquet(tmp_path, "orders", "SELECT range AS id FROM range(30000)")
    body = f"inputs: {{raw: 'files://orders'}}\noutputs: {{orders: {{{reads}}}}}\n"
    write_mesh(
        tmp_path,
        {
            "domains/shop/orders/defs.yaml": manifest(body),
            "domains/shop/orders/contract.yaml": contract(
                "orders", "- {name: id, logicalType: integer, required: true}"
            ),
            "domains/shop/orders/orders.sql": "SELECT * FROM raw",
        },
    )
    mesh = load(tmp_path)
    report = run_product(mesh, mesh.product("mesh://shop/orders"))
    assert report.outcome == "published"
    (file,) = open_port("mesh://shop/orders", root=tmp_path).files()
    assert pq.read_metadata(file).row_group(0).num_rows == first
