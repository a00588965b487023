"""What lineage does not name as a source of a column does not change that column: queries are run
on data that differ in one column of an input."""

from __future__ import annotations

from functools import cache

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from lineage_queries import AGGREGATES, COLUMNS, SHAPES, SOURCES, STARS, TYPES, queries
from sqlglot.errors import SqlglotError

from mesh_defs.product.lineage.sql import Tracer

Source = tuple[str, str]
Columns = dict[str, list[str]]

EACH = [
    *(f"select {column} as c0 from t" for column in COLUMNS),
    *(f"select {shape.format('a', 'text')} as c0 from t" for shape in SHAPES),
    *(f"select {shape.format('date[1:9]', 'text.lower()')} as c0 from t" for shape in SHAPES),
    *(f"select {shape.format('a')} as c0 from t" for shape in AGGREGATES),
    *(f"select {star} from t" for star in STARS),
    *(f"select {item} from {source}" for source in SOURCES for item in ("a as c0", "text", "*")),
]
INPUTS = [
    (table, column) for table, columns in TYPES.items() for column in columns if column != "k"
]


def value(source: Source, row: int, *, other: bool) -> str:
    """A literal for one field; the ``other`` one has another length, too."""
    table, column = source
    kind = TYPES[table][column]
    text = f"Q{row * row}z9{column}-o" if other else f"{table}{column[0]}{row}-x"
    return {
        "INTEGER": str(row) if column == "k" else str(1000 - row * row if other else row * 3 + 1),
        "DATE": f"date '19{70 - row}-1{row}-2{row}'" if other else f"date '200{row}-0{row + 1}-11'",
        "VARCHAR": f"'{text}'",
        "VARCHAR[]": f"['{text}', '{text}2']",
        "MAP(VARCHAR, VARCHAR)": f"map {{'x': '{text}'}}",
        "STRUCT(e VARCHAR, f VARCHAR)": f"{{'e': '{text}', 'f': 'f{text}'}}",
        "JSON": f'\'{{"e": "{text}"}}\'::json',
    }[kind]


@cache
def database(changed: Source | None) -> duckdb.DuckDBPyConnection:
    """The inputs with three rows each; the column ``changed`` has other values."""
    connection = duckdb.connect(config={"threads": 1})
    for table, columns in TYPES.items():
        listed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"CREATE TABLE {table} ({listed})")
        for row in range(3):
            values = ", ".join(
                value((table, name), row, other=(table, name) == changed) for name in columns
            )
            connection.execute(f"INSERT INTO {table} VALUES ({values})")
    return connection


def shown(query: str, changed: Source | None) -> Columns | None:
    """The values of each column of ``query``, sorted; None when it cannot be run."""
    try:
        answer = database(changed).execute(f"SELECT * FROM ({query}) AS __shown")
        rows = answer.fetchall()
    except duckdb.Error:
        return None
    names = [str(part[0]).lower() for part in answer.description or ()]
    return {name: sorted(repr(row[at]) for row in rows) for at, name in enumerate(names)}


def told(query: str, columns: Columns) -> dict[str, set[Source]]:
    """The sources of those columns of which lineage claims to know them."""
    try:
        flows = Tracer(TYPES).trace(query)
    except (AssertionError, SqlglotError, ValueError):  # All of it becomes unknown.
        return {}
    known = {name: flow for name, flow in flows.items() if name in columns and not flow.reason}
    return {name: {*flow.sources, *flow.equal} for name, flow in known.items()}


def overlooked(query: str) -> list[tuple[str, Source]]:
    """Columns that change with an input's column that is not among their sources."""
    before = shown(query, None)
    if before is None:
        return []
    known = told(query, before)
    found = []
    for source in INPUTS:
        asked = [name for name, sources in known.items() if source not in sources]
        after = (shown(query, source) or {}) if asked else {}
        found += [(n, source) for n in asked if n in after and after[n] != before[n]]
    return found


def test_each_piece_of_syntax_is_understood_or_unknown() -> None:
    assert {query: found for query in EACH if (found := overlooked(query))} == {}


def test_most_of_it_is_run_and_understood() -> None:
    ran = {query: columns for query in EACH if (columns := shown(query, None)) is not None}
    assert len(ran) > 0.85 * len(EACH)
    names = sum(len(columns) for columns in ran.values())
    assert sum(len(told(query, columns)) for query, columns in ran.items()) > 0.6 * names


@given(queries())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_comes_from_nowhere_changes_with_nothing(query: str) -> None:
    assert overlooked(query) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select a.lower() as c from t", {"a"}),
        ("select T.A.left(2).upper() as c from t", {"a"}),
        ("select n.sum() as c from t", {"n"}),
        ("select n.sum() filter (where k > 1) as c from t", {"n", "k"}),
        ("select text.first() over (order by k) as c from t", {"text", "k"}),
        ("select (case when k > 1 then a end).upper() as c from t", {"a", "k"}),
        ("select text[1] || date[1:2] as c from t", {"text", "date"}),
        ('select list[1] || "list"[2] as c from t', None),
        ("select list[1] as c from t", {"list"}),
        ("select map['x'] as c from t", {"map"}),
        ("select struct['e'] as c from t", {"struct"}),
        ("select interval[1:40] as c from t", {"interval"}),
        ("select current_date as c from t", {"current_date"}),
        ("select current_date as c, d from u", set()),
        ("select main.lower(a) as c from t", {"a"}),
    ],
)
def test_methods_and_names_of_types_are_followed(query: str, expected: set[str] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="DuckDB reads 'list' where"):
            Tracer(TYPES).trace(query)
        return
    flow = Tracer(TYPES).trace(query)["c"]
    assert (flow.reason, {column for _, column in flow.sources}) == (None, expected)


@pytest.mark.parametrize(
    ("query", "way"),
    [
        ("select keyed_hash(a.lower()) as c from t", "hashed"),
        ("select a.left(2) as c from t", "masked(2)"),
        ("select day.year() as c from t", "masked(4)"),
        ("select n.sum() as c from t", "aggregated"),
        ("select keyed_hash(text[1:1]) as c from t", "direct"),
    ],
)
def test_what_a_method_takes_away_is_that_of_its_function(query: str, way: str) -> None:
    flow = Tracer(TYPES).trace(query)["c"]
    assert {" or ".join(map(str, paths)) for paths in flow.ways.values()} == {way}
