"""What happens to a value on its way into a column: direct, aggregated, hashed, masked."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.policy.flow.ways import Path, parse, text, way
from mesh_defs.product.lineage.sql import Tracer

TYPES = {
    "t": {"g": "VARCHAR", "x": "VARCHAR", "n": "BIGINT", "d": "DATE", "l": "BIGINT[]"},
    "u": {"g": "VARCHAR", "y": "BIGINT", "who": "VARCHAR"},
}
G, X, N, D, L = (f"t.{name}" for name in ("g", "x", "n", "d", "l"))
Y, WHO = "u.y", "u.who"

VALUE = [
    ("select x as c from t", {X: "direct"}),
    ("select trim(upper(cast(x as varchar))) || '!' as c from t", {X: "direct"}),
    ("select coalesce(x, 'none') as c from t", {X: "direct"}),
    ("select case when n > 1 then x end as c from t", {X: "direct", N: "masked(1)"}),
    ("select if(n > 1, x, null) as c from t", {X: "direct", N: "masked(1)"}),
    ("select 'x' as c from t", {}),
    ("select {'a': x} as c from t", {X: "direct"}),
    ("select list_transform([x], v -> v || 'x') as c from t", {X: "direct"}),
    ("select t as c from t", {G: "direct", X: "direct", N: "direct", D: "direct", L: "direct"}),
    ("select (select max(who) from u) as c from t", {WHO: "direct"}),
    ("select x as c from t where n > 1 and d is not null group by x, g having max(n) > 2",
     {X: "direct"}),
    ("select t.x as c from t join u on t.g = u.g where u.who = 'a'", {X: "direct"}),
]  # fmt: skip

HASHED = [
    ("select keyed_hash(x) as c from t", {X: "hashed"}),
    ("select left(keyed_hash(lower(x) || g), 8) as c from t",
     {X: "hashed + masked(8)", G: "hashed + masked(8)"}),
    ("select KEYED_HASH(x) || g as c from t", {X: "hashed", G: "direct"}),
    ("select keyed_hash(x) || x as c from t", {X: "direct"}),
    ("select max(keyed_hash(x)) as c from t", {X: "hashed"}),
    ("select md5(x) as c from t", {X: "direct"}),
    ("select sha256(x) as c from t", {X: "direct"}),
    ("select hash(x) as c from t", {X: "direct"}),
    ("with a as (select keyed_hash(x) as h, x from t) select h as c from a", {X: "hashed"}),
    ("with a as (select keyed_hash(x) as h, x from t) select coalesce(h, x) as c from a",
     {X: "direct"}),
    ("select keyed_hash(x) as c from t union all select who from u", {X: "hashed", WHO: "direct"}),
    ("select keyed_hash(x) as c from t union all select x from t", {X: "direct"}),
]  # fmt: skip

# A hash of a piece of a value is no more than that piece: all that it may be can be tried.
PIECES = [
    ("select keyed_hash(left(x, 1)) as c from t", {X: "masked(1)"}),
    ("select keyed_hash(upper(substr(x, 3, 2)) || '!') as c from t", {X: "masked(2)"}),
    ("select keyed_hash(left(x, 3)) || keyed_hash(substr(x, 4, 3)) as c from t",
     {X: "masked(6)"}),
    ("select keyed_hash(substr(x, n, 1)) as c from t", {X: "direct", N: "direct"}),
    ("select keyed_hash(substr(x, 1, n)) as c from t", {X: "direct", N: "direct"}),
    ("select [keyed_hash(substr(x, p::int, 1)) for p in range(1, 40)]::varchar as c from t",
     {X: "direct"}),
    ("select keyed_hash(x[1]) as c from t", {X: "direct"}),
    ("select keyed_hash(unnest(string_split(x, ''))) as c from t", {X: "direct"}),
    ("select keyed_hash(regexp_extract(x, '.')) as c from t", {X: "direct"}),
    ("select keyed_hash(year(d)::varchar) as c from t", {D: "masked(4)"}),
    ("select keyed_hash(strftime(d, '%m')) as c from t", {D: "direct"}),
    ("select keyed_hash(((n // 10) % 10)::varchar) as c from t", {N: "direct"}),
    ("select keyed_hash((x like 'a%')::varchar) as c from t", {X: "masked(1)"}),
    ("select keyed_hash(keyed_hash(left(x, 1))) as c from t", {X: "masked(1)"}),
    ("select left(keyed_hash(left(x, 2)), 8) as c from t", {X: "masked(2)"}),
    (("with a as (select substr(x, p::int, 1) as p from t, range(1, 40) r(p)) "
      "select keyed_hash(p) as c from a"), {X: "direct"}),
    (("with a as (select left(x, 1) as p from t), b as (select upper(p) as p from a) "
      "select left(keyed_hash(p), 8) as c from b"), {X: "masked(1)"}),
    # What is left of a value by place, or by what stands in it, may be as short as one character.
    *((f"select keyed_hash({part}) as c from t", {X: "direct"}) for part in (
        "substr(x, 2)", "left(x, -3)", "split_part(x, '@', 2)",
        "string_split(x, '@')[2]", "prefix(x, 'a')::varchar", "suffix(x, 'e')::varchar",
        "levenshtein(x, 'abc')::varchar", "jaccard(x, 'abc')::varchar", "rpad(x, 1, ' ')",
        "lpad(x, 1, ' ')", "printf('%.1s', x)", "format('{:.1s}', x)", "greatest(x, 'p7')",
        "nullif(x, 'p7')", "translate(x, 'abcdef', '')", "trim(x, 'abcdef')",
        "replace(x, '@passengers.example', '')", "replace(x, ' ', 'abc')",
        "regexp_replace(x, '[a-z]', '')", "concat_ws(x, 'a', 'b')", "x::boolean::varchar",
        "like_escape(x, 'p1%', '!')::varchar", "parse_filename(x, true)", "hash(x)::varchar",
        "x::bit::varchar", "chr(ascii(x))", "bar(ascii(x), 0, 100, 1)", "array_slice(x, 1, 1)",
        "length(x)::varchar", "row_number() over (order by x)::varchar",
    )),
    *((f"select keyed_hash(({part})::varchar) as c from t", {N: "direct"}) for part in (
        "floor(n / 50)", "round(n, -2)", "sign(n - 100)", "gcd(n, 7)", "n & 1", "n % 10",
        "n::int", "n + 1", "least(greatest(n, 1), 2)",
    )),
    *((f"select keyed_hash(({part})::varchar) as c from t", {D: "direct"}) for part in (
        "datediff('decade', d, current_date)", "last_day(d)", "monthname(d)", "dayname(d)",
        "time_bucket(interval '10 years', d)", "isfinite(d)",
    )),
    # These are the value.
    *((f"select keyed_hash({part}) as c from t", {X: "hashed"}) for part in (
        "lower(trim(x))", "upper(x)", "strip_accents(x)", "x::varchar", "cast(x as text)",
        "coalesce(x, '')", "'a' || x || 'b'", "concat(x, '!')", "concat_ws('-', x, 'b')",
        "replace(x, '-', '')", "replace(replace(x, ' ', ''), '/', '-')", "trim(x, ' .')",
        "regexp_replace(x, '\\s', '', 'g')", "nullif(trim(x), '')", "reverse(x)", "md5(x)",
        "nfc_normalize(x)", "max(x)", "unnest([x])",
        "{'a': x}['a']",
    )),
    ("select keyed_hash(n::varchar) as c from t", {N: "hashed"}),
    ("select keyed_hash(d::varchar) as c from t", {D: "hashed"}),
    ("select keyed_hash(case when g = 'a' then x end) as c from t",
     {X: "hashed", G: "masked(1)"}),
    ("select keyed_hash(x || n) as c from t", {X: "hashed", N: "hashed"}),
    ("select keyed_hash(left(x, 8)) as c from t", {X: "hashed + masked(8)"}),
    ("select keyed_hash(substr(x, 20, 8)) as c from t", {X: "masked(8)"}),
    ("select keyed_hash(strftime(d, '%Y%m%d')) as c from t", {D: "hashed"}),
    ("select keyed_hash(left(keyed_hash(x), 2)) as c from t", {X: "hashed + masked(2)"}),
    ("select left(keyed_hash(x), 1) as c from t", {X: "hashed + masked(1)"}),
    ("with a as (select lower(x) as p from t) select keyed_hash(p) as c from a", {X: "hashed"}),
    ("with a as (select length(x) as p from t) select keyed_hash(p::varchar) as c from a",
     {X: "direct"}),
]  # fmt: skip

# A mask counts characters of a value, not of what was made of it: one may hold all of a number.
RECODED = [
    *((f"select left({part}, 2) as c from t", {N: "direct"}) for part in (
        "chr(n::int)", "chr((n * 2 + 1)::int)", "(n - 5)::varchar", "'' || (n - 5)",
        "concat(n * 2)", "hex(n)", "repeat('x', n::int)", "format('{}', n)", "bar(n, 0, 9, 9)",
    )),
    ("select left((d - date '1950-01-01')::varchar, 4) as c from t", {D: "direct"}),
    ("with a as (select d - date '1950-01-01' as p from t) select left(p::varchar, 4) as c from a",
     {D: "direct"}),
    ("with a as (select chr(n::int) as p from t) select left(p, 1) as c from a", {N: "direct"}),
    ("select substr(md5(x), 1, 4) as c from t", {X: "direct"}),
    ("select left(upper(trim(x)), 3) as c from t", {X: "masked(3)"}),
    ("select left(n::varchar, 3) as c from t", {N: "masked(3)"}),
    ("select right(split_part(x, '@', 1), 3) as c from t", {X: "masked(3)"}),
    ("select left(string_split(x, '@')[1], 3) as c from t", {X: "masked(3)"}),
    ("select left(coalesce(x, 'none') || '!', 3) as c from t", {X: "masked(3)"}),
    ("with a as (select lower(x) as p from t) select left(p, 3) as c from a", {X: "masked(3)"}),
    ("with a as (select keyed_hash(x) as p from t) select left(p, 8) as c from a",
     {X: "hashed + masked(8)"}),
]  # fmt: skip

MASKED = [
    ("select left(x, 3) as c from t", {X: "masked(3)"}),
    ("select right(x, 2) as c from t", {X: "masked(2)"}),
    ("select substr(x, 2, 3) as c from t", {X: "masked(3)"}),
    ("select substring(x from 2 for 3) || '…' as c from t", {X: "masked(3)"}),
    ("select left(left(x, 3), 9) as c from t", {X: "masked(3)"}),
    # Pieces of one value that are put together again count together, wherever that happens.
    ("select left(x, 3) || substr(x, 4, 3) as c from t", {X: "masked(6)"}),
    ("with a as (select left(x, 3) as p, substr(x, 4, 3) as q from t) select p || q as c from a",
     {X: "masked(6)"}),
    (("with a as (select x as p from t), b as (select left(p, 3) as p from a), "
     "e as (select substr(p, 4, 3) as p from a) select b.p || e.p as c from b, e"),
     {X: "masked(6)"}),
    # These bound nothing.
    ("select left(x, n) as c from t", {X: "direct", N: "direct"}),
    ("select left(x, -3) as c from t", {X: "direct"}),
    ("select substr(x, 3) as c from t", {X: "direct"}),
    ("select regexp_replace(x, '[a-z]', '*') as c from t", {X: "direct"}),
    ("select replace(x, '@', ' at ') as c from t", {X: "direct"}),
    ("select reverse(x) as c from t", {X: "direct"}),
    ("select date_trunc('day', d) as c from t", {D: "direct"}),
    # How often they run, and for which piece, is not in the text of the query.
    ("select substr(x, n, 1) as c from t", {X: "direct", N: "direct"}),
    ("select [substr(x, p::int, 1) for p in range(1, 40)]::varchar as c from t", {X: "direct"}),
    ("select list_transform(range(1, 40), lambda p: substr(x, p::int, 1)) as c from t",
     {X: "direct"}),
    ("select list_transform(range(1, 40), lambda p: left(x, 1)) as c from t", {X: "direct"}),
    ("select list(substr(x, p::int, 1) order by p) as c from t, range(1, 40) r(p) group by g",
     {X: "direct"}),
    (("with a as (select g, p, substr(x, p::int, 1) as v from t, range(1, 40) r(p)) "
     "select string_agg(v, '' order by p) as c from a group by g"), {X: "direct"}),
    ("select left(substr(x, p::int), 4) as c from t, range(1, 40, 4) r(p)", {X: "direct"}),
    (("with a as (select substr(x, p::int) as v from t, range(1, 40) r(p)) "
     "select left(v, 1) as c from a"), {X: "direct"}),
    (("with a as (select unnest(string_split(x, '')) as v, g from t) "
     "select left(v, 1) as c from a"), {X: "direct"}),
    ("select left(v.v, 1) as c from t, unnest(string_split(x, '')) v(v)", {X: "direct"}),
    ("select string_agg(left(x, 1), '') as c from t group by g", {X: "direct"}),
    ("select x < who as c from t, u", {X: "direct", WHO: "direct"}),
    ("select case when x < who and n = 1 then 1 end as c from t, u",
     {X: "direct", WHO: "direct", N: "masked(1)"}),
    (("with recursive r(c, rest, k) as (select '', x, 0 from t union all select c || left(rest, 1),"
      " substr(rest, 2), k + 1 from r where k < 40) select c from r"), {X: "direct"}),
    ("select substr(x, -3, 2) as c from t", {X: "masked(2)"}),
    ("select max(left(x, 1)) as c from t", {X: "masked(1)"}),
    # Dates.
    ("select year(d) as c from t", {D: "masked(4)"}),
    ("select extract(year from d) as c from t", {D: "masked(4)"}),
    ("select date_part('year', d) as c from t", {D: "masked(4)"}),
    ("select date_trunc('year', d) as c from t", {D: "masked(4)"}),
    ("select date_trunc('month', d) as c from t", {D: "masked(6)"}),
    ("select year(d) * 10000 + month(d) * 100 + day(d) as c from t", {D: "masked(8)"}),
    # Tests and cases.
    ("select x like '%@%' as c from t", {X: "masked(1)"}),
    ("select n > 3 and n < 5 as c from t", {N: "masked(2)"}),
    ("select x is null as c from t", {X: "masked(1)"}),
    ("select n in (1, 2) as c from t", {N: "masked(1)"}),
    ("select regexp_matches(x, 'a') as c from t", {X: "masked(1)"}),
    ("select l::bigint[3] <=> l::bigint[3] as c from t", {L: "direct"}),
    ("select case n when 1 then 'a' when 2 then 'b' else 'c' end as c from t", {N: "masked(1)"}),
    (("select case n when 1 then 1 when 2 then 2 when 3 then 3 when 4 then 4 when 5 then 5 end "
     "as c from t"), {N: "direct"}),
    ("select row_number() over (partition by x) as c from t", {X: "condition"}),
    ("select row_number() over (partition by g order by x) as c from t",
     {G: "condition", X: "direct"}),
]  # fmt: skip

AGGREGATED = [
    ("select sum(n) as c from t", {N: "aggregated"}),
    ("select sum(n) as c from t group by g", {N: "aggregated"}),
    ("select sum(n) as c from t group by g having count(*) >= 20", {N: "aggregated(20)"}),
    ("select avg(n) as c from t group by g having count(*) > 19", {N: "aggregated(20)"}),
    ("select avg(n) as c from t group by g having 20 <= count(*)", {N: "aggregated(20)"}),
    ("select avg(n) as c from t group by g having count(n) >= 20 and sum(n) > 1",
     {N: "aggregated(20)"}),
    ("select stddev(n) as c from t group by g having count(*) between 20 and 90",
     {N: "aggregated(20)"}),
    ("select count(x) as c from t group by g having count(distinct x) >= 20",
     {X: "aggregated(20)"}),
    ("select avg(n) as c, count(*) as k from t group by g having k >= 20", {N: "aggregated(20)"}),
    # What proves nothing.
    ("select avg(n) as c from t group by g having count(*) >= 20 or g = 'a'", {N: "aggregated"}),
    ("select avg(n) as c from t group by g having count(*) <= 20", {N: "aggregated"}),
    ("select avg(n) as c from t group by g having not count(*) >= 20", {N: "aggregated"}),
    ("select avg(n) as c from t group by g having count(*) >= 10 + 10", {N: "aggregated"}),
    ("select avg(n) as c from t group by g having sum(n) >= 20", {N: "aggregated"}),
    ("select avg(n) as c from t group by g having count(*) filter (where n > 1) >= 20",
     {N: "aggregated"}),
    # Joins and UNNEST may multiply rows: then different values of the relation itself count.
    ("select avg(t.n) as c from t join u on t.g = u.g group by t.g having count(*) >= 20",
     {N: "aggregated"}),
    (("select avg(t.n) as c from t join u on t.g = u.g group by t.g "
     "having count(distinct t.x) >= 20"),
     {N: "aggregated(20)"}),
    (("select avg(t.n) as c from t join u on t.g = u.g group by t.g "
     "having count(distinct u.y) >= 20"),
     {N: "aggregated"}),
    ("select avg(t.n) as c from t semi join u on t.g = u.g group by t.g having count(*) >= 20",
     {N: "aggregated(20)"}),
    ("select avg(v) as c from (select unnest(l) as v, g from t) group by g having count(*) >= 20",
     {L: "aggregated"}),
    (("select avg(a.n) as c from (select * from t union all select * from t) a "
     "group by g having count(*) >= 20"), {N: "aggregated"}),
    ("select avg(a.n) as c from (select t.n, t.g from t, u) a group by g having count(*) >= 20",
     {N: "aggregated"}),
    (("with a as (select n, g from t where n > 1 order by n limit 99) "
     "select avg(n) as c from a group by g having count(*) >= 20"), {N: "aggregated(20)"}),
    # What gives one row's own value.
    ("select max(x) as c from t group by g having count(*) >= 20", {X: "direct"}),
    ("select min(n) as c from t", {N: "direct"}),
    ("select any_value(x) as c from t", {X: "direct"}),
    ("select first(x) as c from t", {X: "direct"}),
    ("select list(x) as c from t", {X: "direct"}),
    ("select string_agg(x, ',') as c from t", {X: "direct"}),
    ("select mode(x) as c from t", {X: "direct"}),
    ("select median(n) as c from t group by g having count(*) >= 20", {N: "direct"}),
    ("select quantile_cont(n, 0.9) as c from t", {N: "direct"}),
    ("select arg_max(x, n) as c from t", {X: "direct", N: "direct"}),
    ("select histogram(x) as c from t", {X: "direct"}),
    ("select product(n) as c from t", {N: "direct"}),
    ("select sum(n) - max(n) as c from t", {N: "direct"}),
    # Some rows of a group may be one row of it.
    ("select sum(n) filter (where g = 'a') as c from t group by all having count(*) >= 20",
     {N: "aggregated(1)", G: "aggregated(1) + masked(1)"}),
    (("select sum(n) filter (where g = 'a') as c from t "
     "having count(*) filter (where g = 'a') >= 20"),
     {N: "aggregated(20)", G: "aggregated(20) + masked(1)"}),
    ("select sum(case when x = 'a' then n end) as c from t having count(*) >= 20",
     {N: "aggregated(1)", X: "aggregated(1) + masked(1)"}),
    ("select sum(n * (x = 'a')::int) as c from t having count(*) >= 20",
     {N: "aggregated(1)", X: "aggregated(1) + masked(1)"}),
    ("select count(*) filter (where x = 'a') as c from t group by g having count(*) >= 20",
     {X: "aggregated(20) + masked(1)"}),
    ("select count_if(x = 'a') as c from t group by g having count(*) >= 20",
     {X: "aggregated(20) + masked(1)"}),
    ("select count(*) filter (where x = 'a' and n = 1) as c from t having count(*) >= 20",
     {X: "aggregated(1) + masked(1)", N: "aggregated(1) + masked(1)"}),
    ("select sum(n * n / 2.0) as c from t group by g having count(*) >= 20",
     {N: "aggregated(20)"}),
    ("select round(100.0 * sum(n) / count(*), 1) as c from t group by g having count(*) >= 20",
     {N: "aggregated(20)"}),
    # So may a query further in, in which the row counts for nothing: it is NULL or 0.
    (("with a as (select g, case when x = 'a' then n end as v from t) "
     "select sum(v) as c from a group by g having count(*) >= 20"),
     {N: "aggregated(1)", X: "aggregated(1) + masked(1)"}),
    (("with a as (select g, n * (x = 'a')::int as v from t), b as (select g, v + 1 as v from a) "
     "select avg(v) as c from b group by g having count(*) >= 20"),
     {N: "aggregated(1)", X: "aggregated(1) + masked(1)"}),
    (("with a as (select g, l[1] * n as v from t) "
     "select sum(v) as c from a group by g having count(*) >= 20"),
     {N: "aggregated(1)", L: "aggregated(1)"}),
    ("select sum(n + l[1]) as c from t group by g having count(*) >= 20",
     {N: "aggregated(1)", L: "aggregated(1)"}),
    (("with a as (select g, nullif(x, g) as v from t) "
     "select count(v) as c from a group by g having count(*) >= 20"),
     {X: "aggregated(1)", G: "aggregated(1)"}),
    (("with a as (select g, upper(x) as v, round(n / 2.0) as w from t) "
     "select count(distinct v) as c from a group by g having count(*) >= 20"),
     {X: "aggregated(20)"}),
    (("with a as (select g, round(n / 2.0) as w from t) "
     "select avg(w) as c from a group by g having count(*) >= 20"), {N: "aggregated(20)"}),
    # An outer query's row is no group.
    ("select (select sum(t.n) from u) as c from t", {N: "direct"}),
    # Windows over a whole partition; those that move show differences of one row.
    ("select sum(n) over (partition by g) as c from t", {N: "aggregated", G: "condition"}),
    ("select sum(n) over (partition by g) as c from t qualify count(*) over (partition by g) >= 20",
     {N: "aggregated(20)", G: "condition"}),
    ("select sum(n) over (partition by g) as c from t qualify count(*) over (partition by x) >= 20",
     {N: "aggregated", G: "condition"}),
    ("select sum(n) over (order by d) as c from t", {N: "direct", D: "direct"}),
    ("select sum(n) over (rows between 1 preceding and current row) as c from t", {N: "direct"}),
    ("select sum(n) over w as c from t window w as (order by d)", {N: "direct", D: "direct"}),
    ("select lag(n) over (partition by g) as c from t", {N: "direct", G: "condition"}),
    # One after the other: the better of two bounds, and what singles out once stays so.
    (("with a as (select g, sum(n) as s from t group by g having count(*) >= 20) "
     "select max(s) as c from a"), {N: "aggregated(20)"}),
    (("with a as (select x, g, sum(n) as s from t group by x, g) "
     "select avg(s) as c from a group by g having count(*) >= 20"), {N: "aggregated(20)"}),
    (("with a as (select g, sum(n) filter (where x = 'a') as s from t group by g) "
     "select avg(s) as c from a having count(*) >= 20"),
     {N: "aggregated(1)", X: "aggregated(1) + masked(1)"}),
    (("with a as (select g, sum(n) as s, count(*) as k from t group by g) "
     "select s as c from a where k >= 20"), {N: "aggregated(20)"}),
    (("with a as (select g, sum(n) as s, count(*) as k from t group by g), b as (from a) "
     "select s as c from b where k > 4 and s > 1"), {N: "aggregated(5)"}),
    (("with a as (select g, sum(n) as s, count(*) as k from t group by g) "
     "select a.s as c from a, a as b where b.k >= 20"), {N: "aggregated"}),
    # Several paths: the worst counts.
    (("select sum(n) as c from t group by g having count(*) >= 20 union all "
     "select sum(n) from t group by x having count(*) >= 5"), {N: "aggregated(5)"}),
    ("select sum(n) as c from t having count(*) >= 20 union all select n from t", {N: "direct"}),
    (("select sum(n) as c from t having count(*) >= 20 union all select keyed_hash(n::varchar) "
     "from t"), {N: "aggregated(20) or hashed"}),
    (("with recursive r(c, k) as (select x, 1 from t union all select left(c, 3), k + 1 from r "
     "where k < 3) select c from r"), {X: "direct"}),
]  # fmt: skip

CASES = VALUE + HASHED + PIECES + RECODED + MASKED + AGGREGATED


def ways(query: str, steps: dict[str, str] | None = None, column: str = "c") -> dict[str, str]:
    flow = Tracer(TYPES, steps).trace(query)[column]
    assert flow.reason is None
    assert set(flow.ways) == flow.sources
    return {f"{name}.{source}": text(paths) for (name, source), paths in flow.ways.items()}


def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE MACRO keyed_hash(v) AS md5('key' || v)")
    for name, columns in TYPES.items():
        listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        connection.execute(f"CREATE TABLE {name} ({listed})")
    return connection


@pytest.mark.parametrize(("query", "expected"), CASES, ids=[query for query, _ in CASES])
def test_what_a_query_takes_away_of_a_value(query: str, expected: dict[str, str]) -> None:
    database().execute(f"describe select * from ({query})")  # DuckDB itself must read it
    assert ways(query) == expected


COUNTED = [
    ("select g, sum(n) as c, count(*) as k from t group by g", {"k"}),
    (("select g, sum(n) as c, count(*)::int as k, count(distinct x) as p, sum(n) as s from t "
     "group by g"), {"k", "p"}),
    (("with a as (select g, sum(n) as s, count(*) as k from t group by g) "
     "select s * 2 as c, k as rows from a"), {"rows"}),
    ("select sum(n) over (partition by g) as c, count(*) over (partition by g) as k from t", {"k"}),
    (("select sum(n) filter (where x = 'a') as c, count(*) filter (where x = 'a') as k, "
     "count(*) as other from t group by g"), {"k"}),
    (("select sum(n) filter (where g = 'a') as c, count(*) filter (where g = 'a') as k, "
     "count(*) as other from t group by x"), {"k"}),
    (("select sum(n) as c, count(*) as k from t group by g union all "
     "select sum(y), count(*) from u group by g"), {"k"}),
    ("select sum(n) as c, count(*) as k from t group by g having count(*) >= 5", {"k"}),
    # A count of something else.
    ("select sum(t.n) as c, count(*) as k from t join u on t.g = u.g group by t.g", set()),
    (("with a as (select g, sum(n) as s from t group by g), "
     "b as (select g, count(*) as k from t group by g) "
     "select a.s as c, b.k from a join b on a.g = b.g"), set()),
    (("with a as (select g, sum(n) as s, count(*) as k from t group by g) "
     "select a.s as c, b.k as k from a join a b on a.g = b.g"), set()),
    ("select sum(n) as c, count(*) + 20 as k, 20 as other from t group by g", set()),
    ("select sum(n) as c, count(*) as k from t group by g union all select sum(y), 20 from u",
     set()),
]  # fmt: skip


@pytest.mark.parametrize(("query", "expected"), COUNTED, ids=[query for query, _ in COUNTED])
def test_which_columns_count_the_rows_behind_an_aggregate(query: str, expected: set[str]) -> None:
    database().execute(f"describe select * from ({query})")
    flow = Tracer(TYPES).trace(query)["c"]
    assert flow.counters == expected


STEPS = {
    '"mesh_dbt"."main"."groups"': "select g, sum(n) as s, count(*) as k, max(x) as x "
    'from "mesh_dbt"."inputs"."t" group by g',
    '"mesh_dbt"."main"."big"': 'select * from "mesh_dbt"."main"."groups" where k >= 20',
}


def test_reductions_are_followed_through_what_dbt_built_on_the_way() -> None:
    query = 'select s as c, x, k from "mesh_dbt"."main"."big"'
    assert ways(query, STEPS) == {N: "aggregated(20)"}
    assert ways(query, STEPS, "x") == {X: "direct"}
    flow = Tracer(TYPES, STEPS).trace('select s, k from "mesh_dbt"."main"."groups"')["s"]
    assert set(flow.counters) == {"k"}
    assert {text(paths) for paths in flow.ways.values()} == {"aggregated"}


def test_a_macro_of_the_project_may_read_anything() -> None:
    flow = Tracer(TYPES, STEPS).trace("select leak(1) as c, upper('a') as d")
    assert flow["c"].reason == "'leak' is no function of DuckDB, so what it reads is not known"
    assert flow["d"].reason is None


paths = st.builds(
    Path,
    aggregated=st.one_of(st.none(), st.integers(0, 40)),
    hashed=st.booleans(),
    masked=st.one_of(st.none(), st.integers(0, 9)),
    condition=st.booleans(),
)


@given(st.lists(paths, min_size=1, max_size=4))
def test_the_text_of_paths_is_read_back(found: list[Path]) -> None:
    assert parse(text(found)) == way(found)


@given(st.lists(paths, min_size=1, max_size=4), paths)
def test_another_path_never_takes_more_away(found: list[Path], more: Path) -> None:
    for kept in way(found):
        assert any(one.tells_as_much_as(kept) for one in way([*found, more]))


@given(paths, paths, paths)
def test_what_happens_on_a_path_is_told_in_any_grouping(a: Path, b: Path, c: Path) -> None:
    assert a.then(b).then(c) == a.then(b.then(c))
    assert a.tells_as_much_as(a.then(b)) or (a.aggregated, b.aggregated) != (None, None)


def test_words_that_nobody_wrote_count_as_direct() -> None:
    assert text(parse("encrypted(7)")) == "direct"
    assert text(parse("")) == "direct"
