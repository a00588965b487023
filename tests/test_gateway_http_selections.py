"""Parts of a port over HTTP: columns, conditions, order, limit; versions, and times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from access_meshes import READERS, publish
from gateway_http import Served, served
from http_meshes import QUERIERS, http_mesh
from meshes import write_parquet

ADA = "person:ada@shop.example"
SALES = "/shop/sales/sales/data"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two versions of the sales: 12 rows, then 3."""
    root = http_mesh(tmp_path_factory.mktemp("selections"), READERS + QUERIERS)
    rows = (
        "select i as id, 'BOS' as origin, 7.5::double as price, 'a@b.example' as email, "
        "'+1' as phone, date '1990-01-01' as born, 'x' as meal from range(3) t(i)"
    )
    write_parquet(root, "sales", rows)
    publish(root, "mesh://shop/sales")
    with served(root) as found:
        yield found


def ids(mesh: Served, **params: object) -> list[int]:
    answer = mesh.client(ADA).get(SALES, params=params)
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


def test_columns_conditions_order_limit_and_offset(mesh: Served) -> None:
    assert ids(mesh, order="id desc") == [2, 1, 0]
    assert ids(mesh, order="origin, id desc", limit=2, offset=1) == [1, 0]
    assert ids(mesh, where="id > 0 and origin = 'BOS'", order="id") == [1, 2]
    assert ids(mesh, where="origin = 'JFK'") == []
    assert ids(mesh, limit=0) == []
    answer = mesh.client(ADA).get(SALES, params={"columns": "price, ID", "limit": 1, "order": "id"})
    assert answer.json() == [{"price": 7.5, "id": 0}]


def test_versions_by_number_and_by_time(mesh: Served) -> None:
    first = mesh.gateway.catalog.ledger("shop/sales").record(0)
    second = mesh.gateway.catalog.ledger("shop/sales").record(1)
    assert first is not None
    assert second is not None
    assert len(ids(mesh)) == 3
    assert len(ids(mesh, version=0)) == 12
    assert len(ids(mesh, as_of=first.published_at)) == 12
    between = second.time - timedelta(microseconds=1)
    assert len(ids(mesh, as_of=between.isoformat())) == 12
    assert len(ids(mesh, as_of=second.published_at)) == 3
    answer = mesh.client(ADA).get(SALES, params={"version": 0})
    assert answer.headers["Mesh-Version"] == "0"
    assert len(mesh.client(ADA).get("/shop/sales/sales@1/data").json()) == 3


def test_versions_that_there_are_not_are_told_with_those_that_there_are(mesh: Served) -> None:
    client = mesh.client(ADA)
    for path in (SALES, "/shop/sales/sales", "/shop/sales"):
        answer = client.get(path, params={"version": 9})
        assert answer.status_code == 404
        assert "it has 0 to 1" in answer.json()["detail"]
        early = client.get(path, params={"as_of": "2001-01-01"})
        assert early.status_code == 404
        assert "its first is of" in early.json()["detail"]
        assert client.get(path, params={"as_of": "soon"}).status_code == 400
        both = client.get(path, params={"as_of": "2001-01-01", "version": 1})
        assert both.status_code == 400
    assert client.get("/shop/sales/sales@2/data").status_code == 404
    assert client.get("/shop/sales@1/sales/data").json()["detail"].endswith("in the middle.")


def test_several_products_are_read_at_one_time(mesh: Served) -> None:
    sql = "SELECT (SELECT count(*) FROM shop.sales) a, (SELECT count(*) FROM shop.odd) b"
    client = mesh.client("service:reports")
    second = mesh.gateway.catalog.ledger("shop/sales").record(1)
    assert second is not None
    before = (second.time - timedelta(microseconds=1)).isoformat()
    reader = mesh.client(ADA)
    for moment, expected in ((before, 12), (datetime.now(UTC).isoformat(), 3)):
        answer = reader.post("/query", content=sql, params={"as_of": moment})
        assert answer.json() == [{"a": expected, "b": 4}]
        listed = client.get("/-/products", params={"as_of": moment}).json()["products"]
        versions = {each["product"]: each["version"] for each in listed}
        assert versions == {"odd": 0, "sales": 0 if expected == 12 else 1, "secret": 0}
    assert client.post("/query", content=sql, params={"as_of": "x"}).status_code == 400


@pytest.mark.parametrize(
    "params",
    [
        {"wher": "id = 1"},
        {"where": ["id = 1", "id = 2"]},
        {"limit": "1", "Limit": "1"},
        {"q": ""},
        {"cursor": "shop/sales"},
    ],
)
def test_a_parameter_that_is_unknown_or_comes_twice_is_never_ignored(
    mesh: Served, params: dict[str, object]
) -> None:
    client = mesh.client(ADA)
    for path in (SALES, "/shop/sales/data"):
        answer = client.get(path, params=params)
        assert answer.status_code == 400
        assert "query parameter" in answer.json()["detail"]
    misspelt = client.get(SALES, params={"wher": "id = 1"}).json()
    assert misspelt["fix"] == "write 'where' instead of 'wher'"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"columns": "id,nope"}, "'nope' in 'columns'"),
        ({"columns": "id,,price"}, "an empty name in 'columns'"),
        ({"order": "nope"}, "'nope' in 'order'"),
        ({"order": "id sideways"}, "in 'order'"),
        ({"where": "nope = 1"}, "'nope' in 'where'"),
        ({"where": "id ="}, "in 'where'"),
        ({"limit": "-1"}, "query.limit"),
        ({"limit": "many"}, "query.limit"),
        ({"offset": str(2**70)}, "query.offset"),
        ({"version": "-1"}, "query.version"),
    ],
)
def test_what_is_wrong_with_a_part_is_told(mesh: Served, params: dict[str, str], told: str) -> None:
    for form in ("json", "arrow", "parquet"):
        answer = mesh.client(ADA).get(SALES, params={**params, "format": form})
        assert answer.status_code == 400
        assert told in answer.json()["detail"]


def test_data_that_the_client_has_is_not_read_again(mesh: Served) -> None:
    client = mesh.client(ADA)
    tags = set()
    for params in ({}, {"version": 0}, {"version": 0, "limit": 2}, {"format": "csv"}):
        answer = client.get(SALES, params=params)
        tag = answer.headers["ETag"]
        tags.add(tag)
        before = len(mesh.events())
        again = client.get(SALES, params=params, headers={"If-None-Match": tag})
        assert again.status_code == 304
        assert again.content == b""
        assert len(mesh.events()) == before, "nothing was read"
        assert "Mesh-Receipt" not in again.headers
    assert len(tags) == 4
