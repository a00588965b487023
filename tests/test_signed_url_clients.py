"""Signed URLs in the hands of the tools that people have."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import fsspec
import polars as pl
import pyarrow.parquet as pq
import pytest
from gateway_http import Served, served
from sharing_meshes import DORA, publish, shop, stock

from mesh_defs.drivers.duckdb_extensions import load_extension

ROWS = 300_000


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = shop(tmp_path_factory.mktemp("clients"))
    publish(root, "stock", stock(f"range({ROWS}) t(i)"))
    with served(root) as mesh:
        yield mesh


@pytest.fixture
def told(mesh: Served) -> dict:
    return mesh.client(DORA).get("/shop/stock/files").json()


@pytest.fixture
def url(told: dict) -> str:
    return str(told["files"][0]["url"])


def last(mesh: Served, told: dict) -> dict:
    return next(each for each in reversed(mesh.events()) if each["receipt"] == told["receipt"])


def test_polars_reads_all_of_it(mesh: Served, told: dict, url: str) -> None:
    frame = pl.read_parquet(url)
    assert (frame.height, frame["id"].sum()) == (ROWS, ROWS * (ROWS - 1) // 2)
    assert (last(mesh, told)["event"], last(mesh, told)["rows"]) == ("completed", ROWS)


def test_polars_scans_what_it_needs(mesh: Served, told: dict, url: str) -> None:
    found = pl.scan_parquet(url).filter(pl.col("id") < 3).select("origin").collect()
    assert found["origin"].to_list() == ["JFK", "LGA", "EWR"]


def connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"autoinstall_known_extensions": False})
    load_extension(connection, "httpfs")
    return connection


def test_duckdb_reads_all_of_it(mesh: Served, told: dict, url: str) -> None:
    found = connected().execute(f"select count(*), sum(id), max(price) from read_parquet('{url}')")
    assert found.fetchone() == (ROWS, ROWS * (ROWS - 1) // 2, (ROWS - 1) * 1.5)


def test_duckdb_reads_one_column_and_the_receipt_tells_a_part(
    mesh: Served, told: dict, url: str
) -> None:
    size = told["files"][0]["bytes"]
    assert connected().execute(f"select sum(id) from read_parquet('{url}')").fetchone()
    handout = mesh.gateway.signer._handouts[told["receipt"]]
    assert 0 < sum(spans.size for spans in handout._spans.values()) < size
    assert last(mesh, told)["event"] == "begun"
    mesh.gateway.signer._remove(handout, "a test")
    assert last(mesh, told)["event"] == "completed"
    assert last(mesh, told)["reason"].startswith("partial: ")
    assert last(mesh, told)["bytes"] < size


def test_pyarrow_reads_it_through_fsspec(url: str) -> None:
    file = pq.ParquetFile(url, filesystem=fsspec.filesystem("http"))
    assert file.read(columns=["origin"]).num_rows == ROWS


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
def test_curl_resumes_where_it_was_cut_off(url: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    curl = ["curl", "--silent", "--fail", "--noproxy", "*"]
    subprocess.run([*curl, "-o", whole, url], check=True)
    assert pq.read_metadata(whole).num_rows == ROWS
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) // 3])
    subprocess.run([*curl, "--continue-at", "-", "-o", cut, url], check=True)
    assert cut.read_bytes() == content
    subprocess.run([*curl, "--range", "0-3,-4", "-o", cut, url], check=True)
    assert cut.read_bytes().count(b"PAR1") == 2
