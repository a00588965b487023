"""Types and columns: decided by the schema alone."""

from __future__ import annotations

import pytest
from verification import verdicts, written

from mesh_defs.contract.physical_types import UnknownType, parse
from mesh_defs.contract.rules import ColumnType, NoOtherColumns

K = {"dimension": "conformity"}
TYPES = {
    "text": "'a'",
    "day": "DATE '2023-01-01'",
    "at": "TIMESTAMP '2023-01-01'",
    "at_zone": "TIMESTAMPTZ '2023-01-01'",
    "clock": "TIME '10:00'",
    "whole": "1::BIGINT",
    "small": "1::SMALLINT",
    "real": "1::DOUBLE",
    "money": "1::DECIMAL(10, 2)",
    "count_as_decimal": "1::DECIMAL(10, 0)",
    "yes": "true",
    "list": "['a']",
    "thing": "{'a': 1, 'b c': 'x'}",
    "dict": "MAP {'a': 1}",
}


@pytest.mark.parametrize(
    ("column", "logical", "fits"),
    [
        ("text", "string", True),
        ("text", "date", False),
        ("day", "date", True),
        ("at", "date", False),
        ("at", "timestamp", True),
        ("at_zone", "timestamp", True),
        ("clock", "time", True),
        ("whole", "integer", True),
        ("whole", "number", True),
        ("real", "integer", False),
        ("real", "number", True),
        ("money", "number", True),
        ("money", "integer", False),
        ("count_as_decimal", "integer", True),
        ("yes", "boolean", True),
        ("whole", "boolean", False),
        ("list", "array", True),
        ("thing", "object", True),
        ("list", "object", False),
        ("dict", "map", True),
        ("thing", "map", False),
    ],
)
def test_logical_types(tmp_path, column, logical, fits):
    rows = written(tmp_path, f"SELECT {TYPES[column]} AS c")
    found = verdicts(tmp_path, rows, ColumnType(id="t", column="c", logical=logical, **K))["t"]
    assert found.outcome == ("passed" if fits else "failed")
    assert found.decided_by == "schema"


@pytest.mark.parametrize(
    ("column", "physical", "fits"),
    [
        ("text", "varchar(20)", True),
        ("text", "STRING", True),
        ("text", "character varying", True),
        ("whole", "int8", True),
        ("whole", "LONG", True),
        ("whole", "INTEGER", False),
        ("small", "int2", True),
        ("real", "double precision", True),
        ("real", "FLOAT8", True),
        ("real", "real", False),
        ("money", "NUMERIC(10,2)", True),
        ("money", "number(10, 3)", False),
        ("money", "DECIMAL", True),
        ("count_as_decimal", "DECIMAL(10)", True),
        ("money", "DECIMAL(10)", False),
        ("at", "datetime", True),
        ("at", "timestamp without time zone", True),
        ("at", "TIMESTAMP_NTZ", True),
        ("at", "TIMESTAMPTZ", False),
        ("at_zone", "timestamp(6) with time zone", True),
        ("list", "ARRAY<STRING>", True),
        ("list", "array", True),
        ("list", "text[]", True),
        ("list", "ARRAY<INT>", False),
        ("thing", "STRUCT<a: INT, `b c`: STRING>".replace("`", '"'), True),
        ("thing", 'struct(a integer, "b c" varchar)', True),
        ("thing", "STRUCT<a: BIGINT>", False),
        ("thing", "record", True),
        ("dict", "MAP<STRING, INT>", True),
        ("dict", "MAP<STRING, STRING>", False),
    ],
)
def test_physical_types_in_many_spellings(tmp_path, column, physical, fits):
    rows = written(tmp_path, f"SELECT {TYPES[column]} AS c")
    found = verdicts(tmp_path, rows, ColumnType(id="t", column="c", physical=physical, **K))["t"]
    assert found.outcome == ("passed" if fits else "failed"), found


def test_a_type_that_nobody_knows_is_an_error_and_a_missing_column_a_failure(tmp_path):
    rows = written(tmp_path, "SELECT 1 AS c")
    found = verdicts(
        tmp_path,
        rows,
        ColumnType(id="unknown", column="c", physical="FLUX(3)", **K),
        ColumnType(id="missing", column="d", logical="integer", **K),
        ColumnType(id="case", column="C", logical="integer", **K),
    )
    assert found["unknown"].outcome == "error"
    assert "'FLUX(3)' is unknown; known are BOOLEAN" in found["unknown"].reason
    assert found["missing"].outcome == "failed"
    assert found["missing"].observed == "the data has no column 'd'; it has c"
    assert found["case"].outcome == "failed"


def test_what_is_not_declared_is_found(tmp_path):
    rows = written(tmp_path, "SELECT 1 AS a, 2 AS b, 3 AS c")
    found = verdicts(
        tmp_path,
        rows,
        NoOtherColumns(id="others", columns=("a",), **K),
        NoOtherColumns(id="none", columns=("c", "b", "a", "z"), **K),
    )
    assert (found["others"].outcome, found["others"].observed) == ("failed", "also b, c")
    assert found["none"].outcome == "passed"


@pytest.mark.parametrize(
    "text", ["", "FOO", "ARRAY<", "STRUCT(a)", "INT)", "INT; DROP", "LIST<" * 100, "x" * 30_000]
)
def test_what_is_no_type_is_refused(text):
    with pytest.raises(UnknownType):
        parse(text)
