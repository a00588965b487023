"""What goes wrong over personal data is told by its kind and place: no value of the data is in what
a command prints, in what a run leaves below ``.mesh``, or in Dagster's events."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from commands import mesh as command
from dagster_meshes import PYPROJECT, dagster_of
from dagster_meshes import run as run_in_dagster
from hypothesis import given
from hypothesis import strategies as st
from meshes import contract, load, manifest, write, write_mesh

from mesh_defs.contract.checks.engine_text import NOT_SHOWN, safe_text
from mesh_defs.errors import MeshError, TransformFailed
from mesh_defs.product.container import run_product
from mesh_defs.product.report import RunReport

SECRET = "SECRET"  # in every name
NUMBER = "555123499"  # begins every number
PEOPLE = "mesh://shop/people"
WORKSPACE = """
load_from:
  - python_module:
      module_name: mesh_defs.locations
      attribute: shop
      location_name: shop
"""
PROPERTIES = """
- {name: id, logicalType: integer, required: true, primaryKey: true}
- {name: name, logicalType: string, classification: personal}
"""
PROJECT = "name: people\nversion: 1.0.0\nprofile: people\n"
SOURCES = "sources: [{name: inputs, tables: [{name: people}]}]\n"
SOURCE = "{{ source('inputs', 'people') }}"
SQL = "domains/shop/people/people.sql"


def people(
    root: Path,
    rows: str,
    files: dict[str, str],
    body: str = "inputs: {people: files://people}",
    properties: str = PROPERTIES,
) -> Path:
    """``shop/people``, whose names are personal, from the CSV file ``rows`` that no contract
    describes."""
    write_mesh(
        root,
        {
            "pyproject.toml": PYPROJECT,
            "workspace.yaml": WORKSPACE,
            "domains/shop/people/defs.yaml": manifest(body),
            "domains/shop/people/contract.yaml": contract("people", properties),
            **files,
        },
    )
    (root / "data").mkdir(exist_ok=True)
    (root / "data/people.csv").write_text(f"id,name\n{rows}", encoding="utf-8")
    return root


def by_dbt(root: Path, rows: str, files: dict[str, str]) -> Path:
    models = {"dbt_project.yml": PROJECT, "models/sources.yml": SOURCES, **files}
    return people(
        root,
        rows,
        {f"dbt_projects/people/{name}": text for name, text in models.items()},
        "inputs: {people: files://people}\ntransform: {dbt: people}",
    )


def telling(root: Path) -> list[Path]:
    """Files below ``.mesh`` in which a value stands; rows that were refused are data themselves."""
    files = [f for f in (root / ".mesh").rglob("*") if f.is_file() and f.suffix != ".parquet"]
    assert files
    contents = ((file, file.read_bytes()) for file in files)
    return [f for f, text in contents if SECRET.encode() in text or NUMBER.encode() in text]


def told(root: Path, code: int = 3) -> str:
    """What ``mesh run`` prints when it ends with ``code``; no value is in it, nor in what stays."""
    done = command(root, "run", PEOPLE)
    assert done.returncode == code, done.stderr
    status = command(root, "status", PEOPLE)
    for text in (done.stdout, done.stderr, status.stdout, status.stderr):
        assert SECRET not in text
        assert NUMBER not in text
    assert telling(root) == []
    return done.stdout + done.stderr


LATE = "".join(f"{i},n{i}\n" for i in range(60_000))

QUERIES = {
    "an apostrophe": ("1,O'Brien SECRET\n", "name::integer::varchar", "Conversion Error"),
    "a new line": ('1,"a\nSECRET"\n', "name::integer::varchar", "Conversion Error"),
    "a number": (f"1,{NUMBER}999\n", "name::bigint::integer::varchar", "Conversion Error"),
    "its own error": ("1,SECRETone\n", "error(name)", "Invalid Input Error"),
    "a message within": ("1,Binder Error: SECRET\n", "error(name)", "Invalid Input Error"),
    "a time": ("1,SECRET day\n", "strptime(name, '%Y')::varchar", "Invalid Input Error"),
    "JSON": ("1,{SECRET\n", "json_extract(name, '$.a')::varchar", "Invalid Input Error"),
    "a pattern": ("1,(SECRET\n", "regexp_matches('x', name)::varchar", "Invalid Input Error"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_sql_is_told_by_kind_and_file(tmp_path: Path, name: str) -> None:
    rows, expression, kind = QUERIES[name]
    query = f"-- People.\nselect id,\n  {expression} as name\nfrom people"
    text = told(people(tmp_path, rows, {SQL: query}))
    assert f"{PEOPLE}/people: {kind} in {SQL}" in text
    assert NOT_SHOWN in text


def test_sql_is_told_by_the_line_of_its_file(tmp_path: Path) -> None:
    query = "-- People.\n\nselect id,\n  name::integer::varchar as name\nfrom people\n"
    assert f"Conversion Error in {SQL}, line 4 (" in told(
        people(tmp_path, "1,SECRET\n", {SQL: query})
    )


@pytest.mark.parametrize("row", ["60000,SECRET,x,y\n", "SECRET,name\n"])
def test_a_file_that_cannot_be_read_is_told_by_its_line(tmp_path: Path, row: str) -> None:
    text = told(people(tmp_path, LATE + row, {SQL: "select id, name from people"}))
    assert "files://people cannot be read: " in text
    assert " Error on line 60002 (" in text


PYTHON = {
    "its own error": ("raise ValueError(people.arrow()['name'][0])", "ValueError ("),
    "one of ours": (
        "import mesh_defs\n    raise mesh_defs.MeshError(str(people.arrow()['name'][0]))",
        "MeshError (",
    ),
    "a name": ("return {str(people.arrow()['name'][0]): people.arrow()}", "the ports are people"),
    "SQL at once": (
        "return context.connection.sql('select id, name::int::varchar n from people').arrow()",
        "ConversionException (",
    ),
    "SQL later": (
        "return context.connection.sql('select id, name::int::varchar as name from people')",
        "Conversion Error in domains/shop/people/transform.py (",
    ),
    "a query of values": (
        "return context.connection.sql(f\"select {people.arrow()['name'][0]} from people\")",
        "BinderException (",
    ),
    "a stream": (
        (
            "for batch in people.batches():\n        yield batch\n"
            "        raise KeyError(batch['name'][0].as_py())"
        ),
        "KeyError (",
    ),
    "what is no stream of one kind": (
        (
            "import pyarrow as pa\n    batch = next(people.batches())\n    yield batch\n"
            "    yield pa.record_batch({str(batch['name'][0]): [1]})"
        ),
        NOT_SHOWN,
    ),
}


@pytest.mark.parametrize("name", PYTHON)
def test_python_is_told_by_kind_and_line(tmp_path: Path, name: str) -> None:
    body, said = PYTHON[name]
    code = {"domains/shop/people/transform.py": f"def transform(people, context):\n    {body}\n"}
    assert said in told(people(tmp_path, "1,SECRET\n", code))


MODEL = "dbt_projects/people/models/people.sql: model 'people': "
DBT = {
    "a view": (
        f"select id, name::integer::varchar as name from {SOURCE}",
        "Conversion Error in dbt",
    ),
    "a table": (
        (
            "{{ config(materialized='table') }}"
            f"select id, name::integer::varchar as name from {SOURCE}"
        ),
        f"{MODEL}Conversion Error (",
    ),
    # Macros and SQL text meet values only through queries of their own, which are refused.
    "a query of its own": (
        (
            "{% set rows = run_query('select name from ' ~ source('inputs', 'people')) %}"
            "select 1 as id, '{% if execute %}{{ rows[0][0] }}{% endif %}' as name"
        ),
        "and nothing else may decide what is published",
    ),
}


@pytest.mark.xdist_group("dbt")
@pytest.mark.parametrize("name", DBT)
def test_dbt_is_told_by_kind_and_model(tmp_path: Path, name: str) -> None:
    model, said = DBT[name]
    assert said in told(by_dbt(tmp_path, "1,O'SECRET\n", {"models/people.sql": model}))


@pytest.mark.xdist_group("dbt")
def test_a_python_model_is_told_by_kind_and_line(tmp_path: Path) -> None:
    code = (
        "def model(dbt, connection):\n"
        "    rows = dbt.source('inputs', 'people').fetchall()\n"
        "    raise ValueError(rows[0][1])\n"
        "    return rows\n"
    )
    text = told(by_dbt(tmp_path, "1,SECRET\n", {"models/people.py": code}))
    assert f"ValueError ({NOT_SHOWN})" in text
    assert "line 3, in model: raise ValueError(rows[0][1])" in text


@pytest.mark.xdist_group("dbt")
def test_a_dbt_test_that_cannot_run_is_told_by_kind(tmp_path: Path) -> None:
    files = {
        "models/people.sql": f"select id, name from {SOURCE}",
        "tests/numbers.sql": "select * from {{ ref('people') }} where name::integer > 1",
    }
    text = told(by_dbt(tmp_path, "1,O'Brien SECRET\n", files), 1)
    assert f"Conversion Error ({NOT_SHOWN})" in text


def test_another_engine_is_told_by_kind(tmp_path: Path) -> None:
    body = "inputs: {people: files://people}\noutputs: {people: {compute: polars}}"
    query = "select id, cast(cast(name as int) as varchar) as name from people"
    root = people(tmp_path, "1,SECRET\n", {SQL: query}, body)
    assert f"polars: InvalidOperationError ({NOT_SHOWN})" in told(root)
    write(root, {SQL: "select id, nope as name from people"})
    assert 'polars: unable to find column "nope"' in told(root)


def test_dagster_records_no_value(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    queries = (
        "select id, name::integer::varchar as name from people",
        "select id, name from people",
    )
    for rows, query in zip(("1,O'Brien SECRET\n", LATE + "SECRET,name\n"), queries, strict=True):
        root = people(tmp_path, rows, {SQL: query})
        with pytest.MonkeyPatch.context() as patch, dagster_of(root) as instance:
            patch.setattr("mesh_defs.orchestration.execution.MAX_RETRIES", 1)
            patch.setattr("mesh_defs.orchestration.execution.RETRY_SECONDS", 0.0)
            result = run_in_dagster(root, instance, [dg.AssetKey(["shop", "people", "people"])])
        assert not result.success
        assert NOT_SHOWN in "".join(str(event) for event in result.all_events)
        assert SECRET not in "".join(str(event) for event in result.all_events)
    assert telling(root) == []
    assert any("event" in f.name for f in (root / ".mesh").rglob("*.db"))
    assert SECRET not in "".join(capfd.readouterr())


def test_expectations_hide_what_the_own_contract_calls_personal(tmp_path: Path) -> None:
    body = """
        inputs:
          people:
            from: files://people
            expect:
              properties:
                - {name: name, logicalType: string, unique: true, classification: public,
                   logicalTypeOptions: {maxLength: 2}}
                - {name: id, logicalType: integer, unique: true, classification: internal}
        """
    rows = "7,SECRET x\n7,SECRET x\n"
    root = people(tmp_path, rows, {SQL: "select id, name from people"}, body)
    text = told(root, 1)
    assert "people.name: name.maxLength" in text
    report = ran(root)
    samples = [row for verdict in report.expectations for row in verdict.samples]
    assert {row["name"] for row in samples} == {"***"}
    assert {row["id"] for row in samples} == {7}


@pytest.mark.parametrize(
    ("written", "shown"), [("", "***"), (", classification: internal", "SECRET x")]
)
def test_expectations_hide_what_nobody_has_classified(
    tmp_path: Path, written: str, shown: str
) -> None:
    body = f"""
        inputs:
          people:
            from: files://people
            expect:
              properties:
                - {{name: name, logicalType: string, logicalTypeOptions: {{maxLength: 2}}{written}}}
        """
    # The output calls the same values otherwise.
    properties = PROPERTIES.replace("name: name", "name: who")
    files = {SQL: "select id, name as who from people"}
    root = people(tmp_path, "7,SECRET x\n", files, body, properties)
    (verdict,) = [v for v in ran(root).expectations if not v.ok]
    assert [row["name"] for row in verdict.samples] == [shown]


def test_where_no_data_is_personal_everything_is_told(tmp_path: Path) -> None:
    properties = PROPERTIES.replace("personal", "internal")
    query = "select id, name::integer::varchar as name from people"
    root = people(tmp_path, "1,O'Brien SECRET\n", {SQL: query}, properties=properties)
    with pytest.raises(TransformFailed, match="Could not convert string 'O'Brien SECRET'"):
        ran(root)


OURS = {
    "two statements": ({SQL: "select 1 as id; select 2 as id"}, "holds 2 statements; write one"),
    "an unknown column": (
        {SQL: "select id, nam as name from people"},
        'Binder Error: Referenced column "nam" not found in FROM clause!',
    ),
    "an unknown table": ({SQL: "select id, name from peple"}, 'Did you mean "people"?'),
    "a broken query": ({SQL: "select id name frm people"}, "LINE 1: select id name frm people"),
    "a type": (
        {SQL: "select id, uuid() as name from people"},
        "column 'name' holds UUID, for which Parquet and Delta have no type: cast it to VARCHAR",
    ),
    "no such dataset": (
        {"domains/shop/people/transform.py": "def transform(people):\n    return 3\n"},
        "transform() returned a int for port 'people'; allowed: a pyarrow Table",
    ),
}


@pytest.mark.parametrize("name", OURS)
def test_our_own_messages_are_told_as_they_are(tmp_path: Path, name: str) -> None:
    files, said = OURS[name]
    root = people(tmp_path, "1,SECRET\n", files)
    with pytest.raises(MeshError) as caught:
        ran(root)
    assert said in str(caught.value)
    assert "***" not in str(caught.value)


@pytest.mark.xdist_group("dbt")
def test_a_source_that_is_no_input_is_named(tmp_path: Path) -> None:
    files = {
        "models/sources.yml": "sources: [{name: inputs, tables: [{name: person}]}]",
        "models/people.sql": "select id, name from {{ source('inputs', 'person') }}",
    }
    with pytest.raises(TransformFailed) as caught:
        ran(by_dbt(tmp_path, "1,SECRET\n", files))
    assert (
        "source('inputs', 'person') is no input of mesh://shop/people; its inputs: people. "
        in str(caught.value)
    )


@given(st.text(min_size=1), st.sampled_from(["Conversion", "Invalid Input", "IO", "Nonsense", ""]))
def test_nothing_of_an_error_at_run_time_is_kept(value: str, kind: str) -> None:
    told = {safe_text(f"{kind} Error: {text}") for text in (value, f"x '{value}'\n{value}", "x")}
    assert len(told) == 1


@given(st.text("abz ÄÖ'\t0_", min_size=1))
def test_of_an_error_in_a_query_what_the_query_says_is_kept(value: str) -> None:
    message = f'Binder Error: Referenced column "{value}" not found\nCandidate bindings: "{value}"'
    unknown, known = safe_text(message), safe_text(message, known=value)
    named = any(word.isalnum() or word == "_" for word in value)
    assert unknown.splitlines()[0] == (
        'Binder Error: Referenced column "***" not found' if named else message.splitlines()[0]
    )
    assert known == message.partition("\nCandidate")[0]


def ran(root: Path) -> RunReport:
    mesh = load(root)
    return run_product(mesh, mesh.product(PEOPLE))
