"""Simple conditions are recognised without a parser, and mean what the engine's parser says."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.gateway.query.simple import simple_condition, simple_statement
from mesh_defs.policy.access.conditions import BadCondition, read_condition

KNOWN = ("id", "code", "Day", "select")
QUOTED = '"select"'
CONSTANTS = st.integers(-(10**18) + 1, 10**18 - 1).map(str) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5
).map(lambda text: "'" + text.replace("'", "''") + "'")


@st.composite
def conditions(draw: st.DrawFn) -> str:
    space = st.sampled_from(["", " ", "\n\t"])
    parts = [
        f"{draw(space)}{draw(st.sampled_from(['id', 'code', 'Day', QUOTED]))}{draw(space)}"
        f"{draw(st.sampled_from(['=', '<', '<=', '>', '>=']))}{draw(space)}{draw(CONSTANTS)}"
        for _ in range(draw(st.integers(1, 4)))
    ]
    joined = draw(st.sampled_from([" AND ", "\nand\t"])).join(parts)
    before, after = draw(st.sampled_from([("", ""), ("(", "\n)"), (" ( ", ")")]))
    return before + joined + after


@settings(deadline=None)
@given(where=conditions())
def test_it_means_what_the_parser_reads(where: str) -> None:
    found = simple_condition(where, KNOWN)
    assert found is not None
    with duckdb.connect() as connection:
        meant = read_condition(where, KNOWN, connection)
        assert read_condition(found.sql, KNOWN, connection) == meant


@pytest.mark.parametrize(
    "where",
    [
        "",
        "id",
        "id = 1 OR id = 2",
        "id = 1 AND",
        "AND id = 1",
        "id = 1 id = 2",
        "id = 1AND id = 2",
        "id = 1; SELECT 1",
        "id = 1 -- more",
        "id = 'it''s' 'more'",
        "id = E'a'",
        "id = 1e5",
        "id = 1.5",
        "id = 1_000",
        "id = 0x1F",
        "id = '",
        "id == 1",
        "id <> 1",
        "id = - 1",
        "unknown = 1",
        "id = code",
        '"id"" = 1',
        "(id = 1) AND (id = 2)",
        "((id = 1))",
        "t.id = 1",
        "id = 1234567890123456789",
        "NOT id = 1",
    ],
)
def test_anything_else_is_the_parsers(where: str) -> None:
    assert simple_condition(where, KNOWN) is None


def test_names_are_quoted_as_the_port_writes_them() -> None:
    found = simple_condition("DAY > '2026-01-01' and id=3", KNOWN)
    assert found is not None
    assert found.sql == '("Day" > \'2026-01-01\' AND "id" = 3)'


def test_names_that_differ_only_in_case_are_the_parsers() -> None:
    assert simple_condition("id = 1", ("id", "ID")) is None


def test_what_the_parser_refuses_may_be_a_name_here() -> None:
    # A column may be named by a word of SQL; quoted, it is only that column.
    with duckdb.connect() as connection, pytest.raises(BadCondition):
        read_condition("select = 1", KNOWN, connection)
    found = simple_condition("select = 1", KNOWN)
    assert found is not None
    assert found.sql == '("select" = 1)'


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM a.b.c WHERE id = 1", ((), ("a", "b", "c"), None)),
        (
            "select id, code from a.b where id=1 and code > 'x' limit 5",
            (("id", "code"), ("a", "b"), 5),
        ),
        (
            'SELECT * FROM "mesh://a/b/c?version=1" WHERE id = 1',
            ((), ("mesh://a/b/c?version=1",), None),
        ),
        (
            'SELECT "id", "Day" FROM "mesh://a/b" WHERE ("id" = 1\n) LIMIT 3',
            (("id", "Day"), ("mesh://a/b",), 3),
        ),
        ("SELECT * FROM a.b WHERE code = 'x LIMIT 5'", ((), ("a", "b"), None)),
    ],
)
def test_a_simple_statement_is_read(sql: str, expected: tuple[object, ...]) -> None:
    found = simple_statement(sql)
    assert found is not None
    assert (found.columns, found.relation, found.limit) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a.b",
        "SELECT * FROM a.b WHERE id = 1 OR id = 2",
        "SELECT * FROM a.b WHERE id = (SELECT max(id) FROM a.b)",
        "SELECT * FROM a.b WHERE id = 1 ORDER BY id",
        "SELECT * FROM a.b WHERE id = 1; SELECT 1",
        "SELECT count(*) FROM a.b WHERE id = 1",
        "SELECT id AS x FROM a.b WHERE id = 1",
        "SELECT * FROM a.b c WHERE id = 1",
        "SELECT * FROM read_parquet('x') WHERE id = 1",
        "SELECT * FROM a WHERE id = 1",
        "SELECT * FROM a.b, a.c WHERE id = 1",
        "SELECT * FROM a.b WHERE id = 1 LIMIT 5 OFFSET 2",
        "SELECT * FROM a.b WHERE id = $1",
        "WITH x AS (SELECT 1) SELECT * FROM a.b WHERE id = 1",
        "SELECT * FROM a.b /* more */ WHERE id = 1",
    ],
)
def test_any_other_statement_is_the_parsers(sql: str) -> None:
    assert simple_statement(sql) is None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM a.b WHERE id = 1" + " " * 400_000 + "x",
        "SELECT * FROM a.b WHERE" + " LIMIT" * 60_000,
        "SELECT id" + " " * 400_000 + ", FROM a.b WHERE id = 1",
        "SELECT * FROM a.b WHERE code = '" + "''" * 200_000,
        "SELECT * FROM a.b WHERE " + "(" * 400_000,
    ],
    ids=["spaces", "limits", "columns", "quotes", "brackets"],
)
def test_a_long_text_is_looked_at_once(sql: str) -> None:
    # Were it looked at again from every place, this would not end before the test's time is over.
    assert simple_statement(sql) is None
