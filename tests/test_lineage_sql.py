"""Which input columns flow into which column of a query, for everything DuckDB's SQL offers."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.product.lineage.sql import Tracer

TYPES = {
    "t": {"a": "BIGINT", "b": "BIGINT", "C": "BIGINT", "s": "STRUCT(x BIGINT)", "l": "BIGINT[]"},
    "u": {"a": "BIGINT", "d": "BIGINT", "e": "BIGINT"},
}
A, B, C, S, L = (("t", name) for name in ("a", "b", "C", "s", "l"))
UA, D, E = (("u", name) for name in ("a", "d", "e"))

CASES = [
    ("select a, b as \"Two\" from t", {"a": {A}, "two": {B}}),
    ("SELECT T.A, c FROM T", {"a": {A}, "c": {C}}),
    ("from t", {"a": {A}, "b": {B}, "c": {C}, "s": {S}, "l": {L}}),
    ("from u select d", {"d": {D}}),
    ("select * from u", {"a": {UA}, "d": {D}, "e": {E}}),
    ("select v.*, 1 as one from u as v", {"a": {UA}, "d": {D}, "e": {E}, "one": set()}),
    ("select * exclude (a) replace (d + a as e) from u", {"d": {D}, "e": {D, UA}}),
    ("select * rename (a as k) from u", {"k": {UA}, "d": {D}, "e": {E}}),
    ("select 'x' as x, now() as n, count(*) as k from t", {"x": set(), "n": set(), "k": set()}),
    ("select a + b * 2 as x, try_cast(c as varchar) || 'x' as y from t", {"x": {A, B}, "y": {C}}),
    ("select case when a > 1 then b else c end as x from t", {"x": {A, B, C}}),
    ("select a + 1 as x, x * 2 as y, y + b as z from t", {"x": {A}, "y": {A}, "z": {A, B}}),
    ("select a + 1 as b, b * 2 as y from t", {"b": {A}, "y": {B}}),
    ("select sum(a) filter (where b > 1) as x from t", {"x": {A, B}}),
    ("select max_by(a, b) as x, first(b order by c) as y from t", {"x": {A, B}, "y": {B, C}}),
    ("select date_trunc('month', make_date(a, b, 1)) as m from t group by all", {"m": {A, B}}),
    # What decides about rows is no flow.
    ("select a from t where b > 1 group by a, c having max(c) > 1 order by 1", {"a": {A}}),
    ("select distinct on (b) a from t order by c", {"a": {A}}),
    ("select a from t where b in (select d from u)", {"a": {A}}),
    ("select a, exists (select 1 from u where u.a = t.b) as x from t", {"a": {A}, "x": set()}),
    # Joins.
    ("select t.b, u.d from t join u on t.a = u.a", {"b": {B}, "d": {D}}),
    ("select a, d from t left join u using (a)", {"a": {A, UA}, "d": {D}}),
    ("select * exclude (s, l) from t full join u using (a)",
     {"a": {A, UA}, "b": {B}, "c": {C}, "d": {D}, "e": {E}}),
    ("select a, e from t natural join u", {"a": {A, UA}, "e": {E}}),
    ("select * from u semi join t using (a)", {"a": {UA}, "d": {D}, "e": {E}}),
    ("select * from u anti join t on u.a = t.a", {"a": {UA}, "d": {D}, "e": {E}}),
    ("select x.a, y.b from t x cross join t y", {"a": {A}, "b": {B}}),
    ("select * from (u join t on t.a = u.d) limit 1",
     {"a": {UA}, "d": {D}, "e": {E}, "a_1": {A}, "b": {B}, "c": {C}, "s": {S}, "l": {L}}),
    ("select t.b, u.e from t asof join u on t.a >= u.a", {"b": {B}, "e": {E}}),
    ("select t.b, u.e from t positional join u", {"b": {B}, "e": {E}}),
    ("with x as (select t.a, u.* from t join u on t.a = u.a) select * from x",
     {"a": {A}, "a_1": {UA}, "d": {D}, "e": {E}}),
    # Subqueries.
    ("select (select max(d) from u where u.a = t.a) + b as x from t", {"x": {D, B}}),
    ("select b in (select d from u) as x, b > all (select e from u) as y from t",
     {"x": {B, D}, "y": {B, E}}),
    ("select x.k from (select a + b as k, c from t) x", {"k": {A, B}}),
    ("select * from (select a, b from t) as v(p, q)", {"p": {A}, "q": {B}}),
    ("select v.b, v.* from u v(b)", {"b": {UA}, "b_1": {UA}, "d": {D}, "e": {E}}),
    ("select w, v from t, lateral (select t.a + u.d as w, u.e as v from u) q",
     {"w": {A, D}, "v": {E}}),
    ("((select a from t limit 1) union all (select e from u limit 2)) limit 3", {"a": {A, E}}),
    # Common table expressions.
    ("with t as (select a as k, b from t), x as (from t) select k, x.b from x",
     {"k": {A}, "b": {B}}),
    ("with x(p, q) as (select a, b from t) select * from x as y(m)", {"m": {A}, "q": {B}}),
    ("with x as materialized (select a from t), y as (select a as b from x) select b from y",
     {"b": {A}}),
    (("with recursive r(x, y, z) as (select a, b, c from t union all select y, z, x from r "
      "where x < 3), n as (select 1 as n) select n, x from r, n"),
     {"n": set(), "x": {A, B, C}}),
    ("with x(p, q) as (values (1, 2)) select p from x", {"p": set()}),
    # Set operations go by position, or by name.
    ("select a, b from t union all select d, e from u", {"a": {A, D}, "b": {B, E}}),
    ("select a, b from t union by name select e as b, d from u",
     {"a": {A}, "b": {B, E}, "d": {D}}),
    ("select a from t except select d from u", {"a": {A}}),
    ("select a from t intersect select d from u", {"a": {A, D}}),
    # Windows.
    ("select row_number() over (partition by a order by b) as n from t", {"n": {A, B}}),
    ("select sum(a) over w as x, b from t window w as (partition by c)",
     {"x": {A, C}, "b": {B}}),
    ("select *, lag(d) over (order by a) as p from u qualify p > 1",
     {"a": {UA}, "d": {D}, "e": {E}, "p": {D, UA}}),
    # Nested values.
    ("select s.x, t.s.x as y, s['x'] as z from t", {"x": {S}, "y": {S}, "z": {S}}),
    ("select {'p': a, 'q': b} as x, struct_pack(k := c) as y from t", {"x": {A, B}, "y": {C}}),
    ("select u as row_of_u from u", {"row_of_u": {UA, D, E}}),
    ("select list_transform(l, x -> x + a) as y from t", {"y": {L, A}}),
    ("select list_transform(l, a -> a + 1) as y from t", {"y": {L}}),
    ("select [x + b for x in l if x > c] as y from t", {"y": {L, B, C}}),
    ("select [a + 1 for a in l] as y, a from t", {"y": {L}, "a": {A}}),
    ("select unnest(l) as x from t", {"x": {L}}),
    ("select i.x, b from t, unnest(t.l) as i(x)", {"x": {L}, "b": {B}}),
    ("select i + b as x from t, range(10) r(i)", {"x": {B}}),
]  # fmt: skip


def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name, columns in TYPES.items():
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f"CREATE TABLE {name} ({listed})")
    return connection


@pytest.mark.parametrize(("query", "expected"), CASES, ids=[query for query, _ in CASES])
def test_columns_are_followed_to_the_inputs(
    query: str, expected: dict[str, set[tuple[str, str]]]
) -> None:
    described = database().execute(f"describe select * from ({query})").fetchall()
    found = Tracer(TYPES).trace(query)
    assert {name: flow.reason for name, flow in found.items()} == dict.fromkeys(expected)
    assert {name: set(flow.sources) for name, flow in found.items()} == expected
    assert list(found) == [row[0].lower() for row in described]


@pytest.mark.parametrize(
    ("query", "column", "reason"),
    [
        ("select x from nowhere", "x", "no known relation"),
        ("select n.x, t.a from nowhere n, t", "x", "relation 'nowhere' is no input"),
        ("select t.nothing as x from t", "x", "column 'nothing' is none of input 't'"),
        ("select rowid as x from t", "x", "no known relation"),
        ("select f.x from read_csv('f.csv') f", "x", "is no input"),
        ("select p.a as x from t pivot (sum(b) for c in (1, 2)) p", "x", "known relation"),
        ('with t as (select 1 as z) select p."1" as x from t pivot (sum(z) for z in (1)) p',
         "x", "PIVOT"),
        ("select x.a as x from (select columns('a|b') from t) x", "x", "no known relation"),
        ("select x.k as x from (select nowhere.a + t.a as k from t, nowhere) x", "x", "no input"),
    ],
)  # fmt: skip
def test_what_cannot_be_resolved_has_a_reason_and_no_guess(
    query: str, column: str, reason: str
) -> None:
    flow = Tracer(TYPES).trace(query)[column]
    assert flow.reason is not None
    assert reason in flow.reason
    assert flow.sources == frozenset()


def test_what_can_be_resolved_beside_it_is() -> None:
    found = Tracer(TYPES).trace("select n.x, t.a, 1 as one from nowhere n join t on n.k = t.a")
    assert found["x"].reason is not None
    assert (found["a"].sources, found["one"].sources) == ({A}, frozenset())


@pytest.mark.parametrize(
    "query", ["select #1 as x, a from u", "select * like 'a%' from u", "select columns(*) from u"]
)
def test_columns_that_only_the_database_can_tell_are_left_out(query: str) -> None:
    found = Tracer(TYPES).trace(query)
    assert set(found) <= {"a"}


def test_text_that_is_no_sql_is_refused() -> None:
    with pytest.raises(ValueError, match="syntax error"):
        Tracer(TYPES).trace("select ((")
    with pytest.raises(ValueError, match="characters"):
        Tracer(TYPES).trace("select 1 as x" + " " * 600_000)


STEPS = {
    '"mesh_dbt"."main"."middle"': 'with x as (select * from "mesh_dbt"."inputs"."t") '
    "select * exclude (s, l), b + 1 as n from x",
    '"mesh_dbt"."main"."last"': 'select m.n, u.d from "mesh_dbt"."main"."middle" m, inputs.u',
    '"mesh_dbt"."main"."seed"': "select cast(null as int) as k, cast(null as text) as label",
    '"mesh_dbt"."main"."broken"': "select ((",
    '"mesh_dbt"."main"."loop"': 'select x from "mesh_dbt"."main"."loop"',
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('select * from "mesh_dbt"."main"."middle"', {"a": {A}, "b": {B}, "c": {C}, "n": {B}}),
        ('select n, d as x from "mesh_dbt"."main"."last"', {"n": {B}, "x": {D}}),
        ("select middle.n, main.middle.a from main.middle", {"n": {B}, "a": {A}}),
        ('select label, a from "mesh_dbt"."main"."seed" join "mesh_dbt"."inputs"."u" on k = a',
         {"label": set(), "a": {UA}}),
        (("with middle as (select e as a from inputs.u) "
          'select middle.a, m.a as b from middle, "mesh_dbt"."main"."middle" m'),
         {"a": {E}, "b": {A}}),
    ],
)  # fmt: skip
def test_what_dbt_built_on_the_way_is_followed(
    query: str, expected: dict[str, set[tuple[str, str]]]
) -> None:
    found = Tracer(TYPES, STEPS).trace(query)
    assert {name: set(flow.sources) for name, flow in found.items()} == expected
    assert all(flow.reason is None for flow in found.values())


@pytest.mark.parametrize("relation", ["broken", "loop", "python"])
def test_a_relation_between_that_is_not_known_makes_its_columns_unknown(relation: str) -> None:
    query = f'select r.x, u.d from "mesh_dbt"."main"."{relation}" r, "mesh_dbt"."inputs"."u"'
    found = Tracer(TYPES, STEPS).trace(query)
    assert found["x"].reason is not None
    assert found["d"].sources == {D}


def test_a_bare_name_is_no_input_where_inputs_have_a_schema() -> None:
    assert Tracer(TYPES, STEPS).trace("select t.a from t")["a"].reason == "relation 't' is no input"


@dataclass(frozen=True)
class Made:
    """A query that was made so that its lineage is known: per column, in order."""

    sql: str
    columns: tuple[tuple[str, frozenset[tuple[str, str]]], ...]


BASE = {"r": ("p", "q", "o"), "s": ("p", "m")}
INPUTS = {name: dict.fromkeys(columns, "BIGINT") for name, columns in BASE.items()}


def inputs() -> st.SearchStrategy[Made]:
    return st.sampled_from(
        [
            Made(f"select * from {name}", tuple((c, frozenset({(name, c)})) for c in columns))
            for name, columns in BASE.items()
        ]
    )


@st.composite
def projected(draw: st.DrawFn, inner: st.SearchStrategy[Made]) -> Made:
    """Some columns, expressions, literals and aggregates over another query."""
    source = draw(inner)
    shapes = ("{0}", "{0} + {1}", "coalesce({1}, {0})", "case when {0} > 1 then {1} end", "7")
    windows = ("sum({0}) over (partition by {1})", "(select {0} + {1})")
    items, columns = [], []
    for index in range(draw(st.integers(1, 3))):
        shape = draw(st.sampled_from(shapes + windows))
        picked = draw(st.lists(st.sampled_from(source.columns), min_size=2, max_size=2))
        used = [flow for place, (_, flow) in enumerate(picked) if f"{{{place}}}" in shape]
        items.append(f"{shape.format(*(f'z.{name}' for name, _ in picked))} as c{index}")
        columns.append((f"c{index}", frozenset().union(*used)))
    where = draw(st.sampled_from(["", f" where z.{source.columns[0][0]} > 0"]))
    return Made(f"select {', '.join(items)} from ({source.sql}) z{where}", tuple(columns))


@st.composite
def joined(draw: st.DrawFn, inner: st.SearchStrategy[Made]) -> Made:
    """Two queries joined, all columns kept, those of the right renamed."""
    left, right = draw(inner), draw(inner)
    kind = draw(st.sampled_from(["join", "left join", "full join"]))
    others = ", ".join(f"y.{name} as y_{i}" for i, (name, _) in enumerate(right.columns))
    on = f"x.{left.columns[0][0]} = y.{right.columns[0][0]}"
    return Made(
        f"select x.*, {others} from ({left.sql}) x {kind} ({right.sql}) y on {on}",
        renamed((*left.columns, *((f"y_{i}", f) for i, (_, f) in enumerate(right.columns)))),
    )


@st.composite
def united(draw: st.DrawFn, inner: st.SearchStrategy[Made]) -> Made:
    """The common number of columns of two queries, by position."""
    left, right = draw(inner), draw(inner)
    count = min(len(left.columns), len(right.columns))
    sides = [
        f"select {', '.join(n for n, _ in side.columns[:count])} from ({side.sql}) v"
        for side in (left, right)
    ]
    pairs = zip(left.columns[:count], right.columns[:count], strict=True)
    return Made(
        f"{sides[0]} union all {sides[1]}", tuple((name, f | g) for (name, f), (_, g) in pairs)
    )


@st.composite
def common(draw: st.DrawFn, inner: st.SearchStrategy[Made]) -> Made:
    """The query behind a name, which may hide an input."""
    source = draw(inner)
    name = draw(st.sampled_from(["w", "r", "s"]))
    return Made(f"with {name} as ({source.sql}) select * from {name}", source.columns)


def renamed(
    columns: tuple[tuple[str, frozenset[tuple[str, str]]], ...],
) -> tuple[tuple[str, frozenset[tuple[str, str]]], ...]:
    """Columns of equal names get a number, as DuckDB gives it."""
    found: dict[str, frozenset[tuple[str, str]]] = {}
    for name, flow in columns:
        free = (f"{name}_{n}" if n else name for n in range(99))
        found[next(name for name in free if name not in found)] = flow
    return tuple(found.items())


def nested(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    return st.one_of(projected(inner), joined(inner), united(inner), common(inner))


@given(st.recursive(inputs(), nested, max_leaves=5))
@settings(max_examples=150, deadline=None)
def test_the_lineage_of_any_nested_query_is_recovered_exactly(made: Made) -> None:
    connection = duckdb.connect()
    for name, columns in BASE.items():
        connection.execute(f"create table {name} ({', '.join(f'{c} bigint' for c in columns)})")
    # A query that DuckDB would refuse, or whose columns it names otherwise, proves nothing.
    described = connection.execute(f"describe select * from ({made.sql})").fetchall()
    assert [row[0] for row in described] == [name for name, _ in made.columns]
    found = Tracer(INPUTS).trace(made.sql)
    assert {name: (flow.sources, flow.reason) for name, flow in found.items()} == {
        name: (flow, None) for name, flow in made.columns
    }
