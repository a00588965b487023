"""Whatever a stranger writes is refused, or reads the granted rows and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostile_queries import SECRET, VIEW, Folder, resolve, text_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mesh_defs.contract.data import Rows
from mesh_defs.errors import AccessDenied
from mesh_defs.gateway.errors import GatewayError
from mesh_defs.gateway.query.allow import read_query
from mesh_defs.gateway.query.answer import Limits
from mesh_defs.gateway.query.engine import Engine
from mesh_defs.gateway.query.faults import BadQuery

NASTY = """
SELECT|FROM|WHERE|WITH|AS|a|b|id|origin|shop.sales.sales|"mesh://shop/sales/sales"|(|)|,|;|*|.|1
'x'|''|'|"|""|--|/*|*/|$$|$1|?|::|[|]|{|}|\\|E'\\''|U&'\\0027'|:=|=>|->|->>|@|#1|UNION ALL|EXCEPT
EXISTS|IN|LATERAL|JOIN|ON true|USING (id)|VALUES (1)|GROUP BY ALL|ORDER BY 1|LIMIT 1|OVER ()
PIVOT|UNPIVOT|DESCRIBE|SHOW TABLES|SUMMARIZE|TABLE|COPY|TO|ATTACH|SET|PRAGMA|CALL|INSTALL|LOAD
RECURSIVE|MATERIALIZED|QUALIFY|COLUMNS(*)|EXCLUDE (id)|REPLACE (1 AS id)|DISTINCT|AT (VERSION => 1)
'{raw}'|"{raw}"|read_parquet('{raw}')|read_text('{csv}')|read_csv('{csv}')|query('FROM ''{raw}''')
query_table('{raw}')|glob('{root}/*')|duckdb_settings()|duckdb_views|information_schema.tables
pg_catalog.pg_class|sqlite_master|getenv('HOME')|current_setting('temp_directory')|memory.main
main|system|rowid|filename|json_execute_serialized_sql|\n|\t|\x0b|\u00a0|\u200b|\ufeff|\u2028|ÿ|\uff07|\uff1b
"""
TOKENS = [token for line in NASTY.strip("\n").split("\n") for token in line.split("|") if token]
SOURCES = [
    "shop.sales.sales", "a", "b", "duckdb_views", "pg_class", "sqlite_master", "raw", "'{raw}'",
    '"{raw}"', "read_parquet('{raw}')", "read_text('{csv}')", "information_schema.tables",
    "(WITH a AS (SELECT 1 AS id) SELECT * FROM a)", "duckdb_settings()", "range(3) a(id)",
    "memory.main.a", "query('FROM ''{raw}''')", "unnest([1]) a(id)", "office.people.people",
]  # fmt: skip
VALUES = [
    "id", "*", "a.id", "count(*)", "(SELECT max(content) FROM read_text('{csv}'))", "COLUMNS(*)",
    "getenv('HOME')", "upper(origin)", "'--'", "'/*'", "\"a\"\"b\"", "$$ ' $$", "E'\\''", "rowid",
    "current_setting('temp_directory')", "[x for x in [1]]", "1 -- ", "a", "main.upper('x')",
]  # fmt: skip
CONDITIONS = [
    "true", "id < 5", "EXISTS (FROM '{raw}')", "origin IN (FROM read_csv('{csv}'))", "a.id = b.id",
    "email LIKE '%x%' ESCAPE ''''", "id = ANY(SELECT 1)", "$$'; DROP TABLE x; --$$ <> ''",
]  # fmt: skip


def selections(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    source = st.one_of(st.sampled_from(SOURCES), st.builds("({}) b".format, inner))
    return st.one_of(
        st.builds(
            "SELECT {} FROM {} WHERE {}".format,
            st.sampled_from(VALUES),
            source,
            st.sampled_from(CONDITIONS),
        ),
        st.builds(
            "WITH {} AS ({}), b AS ({}) {}".format,
            st.sampled_from(["a", "duckdb_views", "pg_class", "raw", '"{raw}"', "sales"]),
            inner,
            inner,
            inner,
        ),
        st.builds("{} UNION ALL {}".format, inner, inner),
        st.builds("SELECT * FROM {} CROSS JOIN {}".format, source, source),
    )


QUERIES = st.recursive(
    st.sampled_from([f"SELECT id FROM {source}" for source in SOURCES]), selections, max_leaves=6
)
SOUP = st.lists(st.sampled_from(TOKENS), min_size=1, max_size=14).map(" ".join)
TAILS = st.sampled_from(["", ";", "; SELECT 1", " --x", " /*", "; DROP VIEW a", " FOR UPDATE"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return Folder(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = Engine(tmp_path_factory.mktemp("scratch"), memory_mb=128, running=2, process_mb=None)
    yield engine
    engine.close()


def filled(text: str, folder: Folder) -> str:
    csv, raw = str(folder.root / "data.csv"), str(folder.raw)
    return text.replace("{raw}", raw).replace("{csv}", csv).replace("{root}", str(folder.root))


def told(engine: Engine, sql: str, relations: dict[str, Rows]) -> str:
    """What comes out, rows or an error."""
    try:
        return text_of(engine.run(sql, relations, limits=Limits(seconds=5, rows=100_000)))
    except GatewayError as error:
        return str(error)


def run(text: str, engine: Engine, folder: Folder) -> None:
    """Both walls, then the second alone."""
    sql = filled(text, folder)
    assert SECRET not in told(engine, sql, folder.relations)
    try:
        query = read_query(sql, resolve)
    except (BadQuery, AccessDenied):
        return
    assert set(query.relations) <= {VIEW}
    # The instance has the named views and can open their files alone.
    relations = {name: folder.relations[name] for name in query.relations}
    assert SECRET not in told(engine, query.sql, relations)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(query=QUERIES, tail=TAILS)
@example(query="WITH duckdb_views AS (SELECT 1 AS id) SELECT * FROM duckdb_views", tail="")
@example(query="SELECT * FROM (WITH a AS (SELECT 1) SELECT 1) b CROSS JOIN a", tail="")
def test_queries_of_a_grammar(query: str, tail: str, engine: Engine, folder: Folder) -> None:
    before = folder.digests()
    run(query + tail, engine, folder)
    assert folder.digests() == before


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(soup=SOUP)
def test_nasty_tokens_in_any_order(soup: str, engine: Engine, folder: Folder) -> None:
    run(soup, engine, folder)


def test_the_grammar_also_makes_queries_that_run(engine: Engine, folder: Folder) -> None:
    ran = 0
    for source in SOURCES:
        try:
            query = read_query(filled(f"SELECT id FROM {source}", folder), resolve)
        except (BadQuery, AccessDenied):
            continue
        relations = {name: folder.relations[name] for name in query.relations}
        text_of(engine.run(query.sql, relations))
        ran += 1
    assert ran >= 3
