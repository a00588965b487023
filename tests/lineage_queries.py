"""Queries over two relations, for tests of what lineage overlooks: all that DuckDB's SQL offers to
show a column in another way, put together at random.

Columns are named like types and like words of SQL. What decides on rows (WHERE, ON, GROUP BY, ORDER
BY with LIMIT) asks for ``k`` alone, which no test changes: lineage tells of what is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

T = {
    "k": "INTEGER", "a": "VARCHAR", "text": "VARCHAR", "date": "VARCHAR", "user": "VARCHAR",
    "current_date": "VARCHAR", "year": "VARCHAR", "interval": "VARCHAR", "list": "VARCHAR[]",
    "map": "MAP(VARCHAR, VARCHAR)", "struct": "STRUCT(e VARCHAR, f VARCHAR)", "json": "JSON",
    "n": "INTEGER", "day": "DATE",
}  # fmt: skip
U = {"k": "INTEGER", "d": "VARCHAR", "m": "INTEGER", "a2": "VARCHAR"}
TYPES: Mapping[str, Mapping[str, str]] = {"t": T, "u": U}

# Texts made of a column alone, as a query without WITH and joins may write them.
COLUMNS = (
    "a", "text", "date", "user", "current_date", "year", '"interval"', "T.A", "t.text", '"Text"',
    "struct.e", "t.struct.e", "struct['e']", "list[1]", "list[1:2]::varchar", "t.list[1]",
    '"list"[1]', "map['x']", "map['x'][1:40]", "json->>'$.e'", "json->>'e'", "json.e::varchar",
    "text[1:40]", "date[1:40]", "interval[1:40]", "user[1:40]", "current_date[1:40]",
    "year[1:40]", "n::varchar", "day::varchar", "day.strftime('%d.%m.%Y')", "day.year()::varchar",
    "n.abs()::varchar", "text.lower()", "date.upper()", "t.a.lower()", "a.left(3)",
    "a.lower().md5()", "list.list_transform(x -> x || '!')::varchar", "list.array_to_string(',')",
    "struct::varchar", "map.map_values()::varchar", "struct.struct_extract('f')",
    "json.json_extract_string('$.e')", "list.list_aggregate('max')", "user.lower()",
    "current_date.lower()", "#2::varchar", "unnest(list)", "unnest([a, text])", "t::varchar",
    "to_json(t)::varchar", "t.to_json()::varchar", "(list[1])[1:2]", "list[-1]",
    "date.split('-')[1]",
)  # fmt: skip
# What is made of one or two texts.
SHAPES = (
    "lower({0})", "({0}).lower()", "({0}).left(5).reverse()", "({0})[1:4]", "({0} || '/' || {1})",
    "coalesce({0}, {1})", "case when length({0}) > 3 then {1} else 'x' end",
    "try_cast({0} as varchar)", "({0})::varchar", "cast({0} as varchar)", "[x for x in [{0}]][1]",
    "[x || {1} for x in [{0}] if x > '']::varchar",
    "list_transform([{0}], lambda x: x || {1})[1]", "list_transform([{0}], a -> a || '!')[1]",
    "list_transform([1], lambda q: {0})[1]", "list_filter([{0}], x -> x <> {1})::varchar",
    "list_reduce([{0}, {1}], (x, y) -> x || y)", "[a for a in [{0}]][1]",
    "list_transform([{0}], lambda text: list_transform([text], lambda a: a || text)[1])[1]",
    "({{'q': {0}}}).q", "struct_pack(q := {0}, p := {1}).q", "(map {{'k': {0}}})['k']",
    "map([{0}], [{1}])::varchar", "map_keys(map {{{0}: 1}})[1]", "row({0}, {1})::varchar",
    "({0}, {1})::varchar", "(select {0})", "(select max(d || {0}) from u where u.k = 1)",
    "(from u select max(d) || {0})", "first({0}) over (partition by k)",
    "max({0}) over (partition by k rows between unbounded preceding and unbounded following)",
    "({0} like '%a%')::varchar", "({0} = {1})::varchar", "({0} in ({1}, 'z'))::varchar",
    "({0} between 'a' and {1})::varchar", "({0} is distinct from {1})::varchar",
    "(not ({0} ~ 'a'))::varchar", "substring({0} from 2 for 3)", "position('a' in {0})::varchar",
    "trim(both 'x' from {0})", "printf('%s', {0})", "format('{{}}', {0})",
    "concat_ws('-', {0}, {1})", "if({0} > {1}, {0}, {1})", "greatest({0}, {1})",
    "nullif({0}, {1})", "to_json({{'v': {0}}})::varchar", "hash({0})::varchar", "md5({0})",
    "$${0}$$ || {0}", "e'\\n' || {0}", "array_to_string([{0}, {1}], ',')", "list_value({0})[1]",
    "unnest([{0}])", "exists(select 1 from u where u.d = {0})::varchar",
    "({0} in (select d from u))::varchar", "({0} > any(select d from u))::varchar", "try({0})",
    "({0} collate nocase)", "string_split({0}, '-')[1]", "regexp_replace({0}, 'a', {1})",
    "replace({0}, 'a', 'b')", "array_slice({0}, 1, 3)", "[{0}, {1}][1]", "([{0}][1]).upper()",
    "union_value(v := {0}).v", "getvariable('v')", "lag({0}) over (order by k)",
    "starts_with({0}, 'a')::varchar", "xor(length({0}), 3)::varchar", "list_sort([{0}, {1}])[1]",
    "columns('^a$')", "upper(columns('^text$'))", "left({0}, 2)",
    "json_object('k', {0})::varchar", "json_array({0})->>0", "({0}).concat({1})",
    "row_number() over (order by {0})::varchar", "alias({0})", "typeof({0})", "ifnull({0}, {1})",
    "encode({0})::varchar", "list_extract([{0}], 1)", "([{0}]).list_extract(1)",
    "[{0}].list_extract(1)", "struct_extract({{'q': {0}}}, 'q')",
    "date_part('day', try_cast({0} as date))::varchar", "extract(year from day)::varchar || {0}",
    "date_trunc('month', day)::varchar", "(day + interval 1 day)::varchar",
    "(day + interval (n) day)::varchar", "(date '2020-01-01' + n)::varchar",
    "make_date(n % 1000 + 2000, 1, 1)::varchar", "n ** 2 || {0}", "(n // 2)::varchar", "@n || ''",
    "(n % 7)::varchar", "(-n)::varchar", "(~n)::varchar",
    "case {0} when {1} then 'same' else 'other' end", "median(n) over ()::varchar",
    "current_setting('threads')", "json_extract_string(json, '$.' || 'e')", "json->'$.e'->>'$'",
    "struct_insert(struct, g := {0})::varchar", "list_zip([{0}], [{1}])::varchar",
    "list_contains(list, {0})::varchar", "list && [{0}]", "({0} glob 'a*')::varchar",
    "({0} similar to 'a.*')::varchar", "{0} ^@ 'a'",
)  # fmt: skip
AGGREGATES = (
    "max({0})", "min({0}) filter (where k > 0)", "string_agg({0}, ',' order by k)",
    "list({0} order by k)::varchar", "first({0} order by k)", "({0}).max()", "any_value({0})",
    "count({0})", "count(distinct {0})", "max_by({0}, k)", "arg_min(k, {0})",
    "histogram({0})::varchar", "array_agg({0})[1]", "listagg({0}, ',')", "mode({0})",
    "bool_or({0} > 'b')", "sum(length({0}))", "approx_count_distinct({0})",
    "quantile_disc({0}, 0.5)", "list({0}).list_sort()::varchar",
    "reduce(list({0}), (x, y) -> x || y)", "max({0}).lower()", "min(n)", "text.max()",
    "list.max()::varchar",
)  # fmt: skip
SOURCES = (
    "t", "t as t", "(from t) t", "(select * from t) t", "t positional join u b",
    "t left join u b on t.k = b.k", "t join u b using (k)",
    "t natural join (select k, d from u) b", "t semi join u on t.k = u.k",
    "t asof join u b on t.k >= b.k", "t, lateral (select t.a || 'z' as z)",
    "t cross join (values ('v')) v(x)", "(select * exclude (a), lower(a) as a from t) t",
    "(select * replace (text as a) from t) t",
    "(select * rename (a as text, text as a) from t) t", "(select t.* from t) t",
    "(from t select *, a: text || 'c' limit 99) t", "(from t order by k limit 3) t",
    "(select columns(*) from t) t", "(select * from t union all by name select * from t) t",
    "(table t) t", "(select distinct * from t) t", "query_table('t') t",
    "(select * from query('from t')) t",
    "(select unnest(struct), * exclude (struct), struct from t) t",
    "(select struct.*, * from t) t", "(with c as (from t) from c) t",
    "(with recursive c as (from t union all from t where false) from c) t", "t as t(k, text, a)",
    "(select k, a as text, text as a, * exclude (k, a, text) from t) t", "t tablesample 100%",
    "(unpivot (from t select k, a, text, date) on a, text into name q value user) t",
    "(pivot (select k, a, 'text' as c from t) on c using max(a) group by k) t",
    "(select * from (select k, a, 'user' as c from t) pivot (max(a) for c in ('user', 'text'))) t",
    "unnest([{'a': 'q', 'k': 1}]) as x(t)", "(select t from t) t2", "(select t.a from t) t(text)",
    "(select a from t) as t(k)", "(summarize t) t",
    "(select min as a, max as text, column_name as k from (summarize t)) t", "(describe t) t",
    "(select unnest(t) from t) t", "(select unnest(t, recursive := true) from t) t",
)  # fmt: skip
ENDS = (
    "", " where k > 0", " order by k limit 2", " where t.k in (select k from u)", " order by all",
    " qualify row_number() over (partition by k order by k) = 1", " limit 50%",
)  # fmt: skip
STARS = (
    "*", "t.*", "* exclude (k)", "* replace (a || '!' as text)", "* rename (a as zz)",
    "columns(*)", "columns('a|text')", "columns(c -> c like 't%')", "* like 'a%'", "struct.*",
    "unnest(struct)", "* exclude (a) replace (a as text)", "t",
    "columns([x for x in (*) if x like 'a%'])",
)  # fmt: skip

# Queries around one or two that have a column c0.
AROUND = (
    "{0}", "{0}", "{0}", "select * from ({0}) z", "with text as ({0}) select text.* from text",
    "select c0[1:40] as c0 from ({0})", "select z.c0.lower() as c0 from ({0}) z",
    "with z as materialized ({0}) from z", "select columns('c.*') from ({0})",
    "select date[1] as c9 from (select c0 as date from ({0}))",
    "select (select z.c0) as c0 from ({0}) z",
    "select (list[1]).upper() as c0 from (select list(c0) as list from ({0}))",
    "select interval.lower() as c0 from (select c0 as interval from ({0}))",
    'select current_date as c0 from (select c0 as "current_date" from ({0}))',
    "select z::varchar as c0 from ({0}) z", "({0}) limit 7", "select q from ({0}) z(q)",
    "select c0 from ({0}) z, lateral (select z.c0 as c1)",
    "(select c0 from ({0})) union all (select c0 from ({1}))",
    "select c0 from ({0}) union by name select c0 as c1, 'x' as c0 from ({1})",
    "select z.c0 || y.c0 as c0 from ({0}) z positional join ({1}) y",
    "select coalesce(z.c0, y.c0) as c0 from ({0}) z full join ({1}) y on false",
    ("with recursive r(c0, i) as (select c0, 1 from ({0}) union all select c0 || '!', i + 1 from r "
    "where i < 3) from r"),
    "values ((select max(c0) from ({0})))", "select a.c0 from ({0}) a",
    "select unnest(z) from ({0}) z",
    "select session_user as c0 from (select c0 as session_user from ({0}))",
)  # fmt: skip

# What uses a column of the same SELECT, and how one gets its name.
LATER = ("c0 || ''", "upper(c0)", "c0.upper()", "[c0][1]", "c0[1:3]")
NAMED = ("{0} as {1}", "{1}: {0}", '{0} as "{1}"')


def texts() -> st.SearchStrategy[str]:
    """Expressions over ``t``."""
    return st.recursive(
        st.sampled_from([*COLUMNS, "'x'"]),
        lambda inner: st.builds(str.format, st.sampled_from(SHAPES), inner, inner),
        max_leaves=4,
    )


@st.composite
def selections(draw: st.DrawFn) -> str:
    """A query with up to three columns c0, c1, c2 and perhaps a star."""
    items = []
    grouped = draw(st.integers(0, 4)) == 0
    for index in range(draw(st.integers(1, 3))):
        made = draw(texts())
        if grouped:
            made = draw(st.sampled_from(AGGREGATES)).format(made)
        elif index and draw(st.booleans()):
            made = draw(st.sampled_from(LATER))
        name = draw(st.sampled_from([f"c{index}"] * 4 + ["a", "text"]))
        items.append(draw(st.sampled_from(NAMED)).format(made, name))
    if not grouped and draw(st.integers(0, 4)) == 0:
        items.append(draw(st.sampled_from(STARS)))
    source = draw(st.sampled_from(SOURCES))
    end = draw(st.sampled_from(["", " group by k", " group by all"] if grouped else ENDS))
    listed = ", ".join(items)
    first, last = f"select {listed}", f"from {source}"
    return draw(st.sampled_from([f"{first} {last}{end}", f"{last} {first}{end}"]))


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A selection, or something around one or two."""
    one = draw(selections())
    around = draw(st.sampled_from(AROUND))
    return str(around.format(one, draw(selections())))
