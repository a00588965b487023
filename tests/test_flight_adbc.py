"""The public ADBC driver of Flight SQL reads a mesh: queries, parameters, what there is."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

import adbc_driver_manager as adbc
import pyarrow as pa
import pytest
from flight_gateway import ADA, SALES, Flying, flight_mesh, flying


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    with flying(flight_mesh(tmp_path_factory.mktemp("mesh"))) as served:
        yield served


@pytest.fixture(scope="module")
def cursor(mesh: Flying):
    with mesh.adbc(mesh.token(ADA)).cursor() as opened:
        yield opened


def test_a_port_is_read_with_what_is_masked_and_what_is_known_of_it(cursor) -> None:
    cursor.execute(f"select * from {SALES} order by id")
    table = cursor.fetch_arrow_table()
    assert table["id"].to_pylist() == list(range(12))
    assert table["price"].to_pylist() == [100.5 + i for i in range(12)]
    assert table["email"].to_pylist()[0] == "p***@mail.example"
    assert table["meal"].null_count == 12
    told = {k.decode(): v.decode() for k, v in table.schema.metadata.items()}
    assert told["mesh.url"] == "mesh://shop/sales/sales?version=0"
    assert told["mesh.version"] == "0"
    assert told["mesh.contract_version"] == "1.0.0"
    assert told["mesh.stale"] == "false"
    assert float(told["mesh.age_seconds"]) >= 0
    assert json.loads(told["mesh.masked"]) == ["email", "phone", "born", "meal"]
    assert json.loads(told["mesh.verdicts"])["failed"] == 0
    assert datetime.fromisoformat(told["mesh.published_at"]).tzinfo is not None
    assert len(told["mesh.receipt"]) == 36


def test_the_flight_info_tells_the_same_of_every_port(mesh: Flying) -> None:
    client = mesh.client(mesh.token(ADA))
    info = client.info(f"select * from {SALES}, office.airports")
    sales, airports = sorted(
        json.loads(info.app_metadata)["ports"], key=lambda port: -len(port["masked"])
    )
    assert sales["url"] == "mesh://shop/sales/sales?version=0"
    assert sales["masked"] == ["email", "phone", "born", "meal"]
    assert airports["url"] == "mesh://office/airports/airports?version=0"
    assert json.loads(info.schema.metadata[b"mesh.ports"]) == json.loads(info.app_metadata)["ports"]


def test_joins_over_domains_and_aggregates(cursor) -> None:
    cursor.execute(
        f"select name, count(*) n, min(id) from {SALES} join office.airports a on code = origin "
        "group by all order by name"
    )
    assert cursor.fetchall() == [("Kennedy", 4, 0), ("La Guardia", 4, 1), ("Newark", 4, 2)]


def test_columns_of_the_same_name_are_told_apart(cursor) -> None:
    cursor.execute(f"select id, id from {SALES} order by id limit 1")
    table = cursor.fetch_arrow_table()
    assert table.num_columns == 2
    assert len(set(table.schema.names)) == 2
    assert [column.to_pylist() for column in table.columns] == [[0], [0]]


def test_columns_in_another_order_and_case_are_the_right_ones(cursor) -> None:
    cursor.execute(f"select ORIGIN, id from {SALES}")
    table = cursor.fetch_arrow_table()
    assert table.schema.names == ["origin", "id"]
    assert sorted(table["id"].to_pylist()) == list(range(12))
    assert set(table["origin"].to_pylist()) == {"JFK", "LGA", "EWR"}


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        (f"select * from {SALES} as s(a, b)", "a b price email phone born meal"),
        (f"select id as x from {SALES}", "x"),
        (f"select s.id from {SALES} s", "id"),
        (f"from {SALES}", "id origin price email phone born meal"),
        (f"select * exclude (email, phone, born, meal) from {SALES}", "id origin price"),
        (f"with s as (select id from {SALES}) select * from s", "id"),
    ],
)
def test_names_that_a_statement_gives(cursor, sql: str, names: str) -> None:
    cursor.execute(sql)
    table = cursor.fetch_arrow_table()
    assert table.schema.names == names.split()
    assert table.num_rows == 12


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("id > ?", 9),
        ("id > $least", 9),
        ("price > ?", 109.5),
        ("price > ?", Decimal("109.5")),
        ("id > ?", "9"),
    ],
)
def test_parameters(cursor, where: str, value: object) -> None:
    cursor.execute(f"select id from {SALES} where {where} order by id", (value,))
    assert cursor.fetchall() == [(10,), (11,)]


def test_parameters_are_values_and_never_sql(cursor) -> None:
    for text in ("x' or 1=1 --", "(select 1)", '"origin"', "'; drop table x; --"):
        cursor.execute(f"select count(*) from {SALES} where origin = ?", (text,))
        assert cursor.fetchall() == [(0,)]


def test_several_parameters_and_types(cursor) -> None:
    cursor.execute(
        "select ? + 1, ?, ?, ? from office.airports limit ?", (1, "ä", date(2026, 1, 2), None, 1)
    )
    assert cursor.fetchall() == [(2, "ä", date(2026, 1, 2), None)]


def test_a_statement_is_prepared_once_and_run_with_other_values(cursor) -> None:
    for least in (3, 10, 0):
        cursor.execute(f"select count(*) from {SALES} where id >= ?", (least,))
        assert cursor.fetchall() == [(12 - least,)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((1, 2), "give each parameter one value"),
        (pa.record_batch({"x": pa.array([], pa.int64())}), "give each parameter one value"),
        (pa.record_batch({"x": [1, 2]}), "more than one row"),
        (pa.record_batch({"x": [[1, 2]]}), "found a list"),
    ],
)
def test_parameters_that_do_not_fit(cursor, given: object, told: str) -> None:
    with pytest.raises(adbc.ProgrammingError, match=told):
        cursor.execute(f"select id from {SALES} where id = ?", given)


def test_columns_of_a_result_are_known_before_it_is_run(cursor) -> None:
    schema = cursor.adbc_execute_schema(f"select origin, count(*) n from {SALES} group by 1")
    assert schema.names == ["origin", "n"]
    assert schema.field("n").type == pa.int64()


def test_what_there_is(mesh: Flying) -> None:
    connection = mesh.adbc(mesh.token(ADA))
    found = connection.adbc_get_objects(depth="all").read_all().to_pylist()
    tables = {
        (c["catalog_name"], s["db_schema_name"], t["table_name"]): t
        for c in found
        for s in c["catalog_db_schemas"]
        for t in s["db_schema_tables"]
    }
    assert set(tables) == {("office", "airports", "airports"), ("shop", "sales", "sales")}
    sales = tables["shop", "sales", "sales"]
    assert sales["table_type"] == "PORT"
    columns = {each["column_name"]: each for each in sales["table_columns"]}
    assert columns["price"]["xdbc_type_name"] == "DOUBLE"
    assert columns["id"]["ordinal_position"] == 1
    assert connection.adbc_get_table_types() == ["PORT"]
    schema = connection.adbc_get_table_schema(
        "sales", catalog_filter="shop", db_schema_filter="sales"
    )
    assert schema.names == ["id", "origin", "price", "email", "phone", "born", "meal"]


def test_what_the_server_says_of_itself(mesh: Flying) -> None:
    told = mesh.adbc(mesh.token(ADA)).adbc_get_info()
    assert told["vendor_name"] == "mesh"
    assert told["vendor_arrow_version"] == pa.__version__


def test_a_user_without_a_name_and_the_token_as_password(mesh: Flying) -> None:
    import adbc_driver_flightsql.dbapi as dbapi

    options = {"username": "whoever", "password": mesh.token(ADA)}
    with (
        dbapi.connect(mesh.flight.location, db_kwargs=options, autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select count(*) from office.airports")
        assert cursor.fetchall() == [(3,)]
    with pytest.raises(adbc.ProgrammingError, match="UNAUTHENTICATED"):
        dbapi.connect(mesh.flight.location, db_kwargs={**options, "password": "mesh_no_token"})


def test_nothing_is_written(mesh: Flying) -> None:
    connection = mesh.adbc(mesh.token(ADA))
    with connection.cursor() as cursor:
        with pytest.raises(adbc.NotSupportedError, match="read through its gateway"):
            cursor.adbc_ingest("x", pa.table({"a": [1]}), mode="create")
        for sql in (
            "create table x as select 1",
            f"delete from {SALES}",
            f"insert into {SALES} select * from {SALES}",
            f"copy {SALES} to '/tmp/x'",
        ):
            with pytest.raises(adbc.ProgrammingError, match="INVALID_ARGUMENT"):
                cursor.execute(sql)
    connection.adbc_connection.set_autocommit(True)
    with pytest.raises(adbc.NotSupportedError):
        connection.adbc_connection.set_autocommit(False)


def test_versions_and_times(mesh: Flying) -> None:
    with mesh.adbc(mesh.token(ADA)).cursor() as cursor:
        cursor.execute('select count(*) from "mesh://office/airports/airports?version=0"')
        assert cursor.fetchall() == [(3,)]
        with pytest.raises(adbc.ProgrammingError, match=r"NOT_FOUND.*no version 7"):
            cursor.execute('select * from "mesh://office/airports?version=7"')
