"""Ways of reading a port through a gateway, one signature for all: a test that holds for one is run
for each. A protocol joins by adding its reader to `READERS`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import httpx
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from adbc_driver_flightsql import DatabaseOptions, dbapi
from loopback import PLAIN

import mesh_defs as mesh

Cells = dict[str, str | None]


class Denied(Exception):
    """The gateway refused: nothing was read."""


@dataclass(frozen=True)
class Choice:
    """What of a port is asked for; ``where`` is SQL."""

    columns: tuple[str, ...] | None = None
    where: str | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Reader:
    """``read`` takes the gateway's address, the port's URL, a token (None: nobody's) and a choice;
    it gives rows of texts, null as None, or raises `Denied`. ``action`` is what it needs; one that
    is ``whole`` heeds no choice."""

    read: Callable[[str, str, str | None, Choice], list[Cells]]
    action: Literal["read", "query", "subscribe"] = "read"
    whole: bool = False


def cells(rows: list[Mapping[str, object]]) -> list[Cells]:
    """Values as texts, whatever types a protocol gave them."""
    return [{name: None if v is None else str(v) for name, v in row.items()} for row in rows]


def _get(base: str, url: str, token: str | None, choice: Choice, form: str) -> bytes:
    params: dict[str, str | int] = {"format": form}
    if choice.columns is not None:
        params["columns"] = ",".join(choice.columns)
    if choice.where is not None:
        params["where"] = choice.where
    if choice.limit is not None:
        params["limit"] = choice.limit
    path = f"{base}/{url.removeprefix('mesh://')}/data"
    return _content(httpx.get(path, params=params, headers=_head(token), **PLAIN))


def _query(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    names = ", ".join(choice.columns) if choice.columns is not None else "*"
    sql = f"SELECT {names} FROM {url.removeprefix('mesh://').replace('/', '.')}"
    sql += f" WHERE {choice.where}" if choice.where is not None else ""
    sql += f" LIMIT {choice.limit}" if choice.limit is not None else ""
    head = {**_head(token), "Content-Type": "application/sql"}
    path = f"{base}/query?format=json"
    return cells(json.loads(_content(httpx.post(path, content=sql, headers=head, **PLAIN))))


def _head(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token is not None else {}


def _content(answer: httpx.Response) -> bytes:
    if answer.status_code in (401, 403, 404):
        raise Denied(answer.text)
    assert answer.status_code == 200, answer.text
    return answer.content


def _arrow(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    content = _get(base, url, token, choice, "arrow")
    return cells(pa.ipc.open_stream(content).read_all().to_pylist())


def _parquet(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    content = _get(base, url, token, choice, "parquet")
    return cells(pq.read_table(io.BytesIO(content)).to_pylist())


def _csv(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    text = _get(base, url, token, choice, "csv").decode()
    names, *rows = csv.reader(io.StringIO(text))
    # A row of one null is an empty line.
    found = [dict(zip(names, row or [""], strict=True)) for row in rows]
    return cells([{name: value or None for name, value in row.items()} for row in found])


def _json(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    return cells(json.loads(_get(base, url, token, choice, "json")))


def _ndjson(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    lines = _get(base, url, token, choice, "ndjson").decode().splitlines()
    return cells([json.loads(line) for line in lines])


def _connected(flight: bool) -> Callable[[str, str, str | None, Choice], list[Cells]]:
    def read(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
        try:
            with mesh.connect(base, token=token, flight=flight) as gateway:
                assert gateway.protocol == ("flight" if flight else "http")
                found = gateway.open(url).arrow(choice.columns, choice.where)
        except (mesh.AccessDenied, mesh.Unauthenticated, mesh.UnknownAddress) as error:
            raise Denied(str(error)) from None
        limit = len(found) if choice.limit is None else choice.limit
        return cells(found.slice(0, limit).to_pylist())

    return read


def _adbc(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    address = httpx.get(f"{base}/-/about", **PLAIN).json()["flight"]
    names = ", ".join(choice.columns) if choice.columns is not None else "*"
    # More than a plain selection: it needs leave to query.
    sql = f"WITH t AS (SELECT * FROM {url.removeprefix('mesh://').replace('/', '.')}) "
    sql += f"SELECT {names} FROM t" + (f" WHERE {choice.where}" if choice.where else "")
    sql += f" LIMIT {choice.limit}" if choice.limit is not None else ""
    head = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"} if token else {}
    refused = (dbapi.ProgrammingError, dbapi.OperationalError, dbapi.NotSupportedError)
    with dbapi.connect(address, db_kwargs=head) as connection, connection.cursor() as cursor:
        try:
            cursor.execute(sql)
            return cells(cursor.fetch_arrow_table().to_pylist())
        except refused as error:
            told = str(error).upper().replace(" ", "_")
            if not any(k in told for k in ("UNAUTHENTICATED", "UNAUTHORIZED", "NOT_FOUND")):
                raise
            raise Denied(str(error)) from None


def _files(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    path = f"{base}/{url.removeprefix('mesh://')}/files"
    told = json.loads(_content(httpx.get(path, headers=_head(token), **PLAIN)))
    urls = [each["url"] for each in told["files"]]
    return cells([row for each in urls for row in pl.read_parquet(each).to_dicts()])


def _sharing(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    share, schema, table = url.removeprefix("mesh://").split("/")
    path = f"{base}/-/sharing/shares/{share}/schemas/{schema}/tables/{table}/query"
    answer = httpx.post(path, json={}, headers=_head(token), **PLAIN)
    lines = [json.loads(line) for line in _content(answer).splitlines()]
    urls = [line["file"]["url"] for line in lines if "file" in line]
    return cells([row for each in urls for row in pl.read_parquet(each).to_dicts()])


def _changes(base: str, url: str, token: str | None, choice: Choice) -> list[Cells]:
    path = f"{base}/{url.removeprefix('mesh://')}/changes?since=-1"
    rows = json.loads(_content(httpx.get(path, headers=_head(token), **PLAIN)))
    return cells([{k: v for k, v in row.items() if not k.startswith("_")} for row in rows])


READERS: dict[str, Reader] = {
    "http arrow": Reader(_arrow),
    "http parquet": Reader(_parquet),
    "http csv": Reader(_csv),
    "http json": Reader(_json),
    "http ndjson": Reader(_ndjson),
    "http query": Reader(_query, "query"),
    "client http": Reader(_connected(flight=False)),
    "client flight": Reader(_connected(flight=True)),
    "adbc": Reader(_adbc, "query"),
    "signed files": Reader(_files, whole=True),
    "delta sharing": Reader(_sharing, whole=True),
    "changes": Reader(_changes, "subscribe", whole=True),
}
