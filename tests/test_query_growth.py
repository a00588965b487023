"""No value of a query that may run gets much larger than the data's, however it is written."""

from __future__ import annotations

import duckdb
import pytest
from hostile_queries import VIEW, resolve
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.gateway.query.allow import read_query
from mesh_defs.gateway.query.faults import BadQuery
from mesh_defs.gateway.query.growth import MOST_GROWTH

BASE = 64
DOUBLED = ", ".join(f"a{i}||a{i} AS a{i + 1}" for i in range(30))
CHAIN = "shop.sales.sales"
for _ in range(12):
    CHAIN = f"(SELECT origin || origin AS origin FROM {CHAIN})"
ROWS = "shop.sales.sales"
for _ in range(30):
    ROWS = f"(SELECT s AS a, s AS b FROM {ROWS} s)"
WITHS = "WITH w0 AS (SELECT origin AS x FROM shop.sales.sales), " + ", ".join(
    f"w{i} AS (SELECT x || x AS x FROM w{i - 1})" for i in range(1, 20)
)
UNION = "SELECT origin AS x FROM shop.sales.sales"
for _ in range(12):
    UNION = f"SELECT 'a' AS y UNION ALL SELECT x || x FROM ({UNION}) t(x)"
ON = "FROM shop.sales.sales"


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT repeat('x', 1000000000) {ON}",
        f"SELECT repeat(origin, id) {ON}",
        f"SELECT repeat(repeat(origin, 200), 200) {ON}",
        f"SELECT repeat(origin, ?) {ON}",
        f"SELECT lpad(origin, 100000000, 'x') {ON}",
        f"SELECT printf('%1000000000d', id) {ON}",
        f"SELECT format('{{:>1000000000}}', origin) {ON}",
        "SELECT * FROM range(1000000000000)",
        "SELECT unnest(range(1000000000))",
        "SELECT generate_series(1, id) FROM shop.sales.sales",
        "SELECT list_resize([1], 1000000000)",
        "SELECT NULL::INTEGER[100000]",
        "SELECT NULL::INTEGER[1000][1000]",
        f"SELECT origin AS a0, {DOUBLED} {ON}",
        f"SELECT max(length(origin)) FROM {CHAIN}",
        f"SELECT a FROM {ROWS}",
        f"{WITHS} SELECT max(length(x)) FROM w19",
        f"SELECT max(length(y)) FROM ({UNION})",
        f"SELECT replace(replace(origin, '', '{'x' * 99}'), 'x', '{'y' * 99}') {ON}",
        f"SELECT regexp_replace(origin, '.', origin, 'g') {ON}",
        f"SELECT array_to_string(string_split(origin, ''), origin) {ON}",
        f"SELECT list(origin) OVER () {ON}",
        f"SELECT string_agg(origin) OVER (ORDER BY id) {ON}",
        f"SELECT reverse(b) {ON}, (SELECT string_agg(origin) AS b {ON})",
        f"SELECT origin || (SELECT string_agg(origin) {ON}) {ON}",
        f"SELECT max(origin, 1000000000) {ON}",
        f"SELECT arg_max(origin, id, 1000000000) {ON}",
        f"SELECT concat(*COLUMNS(*)) {ON}",
        f"SELECT repeat(COLUMNS(*), 200) || repeat(origin, 200) || repeat(id, 200) {ON}",
        "WITH RECURSIVE r AS (SELECT 'x' s UNION ALL SELECT s || s FROM r) SELECT 1 FROM r",
        f"SELECT origin || '{'x' * 40_000}' {ON}",
        f"SELECT list_select([origin], range(2000)) {ON}",
        f"SELECT levenshtein(repeat(origin, 200), repeat(origin, 200)) {ON}",
        f"SELECT * {ON} USING SAMPLE 1000000000 ROWS",
    ],
)
def test_bombs_are_refused(sql: str) -> None:
    with pytest.raises(BadQuery):
        read_query(sql, resolve)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + ", ".join(f"origin || '-' || id AS c{i}" for i in range(40)) + f" {ON}",
        f"SELECT trim(x) AS x FROM (SELECT trim(x) AS x FROM (SELECT origin || 'a' AS x {ON}))",
        f"SELECT origin, string_agg(email, ', ' ORDER BY id) {ON} GROUP BY 1",
        f"WITH a AS (SELECT origin, list(id) AS ids {ON} GROUP BY 1) SELECT len(ids) FROM a",
        f"SELECT lpad(id::VARCHAR, 8, '0') {ON}",
        f"SELECT origin || 'x' AS a {ON} UNION ALL SELECT email || 'y' {ON}",
        f"SELECT replace(lower(origin), 'j', 'k') {ON}",
        "SELECT * FROM generate_series(1, 100000)",
    ],
)
def test_plain_use_is_fine(sql: str) -> None:
    assert read_query(sql, resolve).sql


NAMES = st.sampled_from(["x", "y", "z"])
TERMS = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        st.builds("({} || {})".format, inner, inner),
        st.builds("concat({}, {}, {})".format, inner, inner, inner),
        st.builds("repeat({}, {})".format, inner, st.integers(0, 300)),
        st.builds("replace({}, 'x', '{}')".format, inner, st.sampled_from(["", "xx", "x" * 30])),
        st.builds("rpad({}, {}, 'x')".format, inner, st.integers(0, 300)),
        st.builds("hex({})".format, inner),
        st.builds("array_to_string([{}, {}], '{}')".format, inner, inner, st.just("xxx")),
        st.builds("upper(coalesce({}, {}))".format, inner, inner),
    ),
    max_leaves=4,
)
SELECTIONS = st.lists(st.tuples(TERMS, TERMS, TERMS), min_size=1, max_size=6)
FORMS = st.sampled_from(["alias", "union", "with", "positions"])


def nested(selections: list[tuple[str, str, str]], form: str) -> str:
    """Each selection over the one before."""
    source = "(SELECT origin AS x, origin AS y, origin AS z FROM shop.sales.sales)"
    for number, (x, y, z) in enumerate(selections):
        if form == "union":
            body = f"SELECT '' AS x, '' AS y, '' AS z UNION ALL SELECT {x}, {y}, {z}"
        elif form == "positions":
            source = f"(SELECT {x}, {y}, {z} FROM {source}) t{number}(z, x, y)"
            continue
        else:
            body = f"SELECT {x} AS x, {y} AS y, {z} AS z"
        if form == "with":
            source = f"(WITH w AS (SELECT * FROM {source}) {body} FROM w)"
        else:
            source = f"({body} FROM {source})"
    return f"SELECT max(greatest(length(x), length(y), length(z))) FROM {source}"


@settings(deadline=None)
@given(selections=SELECTIONS, form=FORMS)
def test_what_is_let_through_is_never_larger_than_its_bound(
    selections: list[tuple[str, str, str]], form: str
) -> None:
    try:
        query = read_query(nested(selections, form), resolve)
    except BadQuery:
        return
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW \"{VIEW}\" AS SELECT repeat('x', {BASE}) AS origin")
        found = connection.execute(query.sql).fetchone()
    assert found is not None
    assert (found[0] or 0) <= BASE * MOST_GROWTH
