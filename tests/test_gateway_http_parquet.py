"""Parquet over HTTP: as a file that is read whole, resumed, or in ranges, by the tools that do."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from access_meshes import READERS, column, permit, publish
from gateway_http import Served, served
from http_meshes import http_mesh
from meshes import contract, manifest, write, write_parquet

ADA, GUEST = "person:ada@shop.example", "person:guest@shop.example"
REPORTS = "service:reports"
WIDE = "/shop/wide/wide/data"
SALES = "/shop/sales/sales/data"
ROWS = 300_000
MASKED = permit(annotations='@mask("partial")', resource=f"resource == {column('email')}")


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = http_mesh(tmp_path_factory.mktemp("parquet"), READERS + MASKED)
    names = "{name: id, logicalType: integer, primaryKey: true, classification: public}"
    names = f"[{names}, {{name: text, logicalType: string, classification: public}}]"
    write(
        root,
        {
            "domains/shop/wide/defs.yaml": manifest("inputs: {wide: files://wide}"),
            "domains/shop/wide/contract.yaml": contract("wide", names),
            "domains/shop/wide/wide.sql": "select * from wide",
        },
    )
    write_parquet(root, "wide", f"select i as id, md5(i::varchar) as text from range({ROWS}) t(i)")
    publish(root, "mesh://shop/wide")
    with served(root) as found:
        yield found


def parquet(mesh: Served, path: str = WIDE, who: str | None = ADA, **params: object) -> bytes:
    answer = mesh.client(who).get(path, params={"format": "parquet", **params})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
    return answer.content


def ended(mesh: Served, event: str = "completed") -> dict:
    return next(each for each in reversed(mesh.events()) if each["event"] == event)


def test_a_whole_clear_port_of_one_file_is_that_file(mesh: Served) -> None:
    content = parquet(mesh)
    files = [each for each in mesh.gateway.settings.root.rglob("*.parquet") if "wide" in str(each)]
    digests = {hashlib.sha256(each.read_bytes()).digest() for each in files}
    assert hashlib.sha256(content).digest() in digests
    assert ended(mesh)["rows"] == ROWS
    assert ended(mesh)["bytes"] == len(content)


def test_a_part_of_a_port_is_written_once(mesh: Served) -> None:
    params = {"columns": "id", "where": "id < 1000", "order": "id desc"}
    first = parquet(mesh, **params)
    assert pq.read_table(io.BytesIO(first)).column("id").to_pylist() == list(range(999, -1, -1))
    scratch = mesh.gateway.scratch / "extracts"
    before = sorted(scratch.iterdir())
    assert parquet(mesh, **params) == first
    assert parquet(mesh, who=GUEST, **params) == first
    assert sorted(scratch.iterdir()) == before


def test_what_is_masked_is_in_no_byte_of_the_file(mesh: Served) -> None:
    for params in ({}, {"columns": "email,id"}):
        content = parquet(mesh, SALES, **params)
        table = pq.read_table(io.BytesIO(content))
        assert table.column("email").to_pylist()[0] == "p***@mail.example"
        assert b"person1@" not in content
        assert b"kosher" not in content


def test_ranges_and_validators(mesh: Served) -> None:
    client = mesh.client(ADA)
    whole = parquet(mesh)
    head = client.head(WIDE, params={"format": "parquet"})
    assert int(head.headers["Content-Length"]) == len(whole)
    assert head.headers["Accept-Ranges"] == "bytes"
    tag = head.headers["ETag"]
    assert tag.startswith('"')

    def get(**headers: str) -> tuple[int, bytes, str | None]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = client.get(WIDE, params={"format": "parquet"}, headers=named)
        return answer.status_code, answer.content, answer.headers.get("Content-Range")

    size = len(whole)
    assert get(Range="bytes=0-3") == (206, b"PAR1", f"bytes 0-3/{size}")
    assert get(Range="bytes=-4") == (206, b"PAR1", f"bytes {size - 4}-{size - 1}/{size}")
    assert get(Range="bytes=100-", If_Range=tag)[:2] == (206, whole[100:])
    assert get(Range="bytes=100-", If_Range='"other"')[:2] == (200, whole)
    assert get(Range=f"bytes={size}-") == (416, b"", f"bytes */{size}")
    assert get(Range="lines=1-2")[0] == 200
    assert get(If_None_Match=tag)[:2] == (304, b"")


def test_a_read_that_was_cut_goes_on_with_the_same_receipt(mesh: Served) -> None:
    client = mesh.client(ADA)
    params = {"format": "parquet", "columns": "text,id"}
    size = int(client.head(WIDE, params=params).headers["Content-Length"])
    half = size // 2
    first = client.get(WIDE, params=params, headers={"Range": f"bytes=0-{half - 1}"})
    again = client.get(
        WIDE,
        params=params,
        headers={"Range": f"bytes={half}-", "If-Range": first.headers["ETag"]},
    )
    assert pq.read_table(io.BytesIO(first.content + again.content)).num_rows == ROWS
    assert first.headers["Mesh-Receipt"] == again.headers["Mesh-Receipt"]
    found = ended(mesh)
    assert found["receipt"] == first.headers["Mesh-Receipt"]
    assert (found["rows"], found["bytes"]) == (ROWS, size)
    other = client.get(WIDE, params=params, headers={"Range": "bytes=0-3"})
    assert other.headers["Mesh-Receipt"] != found["receipt"], "what is over is another read"


def test_a_head_is_no_read(mesh: Served) -> None:
    before = len(mesh.events())
    mesh.client(ADA).head(WIDE, params={"format": "parquet", "limit": 10})
    assert len(mesh.events()) == before


def test_pandas_and_polars_read_the_address(mesh: Served) -> None:
    url = f"{mesh.base}{WIDE}?format=parquet&where=id+<+10&order=id"
    frame = pd.read_parquet(url, storage_options={"Authorization": f"Bearer {mesh.token(ADA)}"})
    assert frame["id"].tolist() == list(range(10))
    content = parquet(mesh, where="id < 10", order="id")
    assert pl.read_parquet(io.BytesIO(content))["id"].to_list() == list(range(10))


def test_duckdb_reads_the_columns_that_it_needs_and_the_receipt_tells_how_much(
    mesh: Served, tmp_path: Path
) -> None:
    duckdb_extension = pytest.importorskip("duckdb_extension_httpfs")
    file = next(Path(next(iter(duckdb_extension.__path__))).rglob("httpfs.duckdb_extension"))
    config = {
        "extension_directory": str(tmp_path),
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection:
        connection.execute(f"INSTALL '{file}'; LOAD httpfs;")
        connection.execute(
            f"CREATE SECRET mesh (TYPE http, SCOPE '{mesh.base}/', EXTRA_HTTP_HEADERS MAP "
            f"{{'Authorization': 'Bearer {mesh.token(REPORTS)}'}})"
        )
        found = connection.execute(
            f"SELECT sum(id) FROM read_parquet('{mesh.base}{WIDE}?format=parquet')"
        ).fetchone()
    assert found == (ROWS * (ROWS - 1) // 2,)
    begun = [each for each in mesh.events() if each["principal"] == REPORTS]
    assert len({each["receipt"] for each in begun}) == 1, "one read, however many ranges"


def test_a_read_under_ended_access_is_refused_though_the_file_is_there(mesh: Served) -> None:
    client = mesh.with_token(mesh.token(ADA, ("mesh://shop/wide",)))
    params = {"format": "parquet", "limit": 5}
    assert client.get(WIDE, params=params).status_code == 200
    outside = client.get(SALES, params={"format": "parquet"})
    assert outside.status_code == 403
    number = next(
        each["credential"] for each in reversed(mesh.events()) if each["event"] == "completed"
    )
    tokens = mesh.gateway.state.tokens
    token = tokens.get(number.partition(":")[2])
    tokens.revoke(token, "person:admin", "a test", datetime.now(UTC))
    assert client.get(WIDE, params=params, headers={"Range": "bytes=0-3"}).status_code == 401
