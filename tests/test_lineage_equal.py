"""What conditions give away: a column is another one's value where they make the two equal."""

from __future__ import annotations

import pytest
from test_lineage_ways import STEPS, TYPES, WHO, D, N, X, Y, database

from mesh_defs.policy.flow.ways import text
from mesh_defs.product.lineage.sql import Tracer

L = "t.l"

DAYS = "generate_series(timestamp '1940-01-01', timestamp '2005-01-01', interval 1 day) s(day)"

# What a query gives away of columns beyond what flows in.
GIVEN = [
    # Joins.
    (f"select day::date as c from t join {DAYS} on day::date = t.d", {D: "direct"}),
    (f"select day::date as c from t, {DAYS} where day = t.d", {D: "direct"}),
    (f"select year(day) as c from t join {DAYS} on day = t.d", {D: "masked(4)"}),
    (f"select day as c from t join {DAYS} on keyed_hash(day::varchar) = keyed_hash(d::varchar)",
     {D: "direct"}),
    ("select y.y as c from t join range(1900, 2000) y(y) on y.y = year(t.d)", {D: "masked(4)"}),
    (f"select day as c from t join {DAYS} on day <= t.d", {D: "direct"}),
    ("select y as c from t join u on u.who like t.x || '%'", {X: "direct"}),
    ("select u.who as c from t join u on t.x = u.who", {X: "direct"}),
    ("select who as c from (select x as who from t) join u using (who)", {}),
    ("select u.who as c from u semi join t on t.x = u.who", {X: "direct"}),
    ("select u.who as c from u join t on t.g = u.g join t b on b.x = u.who and b.x = t.x",
     {X: "direct"}),
    # Over what is equal to it.
    (f"with a as (select day as v from t join {DAYS} on day = t.d) select v as c from a",
     {D: "direct"}),
    (f"select v as c from (select day as v, d from t, {DAYS}) where v = d", {D: "direct"}),
    (f"select v as c from (select day as v, d from t, {DAYS}) where v <= d and v >= d",
     {D: "direct"}),
    ("select b.y as c from t a join u b on b.y = a.n join t e on e.n = b.y", {N: "direct"}),
    # Piece by piece.
    (("select string_agg(chr(n.n::int), '' order by p) as c from t, range(1, 40) p(p), "
     "range(32, 127) n(n) where ascii(substr(x, p::int, 1)) = n.n group by g"), {X: "direct"}),
    # IN, EXISTS, INTERSECT, EXCEPT.
    ("select who as c from u where who in (select x from t)", {X: "direct"}),
    ("select who as c from u where who = any(select x from t)", {X: "direct"}),
    ("select who as c from u where exists (select 1 from t where t.x = u.who)", {X: "direct"}),
    ("select who as c from u except (select who from u anti join t on t.x = u.who)",
     {X: "direct"}),
    # Subqueries of the SELECT list.
    ("select (select any_value(who) from u where who = t.x) as c from t", {X: "direct"}),
    ("select (select count(*) from t o where o.x < t.x) as c from t", {X: "direct"}),
    ("select (select count(*) from range(1, length(t.x)) r(i)) as c from t", {X: "direct"}),
    ("select (select who from u order by who = t.x desc limit 1) as c from t",
     {X: "direct"}),
    ("select exists (select 1 where x like 'a%') as c from t", {X: "masked(1)"}),
    ("select exists (select 1 from u where who = t.x) as c from t",
     {X: "direct", WHO: "direct"}),
    (("select (select sum(p) from range(60) g(p) where exists (select 1 where "
     "ascii(left(t.x, 1)) = p + 40)) as c from t"), {X: "direct"}),
    # What nobody can follow may be anything that is read.
    ("select who as c from u join duckdb_settings() s on s.name = who",
     {"t.g": "direct", X: "direct", N: "direct", D: "direct", L: "direct", "u.g": "direct",
      Y: "direct"}),
    # The ordinary case.
    ("select x as c from t where x like 'p1%' and n > 3", {}),
    ("select x as c from t where n in (1, 2) and d < date '2000-01-01'", {}),
    ("select t.x as c from t join u on t.g = u.g", {}),
    ("select t.g as c from t join u on t.g = u.g", {"u.g": "direct"}),
    ("select u.y as c from t join u on t.g = u.g and t.n = 1", {}),
    ("select n as c from t where d < date '2000-01-01' and g = x", {}),
    ("select x as c from t where n < l[1]", {}),
    ("select n as c from t where exists (select 1 from u where u.g = t.g)", {}),
    ("select max(u.y) as c from t join u on t.g = u.g group by t.x", {}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), GIVEN, ids=[query for query, _ in GIVEN])
def test_what_conditions_give_away(query: str, expected: dict[str, str]) -> None:
    database().execute(f"select * from ({query})")  # DuckDB itself must read it
    flow = Tracer(TYPES).trace(query)["c"]
    assert flow.reason is None
    given = {f"{name}.{source}": text(paths) for (name, source), paths in flow.equal.items()}
    assert given == expected


def test_what_dbt_built_on_the_way_gives_away_its_sources() -> None:
    query = f'select day as c from "mesh_dbt"."main"."big" b join {DAYS} on day::varchar = b.x'
    flow = Tracer(TYPES, STEPS).trace(query)["c"]
    assert (dict(flow.ways), set(flow.equal)) == ({}, {("t", "x")})
