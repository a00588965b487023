"""By whose order a query chooses its rows: that shows in every column of these."""

from __future__ import annotations

import pytest
from test_lineage_ways import STEPS, TYPES, WHO, D, G, N, X, Y, database

from mesh_defs.policy.flow.ways import DIRECT, Path, parse, text, way
from mesh_defs.product.lineage.sql import Tracer

# What a query gives away of columns beyond what flows in.
GIVEN = [
    # DISTINCT ON.
    ("select distinct on (g) x as c from t order by g, d", {D: "chosen"}),
    ("select distinct on (g) x as c from t order by g, year(d)", {D: "masked(4) + chosen"}),
    ("select distinct on (g) x as c from t order by g, d desc, n", {D: "chosen", N: "chosen"}),
    ("select distinct on (g) d as c from t order by g, d", {}),
    ("select distinct on (g) x as c from (select * from t order by d)", {D: "chosen"}),
    ("select distinct on (g) x as c from t order by g", {}),
    ("select distinct on (g) x as c from t", {}),
    # LIMIT and OFFSET.
    ("select x as c from t order by d limit 1", {D: "chosen"}),
    ("select x as c from t order by d fetch first 1 row only", {D: "chosen"}),
    ("select x as c from t order by d offset 3", {D: "chosen"}),
    ("select x as c from t order by n + 1 limit 10%", {N: "chosen"}),
    ("select x as c, d as k from t order by k limit 1", {D: "chosen"}),
    ("select x as c, d as k from t order by 2 limit 1", {D: "chosen"}),
    ("select x as c, d as k from t order by year(k) + n limit 1", {D: "chosen", N: "chosen"}),
    ("select x as c, d as k from t order by all limit 1", {D: "chosen"}),
    ("select x as c from (select * from t order by d) limit 1", {D: "chosen"}),
    ("with a as (select x, g from t order by d limit 5) select x as c from a where g = 'a'",
     {D: "chosen"}),
    ("(select x as c, d from t) order by d limit 1", {D: "chosen"}),
    ("select x as c, n from t union all select who, y from u order by n limit 1",
     {N: "chosen", Y: "chosen"}),
    ("select x as c from t order by (select max(y) from u where u.g = t.g) limit 1",
     {Y: "chosen", "u.g": "direct", G: "direct"}),
    # A place in a window.
    ("select x as c from t qualify row_number() over (partition by g order by d) = 1",
     {D: "chosen"}),
    ("select x as c from t window w as (order by d) qualify rank() over w < 4", {D: "chosen"}),
    (("with a as (select x, row_number() over (order by d) as r from t), b as (select x, r as s "
      "from a) select x as c from b where s = 1"), {D: "chosen"}),
    ("select x as c, row_number() over (order by d) as r from t qualify r = 1", {D: "chosen"}),
    # Nearest neighbours: the first row is the one in which the two are (nearly) the same.
    ("select distinct on (t.n) u.y as c from t, u order by t.n, abs(u.y - year(t.d))",
     {D: "masked(4)"}),
    ("select u.y as c from t, u qualify row_number() over (order by abs(u.y - t.n)) = 1",
     {N: "direct"}),
    # What is hashed, or of all rows of a group, has an order that tells of nobody.
    ("with a as (select x, keyed_hash(x) as h, g from t) select g as c from a order by h limit 1",
     {}),
    ("select g as c from t group by g order by count(distinct x) desc limit 3", {}),
    ("select g as c from t group by g order by sum(n) desc limit 3", {}),
    ("select g as c from t group by g order by max(d) desc limit 3", {D: "chosen"}),
    ("select g as c from t group by g order by sum(n) filter (x = 'a') desc limit 3",
     {N: "aggregated(1) + chosen", X: "aggregated(1) + masked(1) + chosen"}),
    # No row is left out.
    ("select x as c from t order by d", {}),
    ("select x as c from t limit 3", {}),
    ("select x as c from t where n > 3", {}),
    ("select x as c from t qualify count(*) over (partition by d) > 1", {}),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), GIVEN, ids=[query for query, _ in GIVEN])
def test_the_order_that_chooses_rows_shows(query: str, expected: dict[str, str]) -> None:
    database().execute(f"select * from ({query})")  # DuckDB itself must read it
    flow = Tracer(TYPES).trace(query)["c"]
    assert flow.reason is None
    given = {f"{name}.{source}": text(paths) for (name, source), paths in flow.equal.items()}
    assert given == expected


def test_dbt_relations_are_followed_too() -> None:
    query = 'select g as c from "mesh_dbt"."main"."big" b order by b.x limit 1'
    flow = Tracer(TYPES, STEPS).trace(query)["c"]
    assert ("t", "x") in flow.equal
    assert WHO not in flow.equal


def test_chosen_is_a_word_of_ways_that_says_less_than_the_value() -> None:
    chosen = Path(chosen=True)
    assert parse("chosen") == (chosen,)
    assert text((Path(masked=4, chosen=True),)) == "masked(4) + chosen"
    assert parse("masked(4) + chosen") == (Path(masked=4, chosen=True),)
    assert way([chosen, DIRECT]) == (DIRECT,)
    assert way([chosen, Path(masked=4)]) == (chosen, Path(masked=4))
