"""Discovery as JDBC and ODBC do it: domains, products and ports as catalogs, schemas and tables."""

from __future__ import annotations

import re

import duckdb
import pyarrow as pa
import pytest
from flight_gateway import ADA, GUEST, JFK, Flying, flight_mesh, flying
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.gateway.flight.listing import matches
from mesh_defs.gateway.flight.sql_info import sql_info
from mesh_defs.gateway.flight.type_info import type_info


@pytest.fixture(scope="module")
def mesh(tmp_path_factory):
    with flying(flight_mesh(tmp_path_factory.mktemp("mesh"))) as served:
        yield served


@pytest.fixture(scope="module")
def ada(mesh: Flying):
    return mesh.client(mesh.token(ADA))


def names(table: pa.Table) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def test_catalogs_schemas_and_types(ada) -> None:
    assert names(ada.listed("CommandGetCatalogs")) == [("office",), ("shop",)]
    assert names(ada.listed("CommandGetTableTypes")) == [("PORT",)]
    every = [("office", "airports"), ("shop", "sales")]
    assert names(ada.listed("CommandGetDbSchemas")) == every
    assert names(ada.listed("CommandGetDbSchemas", catalog="shop")) == every[1:]
    assert names(ada.listed("CommandGetDbSchemas", db_schema_filter_pattern="%port%")) == every[:1]
    assert names(ada.listed("CommandGetDbSchemas", catalog="")) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["airports", "sales"]),
        ({"catalog": "shop"}, ["sales"]),
        ({"catalog": "sh%"}, []),
        ({"db_schema_filter_pattern": "s_les"}, ["sales"]),
        ({"table_name_filter_pattern": "%s"}, ["airports", "sales"]),
        ({"table_name_filter_pattern": "sale"}, []),
        ({"table_name_filter_pattern": r"s\_les"}, []),
        ({"table_name_filter_pattern": "' or 1=1 --"}, []),
        ({"table_types": ["PORT", "VIEW"]}, ["airports", "sales"]),
        ({"table_types": ["TABLE"]}, []),
        ({"catalog": "office", "table_name_filter_pattern": "sales"}, []),
    ],
)
def test_tables_by_every_filter(ada, filters: dict[str, object], found: list[str]) -> None:
    for include_schema in (False, True):
        rows = ada.listed("CommandGetTables", include_schema=include_schema, **filters)
        assert rows["table_name"].to_pylist() == found
        assert ("table_schema" in rows.schema.names) is include_schema


def schema(client, table: str) -> pa.Schema:
    listed = client.listed("CommandGetTables", include_schema=True, table_name_filter_pattern=table)
    (row,) = listed.to_pylist()
    return pa.ipc.read_schema(pa.py_buffer(row["table_schema"]))


@pytest.mark.parametrize("who", [ADA, JFK])
def test_the_columns_of_a_table_are_those_that_are_read(mesh: Flying, who: str) -> None:
    client = mesh.client(mesh.token(who))
    told = schema(client, "sales")
    assert told.equals(client.query("select * from shop.sales.sales").schema)


def test_columns_tell_what_is_seen_of_them(mesh: Flying, ada) -> None:
    told = schema(ada, "sales")
    seen = {f.name: f.metadata[b"mesh.seen"].decode() for f in told}
    assert seen["id"] == "clear"
    assert seen["email"] == "partial"
    assert seen["meal"] == "null"
    origin = told.field("origin").metadata
    assert origin[b"mesh.classification"] == b"internal"
    assert origin[b"ARROW:FLIGHT:SQL:REMARKS"] == b"Where it starts."
    assert origin[b"ARROW:FLIGHT:SQL:TYPE_NAME"] == b"VARCHAR"
    assert origin[b"ARROW:FLIGHT:SQL:CATALOG_NAME"] == b"shop"
    # Who may not read it may know what is in it, to ask for it.
    closed = schema(mesh.client(mesh.token(GUEST)), "sales")
    assert closed.names == told.names
    assert {f.metadata[b"mesh.seen"] for f in closed} == {b"no"}


def test_primary_keys(ada) -> None:
    found = names(ada.listed("CommandGetPrimaryKeys", table="sales"))
    assert found == [("shop", "sales", "sales", "id", None, 1)]
    assert names(ada.listed("CommandGetPrimaryKeys", table="sales", catalog="office")) == []
    assert names(ada.listed("CommandGetPrimaryKeys", table="none")) == []


def test_foreign_keys_in_and_out(mesh: Flying, ada) -> None:
    out = ada.listed("CommandGetImportedKeys", table="sales", catalog="shop")
    (row,) = out.to_pylist()
    assert (row["pk_catalog_name"], row["pk_table_name"]) == ("office", "airports")
    assert (row["pk_column_name"], row["fk_column_name"]) == ("code", "origin")
    assert (row["key_sequence"], row["update_rule"], row["delete_rule"]) == (1, 3, 3)
    assert ada.listed("CommandGetExportedKeys", table="airports").equals(out)
    assert ada.listed("CommandGetExportedKeys", table="sales").num_rows == 0
    both = {"pk_table": "airports", "fk_table": "sales"}
    assert ada.listed("CommandGetCrossReference", **both).equals(out)
    assert ada.listed("CommandGetCrossReference", **both, fk_catalog="office").num_rows == 0
    # Of a key whose other end may not be known of there is nothing.
    assert mesh.client().listed("CommandGetExportedKeys", table="airports").num_rows == 0


def test_flights_by_path(mesh: Flying, ada) -> None:
    found = list(ada.raw.list_flights(options=ada.options))
    paths = [tuple(part.decode() for part in each.descriptor.path) for each in found]
    assert paths == [("office", "airports", "airports"), ("shop", "sales", "sales")]
    info = ada.raw.get_flight_info(found[1].descriptor, ada.options)
    assert ada.read(info).num_rows == 12
    asked = ada.raw.get_schema(found[1].descriptor, ada.options).schema
    assert asked.equals(info.schema)
    assert {each.type for each in ada.raw.list_actions(ada.options)} >= {"CreatePreparedStatement"}


def test_sql_info_of_what_is_asked(ada) -> None:
    table = ada.listed("CommandGetSqlInfo", info=[0, 3, 8, 504, 99_999])
    assert table.to_pylist() == [
        {"info_name": 0, "value": "mesh"},
        {"info_name": 3, "value": True},
        {"info_name": 8, "value": 0},
        {"info_name": 504, "value": '"'},
    ]
    # All that FlightSql.proto has: of the server, of its syntax.
    told = set(sql_info([])["info_name"].to_pylist())
    assert set(range(500, 577)) <= told
    assert {0, 1, 2, 3, 4, 5, 8, 9, 100, 101} <= told


def test_type_info(ada) -> None:
    every = ada.listed("CommandGetXdbcTypeInfo")
    numbers = every["data_type"].to_pylist()
    assert numbers == sorted(numbers)
    (date,) = ada.listed("CommandGetXdbcTypeInfo", data_type=91).to_pylist()
    assert date["type_name"] == "DATE"
    assert type_info(4711).num_rows == 0
    for row in every.to_pylist():
        duckdb.execute(f"select null::{row['type_name']}")
        if row["literal_prefix"] and row["type_name"] not in ("VARCHAR", "BLOB", "INTERVAL"):
            text = {"DATE": "2026-01-01", "TIME": "10:00:00"}
            value = text.get(row["type_name"], "2026-01-01 10:00:00")
            duckdb.execute(f"select {row['literal_prefix']}{value}{row['literal_suffix']}")


TEXT = st.text("ab%_\\.*[(\n", max_size=8)


@given(TEXT, st.text("ab%_\\.*[(\n", max_size=8))
def test_patterns_are_those_of_like(pattern: str, name: str) -> None:
    if pattern.replace("\\\\", "").endswith("\\"):
        return  # DuckDB refuses an escape of nothing.
    if any(after not in "%_\\" for after in escaped(pattern)):
        return  # nor is there one of other characters
    found = duckdb.execute("select ? like ? escape '\\'", [name, pattern]).fetchone()
    assert matches(pattern, name) == found[0]


def escaped(pattern: str) -> list[str]:
    return [each[1] for each in re.findall(r"\\(?:.|\n)", pattern)]
