"""The structured read of one port: every part is checked, and none is more than its part."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile_queries import SECRET, URL, Folder, text_of
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.gateway.query.engine import Engine
from mesh_defs.gateway.query.faults import BadQuery
from mesh_defs.gateway.query.select import select_query

KNOWN = ["id", "origin", "email", "price", 'o"d, d', "Id2", "order desc"]
TEXTS = st.text(alphabet="idorgn,; '\"()*-/\\=<>%_\n\t0123456789ASCDEFLTU", max_size=60)


def test_parts_become_one_select(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    query = select_query(
        URL,
        ["id", "origin", "email", "price"],
        columns="ID, price",
        where="origin = 'JFK' AND id < 10",
        order=["price desc", "id"],
        limit="3",
        offset=1,
    )
    engine = Engine(tmp_path / "scratch", process_mb=None)
    try:
        rows = text_of(engine.run(query.sql, folder.relations))
    finally:
        engine.close()
    assert [word for word in ("'id': 8", "'id': 7", "'id': 6") if word in rows] == [
        "'id': 8",
        "'id': 7",
        "'id': 6",
    ]
    assert "email" not in rows
    assert SECRET not in rows


def test_odd_names_are_quoted() -> None:
    query = select_query(URL, KNOWN, columns=['o"d, d', "Id2"], order=["order desc", "ID2 DESC"])
    assert query.sql == (f'SELECT "o""d, d", "Id2" FROM "{URL}" ORDER BY "order desc", "Id2" DESC')


@pytest.mark.parametrize(
    "parts",
    [
        {"columns": "nothere"},
        {"columns": "id,"},
        {"columns": "id; DROP VIEW x"},
        {"columns": "*"},
        {"columns": 'id" FROM x --'},
        {"columns": "count(*)"},
        {"columns": ["id"] * 1000},
        {"columns": "filename"},
        {"columns": "rowid"},
        {"where": "id = (SELECT 1)"},
        {"where": "1 = 1; DROP VIEW x"},
        {"where": "1 = 1) OR (1 = 1"},
        {"where": "id IN (SELECT id FROM read_csv('/etc/passwd'))"},
        {"where": "getenv('HOME') = 'x'"},
        {"where": "true UNION SELECT 1"},
        {"where": "true ORDER BY 1"},
        {"where": "true LIMIT 1 --"},
        {"where": "current_setting('temp_directory') <> ''"},
        {"where": "nothere = 1"},
        {"where": "id = $1"},
        {"where": "length(replace(replace(origin, 'J', repeat('x', 99)), 'x', 'y')) > 1"},
        {"where": f"length(replace(replace(origin, '', '{'x' * 99}'), '', '{'x' * 99}')) > 1"},
        {"where": "x" * 20_000},
        {"where": "NOT " * 2000 + "true"},
        {"where": "id = 1\0"},
        {"where": "origin = '\ud800'"},
        {"order": "nothere"},
        {"order": "id sideways"},
        {"order": "id desc nulls last"},
        {"order": "1"},
        {"order": "random()"},
        {"order": "id desc; DROP VIEW x"},
        {"limit": "-1"},
        {"limit": "1e9"},
        {"limit": "10 OFFSET 3"},
        {"limit": "(SELECT 1)"},
        {"limit": "99999999999999999999999"},
        {"limit": "٣"},
        {"limit": True},
        {"limit": ""},
        {"offset": "all"},
        {"offset": -1},
    ],
)
def test_hostile_parts_are_one_clear_error(parts: dict[str, object]) -> None:
    with pytest.raises(BadQuery) as error:
        select_query(URL, KNOWN, **parts)  # type: ignore[arg-type]
    (part,) = parts
    assert "\n" not in str(error.value)
    assert error.value.fix
    assert part in error.value.found or part == "where"


@given(columns=TEXTS, where=TEXTS, order=TEXTS, limit=TEXTS)
def test_whatever_comes_is_a_select_of_the_port_or_an_error(
    columns: str, where: str, order: str, limit: str
) -> None:
    import duckdb

    try:
        query = select_query(URL, KNOWN, columns=columns, where=where, order=order, limit=limit)
    except BadQuery:
        return
    with duckdb.connect() as connection:
        statements = connection.extract_statements(query.sql)
        assert [s.type for s in statements] == [duckdb.StatementType.SELECT]
        fields = ", ".join('1 AS "' + name.replace('"', '""') + '"' for name in KNOWN)
        connection.execute(f'CREATE VIEW "{URL}" AS SELECT {fields}')
        assert connection.get_table_names(query.sql, qualified=False) == {str(URL)}
