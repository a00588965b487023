"""Rows over HTTP: which form a client gets, and that every value arrives in it."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gateway_http import Served, served
from http_meshes import http_mesh

ODD = "/shop/odd/odd/data"
ADA = "person:ada@shop.example"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"
LARGEST = Decimal("99999999999999999999999999999999999999")
ROUGH = 'Zürich, "naïve" 😀 \n\t\x01;=1+1'


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(http_mesh(tmp_path_factory.mktemp("forms"))) as found:
        yield found


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/csv;q=0.5, application/x-ndjson", "application/x-ndjson"),
        (f"{ARROW};q=0.9, text/csv;q=0.1", ARROW),
        (PARQUET, PARQUET),
        ("TEXT/CSV", "text/csv"),
        ("application/json;q=0, text/csv", "text/csv"),
    ],
)
def test_the_form_is_the_one_that_is_accepted_best(
    mesh: Served, accept: str | None, expected: str
) -> None:
    client = mesh.client(ADA)
    headers = {"Accept": accept} if accept is not None else {}
    if accept is None:
        del client.headers["Accept"]
    answer = client.get(ODD, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition(";")[0] == expected
    assert "Accept" in answer.headers["Vary"]


def test_format_beats_accept_and_what_cannot_be_made_is_refused(mesh: Served) -> None:
    client = mesh.client(ADA)
    answer = client.get(ODD, params={"format": "csv"}, headers={"Accept": "image/png"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    refused = client.get(ODD, headers={"Accept": "image/png"})
    assert refused.status_code == 406
    assert "text/csv" in refused.json()["detail"]
    unknown = client.get(ODD, params={"format": "xml"})
    assert unknown.status_code == 400
    assert "ndjson" in unknown.json()["detail"]


def test_arrow_and_parquet_have_every_value_and_type(mesh: Served) -> None:
    client = mesh.client(ADA)
    streamed = pa.ipc.open_stream(client.get(ODD, params={"format": "arrow"}).content).read_all()
    filed = pq.read_table(io.BytesIO(client.get(ODD, params={"format": "parquet"}).content))
    for table in (streamed, filed):
        rows = {row["id"]: row for row in table.to_pylist()}
        assert set(rows) == {1, 2, 3, 4}
        assert rows[1]["amount"] == Decimal("12.3400")
        assert rows[1]["huge"] == LARGEST
        assert rows[1]["raw"] == b"\x00\xffab"
        assert rows[1]["tags"] == ["a", None, 'c"d']
        assert rows[1]["moment"] == datetime(2026, 1, 31, 12, 0, 0, 123456, UTC)
        assert rows[2]["word"] == ""
        assert rows[2]["ratio"] != rows[2]["ratio"]
        assert rows[2]["day"] == date(1, 1, 1)
        assert rows[3] == {"id": 3} | dict.fromkeys(table.column_names[1:])
        assert rows[4]["word"] == ROUGH
        assert rows[4]["ratio"] == float("inf")
        assert rows[4]["place"] == {"x": float("-inf"), "label": "{}"}


@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_json_has_every_value(mesh: Served, form: str) -> None:
    text = mesh.client(ADA).get(ODD, params={"format": form}).text
    found = json.loads(text) if form == "json" else [*map(json.loads, text.splitlines())]
    rows = {row["id"]: row for row in found}
    assert list(rows[1]) == [
        *("id", "word", "ratio", "amount", "huge", "moment"),
        *("local", "day", "good", "raw", "tags", "place"),
    ]
    assert rows[1] == {
        "id": 1,
        "word": "plain",
        "ratio": 1.5,
        "amount": "12.3400",
        "huge": str(LARGEST),
        "moment": "2026-01-31T12:00:00.123456+00:00",
        "local": "2026-01-31T12:00:00.000000",
        "day": "2026-01-31",
        "good": True,
        "raw": "AP9hYg==",
        "tags": ["a", None, 'c"d'],
        "place": {"x": 1.5, "label": "here"},
    }
    assert rows[2]["word"] == ""
    assert rows[2]["ratio"] is None
    assert rows[2]["day"] == "0001-01-01"
    assert rows[3] == {"id": 3} | dict.fromkeys(list(rows[1])[1:])
    assert rows[4]["word"] == ROUGH
    assert rows[4]["moment"] == "2026-06-30T21:30:00.000000+00:00"
    assert rows[4]["tags"] == ["😀", ""]


def test_csv_tells_null_from_empty_text(mesh: Served) -> None:
    text = mesh.client(ADA).get(ODD, params={"format": "csv", "order": "id"}).text
    lines = text.split("\n")
    assert lines[2].startswith('2,"",NaN,-0.0001,-5,')
    assert lines[3] == "3" + "," * 11
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["huge"] == str(LARGEST)
    assert rows[0]["moment"] == "2026-01-31T12:00:00.123456+00:00"
    assert json.loads(rows[0]["tags"]) == ["a", None, 'c"d']
    assert json.loads(rows[0]["place"]) == {"x": 1.5, "label": "here"}
    assert rows[3]["word"] == ROUGH


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "arrow"])
def test_values_that_few_can_tell_fail_nobody(mesh: Served, form: str) -> None:
    """Infinite dates, years that Python has not, types that polars does not write."""
    sql = """SELECT date 'infinity' a, timestamp '-infinity' b, date '12000-01-01' c,
        timestamp '0044-03-15 (BC)' d, INTERVAL 1 DAY e, map {'k': date 'infinity'} f,
        time '12:34:56.789' g, '\\x00'::blob h, [date 'infinity', null] i, 1.5 j"""
    answer = mesh.client(ADA).post("/query", content=sql, params={"format": form})
    assert answer.status_code == 200, answer.text
    expected = {
        "a": "infinity",
        "b": "-infinity",
        "c": "+12000-01-01",
        "d": "-0043-03-15T00:00:00.000000",
        "e": "P0M1DT0S",
        "f": {"k": "infinity"},
        "g": "12:34:56.789000",
        "h": "AA==",
        "i": ["infinity", None],
        "j": "1.5",
    }
    if form == "arrow":
        assert pa.ipc.open_stream(answer.content).read_all().num_rows == 1
    elif form == "csv":
        row = next(csv.DictReader(io.StringIO(answer.text)))
        assert row == {
            k: v if isinstance(v, str) else json.dumps(v, separators=(",", ":"))
            for k, v in expected.items()
        }
    else:
        found = answer.json()
        assert (found[0] if form == "json" else found) == expected


@pytest.mark.parametrize("form", ["json", "ndjson", "csv", "arrow", "parquet"])
def test_no_rows_are_an_answer_of_that_form(mesh: Served, form: str) -> None:
    answer = mesh.client(ADA).get(ODD, params={"format": form, "limit": 0})
    assert answer.status_code == 200
    if form == "json":
        assert answer.json() == []
    elif form == "ndjson":
        assert answer.content == b""
    elif form == "csv":
        assert answer.text.startswith("id,word,")
        assert answer.text.count("\n") == 1
    elif form == "arrow":
        assert pa.ipc.open_stream(answer.content).read_all().num_rows == 0
    else:
        assert pq.read_table(io.BytesIO(answer.content)).num_rows == 0


def test_texts_are_compressed_when_asked_for_and_arrow_never(mesh: Served) -> None:
    client = mesh.client(ADA)
    plain = client.get(ODD, params={"format": "csv"}, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    for asked, coding in (("gzip", "gzip"), ("gzip, zstd", "zstd"), ("zstd;q=0, gzip", "gzip")):
        headers = {"Accept-Encoding": asked}
        with client.stream("GET", ODD, params={"format": "csv"}, headers=headers) as answer:
            raw = b"".join(answer.iter_raw())
            assert answer.headers["Content-Encoding"] == coding
        if coding == "gzip":
            assert gzip.decompress(raw) == plain.content
        else:
            unpacked = pa.CompressedInputStream(pa.BufferReader(raw), "zstd").read()
            assert unpacked == plain.content
    for form in ("arrow", "parquet"):
        headers = {"Accept-Encoding": "gzip, zstd"}
        answer = client.get(ODD, params={"format": form}, headers=headers)
        assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("packing", ["lz4", "zstd"])
def test_the_buffers_of_arrow_are_packed_when_asked_for(mesh: Served, packing: str) -> None:
    client = mesh.client(ADA)
    plain = client.get(ODD, params={"format": "arrow"})
    packed = client.get(ODD, params={"format": "arrow", "compression": packing})
    assert packed.content != plain.content
    read = [
        pa.ipc.open_stream(each.content).read_all().drop(["ratio", "place"])
        for each in (plain, packed)
    ]
    assert read[0].equals(read[1])
    wrong = client.get(ODD, params={"format": "csv", "compression": packing})
    assert wrong.status_code == 400
    assert "Accept-Encoding" in wrong.json()["fix"]


def test_columns_of_the_same_name_are_refused_where_they_could_not_be_told_apart(
    mesh: Served,
) -> None:
    sql = "SELECT id a, word a FROM shop.odd LIMIT 1"
    for form in ("json", "ndjson", "csv"):
        answer = mesh.client(ADA).post("/query", content=sql, params={"format": form})
        assert answer.status_code == 400
        assert "'a'" in answer.json()["detail"]
        assert "AS" in answer.json()["fix"]
    answer = mesh.client(ADA).post("/query", content=sql, params={"format": "arrow"})
    assert pa.ipc.open_stream(answer.content).read_all().num_columns == 2
