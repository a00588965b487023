"""Predicate hints: a file with a row that is wanted is never left out."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.gateway.sharing.hints import Statistics, keeps, read_json, read_sql

TYPES = {"n": "long", "s": "string", "d": "date", "x": "double", "b": "boolean", "t": "timestamp"}
COLUMNS = "n bigint, s varchar, d date, x double, b boolean, t timestamptz"
START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
texts = st.sampled_from(["", "a", "B", "b", "é", "10", "9"])
rows = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-5, 5)),
        st.one_of(st.none(), texts),
        st.one_of(st.none(), st.integers(0, 5).map(lambda n: date(2026, 1, 28) + timedelta(n))),
        st.one_of(st.none(), st.sampled_from([-1.5, -0.0, 0.0, 0.1, 2.5])),
        st.one_of(st.none(), st.booleans()),
        st.one_of(st.none(), st.integers(0, 5).map(lambda n: START + timedelta(hours=n))),
    ),
    min_size=1,
    max_size=6,
)
constants = {
    "n": ("long", st.integers(-6, 6).map(str)),
    "s": ("string", texts),
    "d": ("date", st.integers(0, 6).map(lambda n: str(date(2026, 1, 27) + timedelta(n)))),
    "x": ("double", st.sampled_from(["-1.5", "0", "0.1", "3"])),
    "b": ("bool", st.sampled_from(["true", "false"])),
    "t": ("timestamp", st.integers(0, 6).map(lambda n: (START + timedelta(hours=n)).isoformat())),
}
SQL = {
    "equal": "=",
    "lessThan": "<",
    "lessThanOrEqual": "<=",
    "greaterThan": ">",
    "greaterThanOrEqual": ">=",
}


@st.composite
def leaves(draw: st.DrawFn) -> tuple[dict, str]:
    """A comparison or a test for null, as JSON and as SQL of DuckDB."""
    name = draw(st.sampled_from(sorted(TYPES)))
    kind, values = constants[name]
    column = {
        "op": "column",
        "name": draw(st.sampled_from([name, name.upper()])),
        "valueType": kind,
    }
    if draw(st.booleans()) and draw(st.booleans()):
        return {"op": "isNull", "children": [column]}, f"{name} IS NULL"
    op, value = draw(st.sampled_from(sorted(SQL))), draw(values)
    literal = {"op": "literal", "value": value, "valueType": kind}
    sql = f"CAST('{value}' AS {dict(zip('nsdxbt', COLUMNS.split(', '), strict=True))[name][2:]})"
    if draw(st.booleans()):
        return {"op": op, "children": [literal, column]}, f"{sql} {SQL[op]} {name}"
    return {"op": op, "children": [column, literal]}, f"{name} {SQL[op]} {sql}"


def nested(children: st.SearchStrategy[tuple[dict, str]]) -> st.SearchStrategy[tuple[dict, str]]:
    several = st.lists(children, min_size=2, max_size=3)
    both = st.tuples(st.sampled_from(["and", "or"]), several).map(
        lambda pair: (
            {"op": pair[0], "children": [each[0] for each in pair[1]]},
            f" {pair[0]} ".join(f"({each[1]})" for each in pair[1]),
        )
    )
    negated = children.map(lambda one: ({"op": "not", "children": [one[0]]}, f"NOT ({one[1]})"))
    return st.one_of(both, negated)


def statistics(found: list[tuple], *, bounds: bool = True) -> Statistics:
    """What a table's log would say of a file with these rows."""
    told: dict = {"numRecords": len(found), "nullCount": {}, "minValues": {}, "maxValues": {}}
    for at, name in enumerate(TYPES):
        values = [row[at] for row in found if row[at] is not None]
        told["nullCount"][name] = len(found) - len(values)
        if values and bounds:
            told["minValues"][name], told["maxValues"][name] = (
                each.isoformat() if isinstance(each, date) else each
                for each in (min(values), max(values))
            )
    return Statistics.read(json.dumps(told), TYPES)


@settings(max_examples=150, deadline=None)
@given(rows, st.recursive(leaves(), nested, max_leaves=6), st.booleans())
def test_a_file_with_a_wanted_row_is_kept(
    found: list[tuple], predicate: tuple[dict, str], bounds: bool
) -> None:
    told, sql = predicate
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = 'UTC'; create table t ({COLUMNS})")
        connection.executemany("insert into t values (?, ?, ?, ?, ?, ?)", found)
        wanted = connection.execute(f"select count(*) from t where {sql}").fetchone()
    hints = read_json(json.dumps(told))
    assert hints
    if wanted != (0,):
        assert keeps(hints, statistics(found, bounds=bounds))


FILE = Statistics.read(
    json.dumps(
        {
            "numRecords": 3,
            "nullCount": {"n": 0, "s": 3, "t": 1},
            "minValues": {"n": 10, "d": "2026-01-05", "t": "2026-01-05T00:00:00.000Z", "x": 0.5},
            "maxValues": {"n": 20, "d": "2026-01-09", "t": "2026-01-09T00:00:00.000Z", "x": 1.5},
        }
    ),
    TYPES,
)


@pytest.mark.parametrize(
    ("hint", "kept"),
    [
        ("n = 15", True), ("n = 21", False), ("n <> 3", True), ("21 <= n", False),
        ("n >= 20", True), ("n < 10", False), ("N > 20", False), ("n = -1", False),
        ("n = '15'", True), ("n = 'x'", True), ("s = 'a'", False), ("s IS NULL", True),
        ("s IS NOT NULL", False), ("n IS NULL", False), ("t IS NULL", True),
        ("d > '2026-01-09'", False), ("d = '2026-01-07'", True), ("d > 5", True),
        ("t < '2026-01-01T00:00:00Z'", False), ("t > '2026-01-08 12:00:00'", True),
        ("x > 2", False), ("x = 9007199254740993", False), ("n = n", True), ("n + 1 = 30", True),
        ("other = 3", True), ("n = 15; drop table t", True), ("((", True), ("", True),
        ("n IN (99)", True), ("b", True), ("n > 9007199254740993", False),
        ("t > 'tomorrow'", True), ("n = NULL", True),
    ],
)  # fmt: skip
def test_hints_in_sql(hint: str, kept: bool) -> None:
    assert keeps(read_sql([hint]), FILE) == kept


@pytest.mark.parametrize(
    "text",
    [
        None, "", "{", "[]", "3", "null", '{"op": "equal"}', '{"op": "column", "name": "n"}',
        '{"op": "and", "children": []}', '{"op": "rm", "children": []}', "x" * 30_000,
        '{"op": "not", "children": [{"op": "literal", "value": 1, "valueType": "int"}]}',
        "[" * 5_000, '{"op":"not","children":[' * 2_000,
    ],
)  # fmt: skip
def test_what_is_not_understood_keeps_everything(text: str | None) -> None:
    assert keeps(read_json(text), FILE)


def test_a_column_taken_as_another_type_keeps_everything() -> None:
    for kind in ("string", "int", "float", "date", "rubbish"):
        column = {"op": "column", "name": "n", "valueType": kind}
        literal = {"op": "literal", "value": "99", "valueType": kind}
        assert keeps(read_json(json.dumps({"op": "equal", "children": [column, literal]})), FILE)
