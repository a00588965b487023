"""The first wall: of a stranger's SQL runs what is on the lists, over ports that may be read."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from hostile_queries import HOSTILE, URL, VIEW, resolve

from mesh_defs.errors import AccessDenied, UnknownAddress
from mesh_defs.gateway.query.allow import MOST_CHARACTERS, read_query
from mesh_defs.gateway.query.faults import BadQuery
from mesh_defs.gateway.query.functions import FUNCTIONS, OPERATORS
from mesh_defs.gateway.query.parameters import bound
from mesh_defs.policy.access import conditions
from mesh_defs.urls import MeshUrl

READ = "SELECT {} FROM shop.sales.sales"


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_hostile_is_refused(hostile: str, tmp_path: Path) -> None:
    sql = hostile.format(root=tmp_path, open=tmp_path / "open.parquet")
    with pytest.raises((BadQuery, AccessDenied)) as error:
        read_query(sql, resolve)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "sql",
    [
        READ.format("*"),
        READ.format("origin, count(*) AS n, avg(price)") + " GROUP BY ALL HAVING n > 1 ORDER BY 2",
        READ.format("* EXCLUDE (email) REPLACE (price * 2 AS price)"),
        "FROM shop.sales.sales SELECT id LIMIT 3 OFFSET 2",
        "WITH a AS (SELECT * FROM shop.sales) SELECT * FROM a JOIN shop.sales.sales b USING (id)",
        READ.format("id") + " UNION ALL SELECT i FROM (VALUES (1), (2)) t(i) EXCEPT SELECT 3",
        READ.format("sum(price) OVER w") + " WINDOW w AS (PARTITION BY origin ORDER BY id)",
        READ.format("*") + " QUALIFY row_number() OVER (PARTITION BY origin ORDER BY id) = 1",
        READ.format("CASE WHEN id IN (1, 2) THEN 'a' ELSE upper(origin) END"),
        READ.format("id")
        + " WHERE EXISTS (SELECT 1 FROM shop.sales.sales b WHERE b.id = sales.id)",
        READ.format("TRY_CAST(origin AS INTEGER), price::DECIMAL(9, 2), [1, 2][1], {'a': 1}.a"),
        READ.format("date_trunc('month', DATE '2023-01-05') + INTERVAL 1 MONTH") + " LIMIT 1",
        READ.format("json_extract_string('{\"a\": 1}'::JSON, '$.a'), string_split(origin, 'F')"),
        READ.format(
            "quantile_cont(price, 0.5), approx_count_distinct(id), string_agg(origin, ',')"
        ),
        "SELECT a.id FROM shop.sales a ASOF JOIN shop.sales b ON a.id = b.id AND a.id >= b.id",
        "SELECT i FROM range(10) r(i), unnest([1, 2]) u(x)",
        READ.format("grouping(origin), count(*)") + " GROUP BY CUBE (origin)",
        READ.format("count(*) FILTER (WHERE origin ILIKE 'j%' AND price BETWEEN 1 AND 2)"),
    ],
)
def test_what_reads_runs_and_reads_its_port_alone(sql: str) -> None:
    query = read_query(sql, resolve)
    assert set(query.relations) <= {VIEW}
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE VIEW \"{VIEW}\" AS SELECT i AS id, 'JFK' AS origin, 'a' AS email, "
            "i * 1.5::DOUBLE AS price FROM range(5) t(i)"
        )
        connection.execute("SET enable_external_access = false")
        connection.execute(query.sql).fetchall()


@pytest.mark.parametrize(
    "name",
    [
        "shop.sales.sales",
        "SHOP.Sales.SALES",
        '"shop"."sales"."sales"',
        "shop.sales",
        '"mesh://shop/sales"',
        '"mesh://shop/sales/sales?version=3"',
    ],
)
def test_the_ways_to_name_a_port(name: str) -> None:
    asked: list[MeshUrl] = []

    def versioned(url: MeshUrl) -> MeshUrl:
        asked.append(url)
        return resolve(url)

    query = read_query(f"SELECT * FROM {name}", versioned)
    assert query.relations == {VIEW: URL}
    assert asked[0].identity == "shop/sales"
    assert asked[0].version == (3 if "version" in name else None)


def test_columns_are_found_by_alias_port_and_whole_name() -> None:
    query = read_query("SELECT sales.id, shop.sales.sales.origin FROM shop.sales.sales", resolve)
    assert query.sql == f'SELECT sales.id, sales.origin FROM "{VIEW}" AS sales'


def test_a_with_hides_what_stands_around_it_and_ends_with_its_query() -> None:
    inner = "(WITH a AS (SELECT 2 AS x) SELECT x FROM a)"
    query = read_query(f"WITH a AS (SELECT 1 AS x) SELECT a.x, {inner} FROM a", resolve)
    with duckdb.connect() as connection:
        assert connection.execute(query.sql).fetchall() == [(1, 2)]


def test_a_with_does_not_reach_itself() -> None:
    with pytest.raises(BadQuery):
        read_query("WITH a AS (SELECT * FROM a) SELECT * FROM a", resolve)


def test_what_the_resolver_refuses_is_told_as_it_says() -> None:
    with pytest.raises(AccessDenied, match="not granted"):
        read_query("SELECT * FROM office.people.people", resolve)

    def unknown(url: MeshUrl) -> MeshUrl:
        raise UnknownAddress(f"no {url}")

    with pytest.raises(UnknownAddress):
        read_query(READ.format("*"), unknown)


def test_nothing_of_comments_and_hints_is_left() -> None:
    sql = "SELECT /*+ HINT */ id -- a\nFROM shop.sales.sales /* b */"
    assert read_query(sql, resolve).sql == f'SELECT id FROM "{VIEW}" AS sales'


def test_parameters_are_named_and_bound() -> None:
    query = read_query(READ.format("id") + " WHERE id = ? AND origin = ?", resolve)
    assert query.parameters == ("1", "2")
    assert bound(query, [1, "JFK"]) == {"1": 1, "2": "JFK"}
    named = read_query(READ.format("id") + " WHERE id = $id", resolve)
    assert bound(named, {"id": 3}) == {"id": 3}
    for wrong in ([], [1, 2], {"other": 1}, [[1]], ["x" * 20_000], [2**200]):
        with pytest.raises(BadQuery):
            bound(named, wrong)


@pytest.mark.parametrize(
    ("sql", "found", "line", "column"),
    [
        ("SELECT id,\n  getenv('x') FROM shop.sales.sales", "the function 'getenv'", 2, 0),
        (
            "SELECT sum(id),\n  list_transform(id, x -> x) FROM shop.sales.sales",
            "'list_transform'",
            2,
            3,
        ),
        ("DROP TABLE x", "a statement", 0, 0),
        ("SELECT 1; SELECT 2", "2 statements", 0, 0),
        ("SELECT 'ä',\n  repeat('x', 9999)", "repeat()", 2, 3),
        ("", "no statement", 0, 0),
        ("SELECT (", "", 1, 0),
    ],
)
def test_the_error_says_what_was_found_and_where(
    sql: str, found: str, line: int, column: int
) -> None:
    with pytest.raises(BadQuery) as error:
        read_query(sql, resolve)
    assert found in error.value.found
    assert error.value.line == line
    assert column in (0, error.value.column)
    assert error.value.allowed
    assert error.value.fix


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1" + " " * MOST_CHARACTERS,
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT " + "+".join(["1"] * 3000),
        "SELECT " + "NOT " * 3000 + "true",
        "SELECT * FROM " + "(SELECT * FROM " * 400 + "shop.sales" + ")" * 400,
        "SELECT " + "[" * 2000 + "]" * 2000,
        "SELECT " + "CASE WHEN true THEN " * 1000 + "1" + " END" * 1000,
        "SELECT * FROM " + ", ".join(["shop.sales.sales"] * 100),
        "WITH a0 AS (FROM shop.sales), "
        + ", ".join(f"a{i} AS (SELECT 1 FROM a{i - 1} x, a{i - 1} y)" for i in range(1, 20))
        + " FROM a19",
        READ.format("1") + " GROUP BY CUBE (" + ", ".join(f"c{i}" for i in range(20)) + ")",
        "SELECT x" + "[1]" * 10_000,
        "SELECT x" + ".f()" * 5_000,
        "SELECT " + ", ".join(["a || b"] * 9_000),
        "SELECT '\0'",
        "SELECT '\ud800'",
    ],
    ids=range(15),
)
def test_what_is_too_long_or_too_deep_is_refused(sql: str) -> None:
    with pytest.raises(BadQuery):
        read_query(sql, resolve)


@pytest.mark.parametrize(
    "expression",
    [
        "-2 ** 2, 2 ^ 3 ^ 2, 7 // 2 * 2, 7 % 4 - 1, -7 / 2, 1 - (2 - 3)",
        "NOT true = false, NOT (true AND false) OR true, (1 < 2) = true, NOT NULL IS NULL",
        (
            "0.1 + 0.2, 0.1::DOUBLE + 0.2, 1e-320, 1.7976931348623157e308, 5e-324, "
            "0.30000000000000004e0"
        ),
        "9223372036854775807, -9223372036854775808, 170141183460469231731687303715884105727",
        "12345678901234567890.123456789, 1_000, 1e3::INTEGER",
        "'it''s', 'a;b', '--', '/*', $$x'y$$, 'ä€😀', E'a\\nb\\'c', '\\'",
        "'\\xAA\\x00'::BLOB, 'a'::BLOB, NULL::INTEGER, [NULL, 1], []",
        "DATE '2024-02-29' + INTERVAL 1 YEAR, TIMESTAMP '2024-01-31' + INTERVAL '1' MONTH",
        (
            "INTERVAL '1 day 2 hours', INTERVAL (1 + 1) DAY, TIME '01:02:03', "
            "'2024-01-01'::TIMESTAMPTZ"
        ),
        (
            "date_diff('month', DATE '2023-01-31', DATE '2023-03-01'), "
            "extract('isodow' FROM DATE '2023-01-01')"
        ),
        "date_trunc('week', TIMESTAMP '2023-01-05 10:00'), strftime(DATE '2023-01-05', '%d.%m.%Y')",
        "strptime('05.01.2023', '%d.%m.%Y'), epoch(TIMESTAMP '2023-01-01'), to_timestamp(0)",
        "[1, 2, 3][1], [1, 2, 3][-1], [1, 2, 3][2:], [1, 2, 3][1:2], 'abc'[2], [[1], [2]][2][1]",
        "{'a': {'b': 1}}.a.b, {'a': 1}['a'], map {'k': 2}['k'], (1, 'a'), row(1, 2)",
        "1 IN (1, 2), 1 NOT IN (2), 2 BETWEEN 1 AND 3, NULL IS DISTINCT FROM 1, 1 = ANY([1, 2])",
        (
            "'abc' LIKE 'a_c', 'a%c' LIKE 'a!%c' ESCAPE '!', 'ABC' ILIKE 'abc', 'abc' ~ 'a.c', "
            "'a' GLOB '?'"
        ),
        (
            "'abc' SIMILAR TO 'a.c', 'x' NOT LIKE 'y', 'abc' ^@ 'ab', 'a' || 'b' || NULL, "
            "concat('a', NULL)"
        ),
        (
            "CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END, CASE WHEN NULL THEN 1 ELSE 2 END, "
            "if(true, 1, 2)"
        ),
        "coalesce(NULL, 2), nullif(1, 1), ifnull(NULL, 3), greatest(1, 2), 1::VARCHAR || 'x'",
        (
            "TRY_CAST('x' AS INTEGER), CAST('1.5' AS DECIMAL(9, 3)), 1.005::DECIMAL(4, 2), "
            "'true'::BOOLEAN"
        ),
        "substring('hello' FROM 2 FOR 3), position('l' IN 'hello'), trim(BOTH 'x' FROM 'xax')",
        "5 & 3, 5 | 3, ~5, 1 << 3, 16 >> 2, xor(5, 3), @(-3), '4' !~~ 'x', abs(-1)",
        (
            "regexp_replace('aaa', 'a', 'b', 'g'), regexp_extract('ab12', '(\\d+)', 1), "
            "split_part('a-b', '-', 2)"
        ),
        (
            "(SELECT max(x) FROM (VALUES (1), (3)) t(x)), ARRAY(SELECT 1), "
            "EXISTS(SELECT 1 WHERE false)"
        ),
        (
            "json_extract('{\"a\": [1, 2]}', '$.a[1]'), '{\"a\": 1}'::JSON ->> '$.a', "
            "to_json({'a': 1})"
        ),
        (
            "TIMESTAMP '2024-01-01 00:00' AT TIME ZONE 'Europe/Berlin', "
            "time_bucket(INTERVAL 1 DAY, DATE '2024-01-01')"
        ),
    ],
)
def test_what_runs_gives_what_was_meant(expression: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        sql = f"SELECT {expression}"
        meant = connection.execute(sql)
        names, rows = [d[1] for d in meant.description], meant.fetchall()
        ran = connection.execute(read_query(sql, resolve).sql)
        assert ([d[1] for d in ran.description], repr(ran.fetchall())) == (names, repr(rows))


def test_every_listed_function_is_one_of_the_engine() -> None:
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT lower(function_name) FROM duckdb_functions()").fetchall()
    # These the parser turns into something else, or knows by itself.
    written = {"percentile_cont", "percentile_disc", "add", "alias", "percent_rank", "cume_dist"}
    assert FUNCTIONS - {str(name) for (name,) in rows} - written <= {"date_add", "nullif"}


def test_what_a_condition_may_call_a_query_may_call() -> None:
    assert conditions.FUNCTIONS <= FUNCTIONS | OPERATORS


def test_the_text_that_runs_reads_as_one_select() -> None:
    query = read_query(READ.format("id, 'it''s' AS \"a\"\"b\""), resolve)
    with duckdb.connect() as connection:
        found = connection.execute("SELECT json_serialize_sql(?)", [query.sql]).fetchone()
    assert found is not None
    assert len(json.loads(found[0])["statements"]) == 1
