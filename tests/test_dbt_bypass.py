"""A dbt project may not publish anything but what the SQL of its models says."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbt_meshes import ORDERS, PROJECT, dbt_mesh, run

from mesh_defs.errors import TransformFailed
from mesh_defs.product.check import check_mesh

pytestmark = pytest.mark.xdist_group("dbt")

THINGS = "{{ source('inputs', 'things') }}"
UPDATE = "update {{ this }} set doubled = 7"
ASK = "{% macro ask() %}{% set q = run_query('select 1') %}2{% endmacro %}"
USES = f"select id, {{{{ ask() }}}} * v as doubled from {THINGS}"
HOOK = "- update x set doubled = 7"
SEEN = {
    "a hook of a model": (
        {"models/orders.sql": f'{{{{ config(post_hook="{UPDATE}") }}}} {ORDERS}'},
        "a post-hook", "post_hook",
    ),
    "a hook before": (
        {"models/orders.sql": f'{{{{ config(pre_hook="select 1") }}}} {ORDERS}'},
        "a pre-hook", "pre_hook",
    ),
    "a hook of the project": (
        {"dbt_project.yml": f"{PROJECT}    +post-hook: ['{UPDATE}']\n"},
        "a post-hook", "+post-hook",
    ),
    "the end of the run": (
        {"dbt_project.yml": f"{PROJECT}on-run-end:\n  {HOOK}\n"}, "on-run-end", "on-run-end",
    ),
    "the start of the run": (
        {"dbt_project.yml": f"{PROJECT}on-run-start:\n  {HOOK}\n"}, "on-run-start", "on-run-start",
    ),
    "a query while SQL is made": (
        {"models/orders.sql": "{% if execute %}{% set q = run_query('select 1') %}{% endif %}"
         + ORDERS}, "run_query", "run_query",
    ),
    "a query in a macro": (
        {"macros/ask.sql": ASK, "models/orders.sql": USES}, "run_query in the macro 'ask'",
        "run_query",
    ),
    "a statement": (
        {"models/orders.sql": "{% call statement('x', fetch_result=True) %}select 1"
         "{% endcall %}" + ORDERS}, "statement", "statement",
    ),
    "a header": (
        {"models/orders.sql": '{{ config(sql_header="create macro lower(x) as 1;") }}' + ORDERS},
        "the config 'sql_header'", "sql_header",
    ),
}  # fmt: skip
HIDDEN = {
    "dbt's own macro under its package": (
        "{% if execute %}{% set q = dbt.run_query('select 1') %}{% endif %}", "dbt.run_query",
    ),
    "another name": (
        "{% set f = run_query %}{% if execute %}{% set q = f('select 1') %}{% endif %}",
        "run_query",
    ),
    "a name that is put together": (
        "{% if execute %}{% set q = context['run_' ~ 'query']('select 1') %}{% endif %}", "context",
    ),
    "the adapter": (
        "{% if execute %}{% set q = adapter.execute('select 1') %}{% endif %}", "adapter.execute",
    ),
    "a dispatch": (
        ("{% set n = 'run_query' %}{% if execute %}"
         "{% set q = adapter.dispatch(n, 'dbt')('select 1') %}{% endif %}"),
        "a name that is not written out",
    ),
    "an index": ('{{ config(indexes=[{"columns": ["id"]}]) }}', "the config 'indexes'"),
}  # fmt: skip
OTHERS = {
    "an input": {
        "models/other.sql": "{{ config(schema='inputs', alias='THINGS') }} "
        f"select 1 as id, 7 as v from {THINGS}",
        "macros/naming.sql": "{% macro generate_schema_name(custom_schema_name, node) %}"
        "{{ custom_schema_name or target.schema }}{% endmacro %}",
    },
    "another model": {
        "models/other.sql": f"{{{{ config(alias='ORDERS') }}}} select 1 as id, 7 as v from {THINGS}"
    },
}
REDEFINED = {
    "how a table is made": (
        (
            "{% macro duckdb__create_table_as(temporary, relation, compiled_code, language) %}"
            "create table {{ relation }} as select 1 as id, 7 as doubled{% endmacro %}"
        ),
        "'duckdb__create_table_as', which takes the place of dbt's own",
    ),
    "a materialization": (
        (
            "{% materialization table, adapter='duckdb' %}{% call statement('main') %}"
            "create table {{ this }} as select 1 as id, 7 as doubled{% endcall %}"
            "{{ return({'relations': [this]}) }}{% endmaterialization %}"
        ),
        "'materialization_table_duckdb', which takes the place of dbt's own",
    ),
}


@pytest.mark.parametrize(("files", "said", "key"), SEEN.values(), ids=SEEN)
def test_what_files_show_is_a_fault_of_mesh_check_and_of_the_run(
    tmp_path: Path, files: dict[str, str], said: str, key: str
) -> None:
    dbt_mesh(tmp_path, files)
    faults = [f for group in check_mesh(tmp_path).groups.values() for f in group if f.key == key]
    assert [fault.file.partition("/")[0] for fault in faults] == ["dbt_projects"]
    with pytest.raises(TransformFailed, match=said):
        run(tmp_path)


@pytest.mark.parametrize(("jinja", "said"), HIDDEN.values(), ids=HIDDEN)
def test_what_is_hidden_in_jinja_is_refused_when_it_runs(
    tmp_path: Path, jinja: str, said: str
) -> None:
    dbt_mesh(tmp_path, {"models/orders.sql": jinja + ORDERS})
    with pytest.raises(TransformFailed, match=said):
        run(tmp_path)


@pytest.mark.parametrize(("macro", "said"), REDEFINED.values(), ids=REDEFINED)
def test_dbts_own_macros_stay_what_they_are(tmp_path: Path, macro: str, said: str) -> None:
    dbt_mesh(tmp_path, {"macros/mine.sql": macro})
    with pytest.raises(TransformFailed, match=said):
        run(tmp_path)


@pytest.mark.parametrize("files", OTHERS.values(), ids=OTHERS)
def test_no_model_takes_the_place_of_another_relation(
    tmp_path: Path, files: dict[str, str]
) -> None:
    uses = f"-- {{{{ ref('other') }}}}\n{ORDERS}"
    dbt_mesh(tmp_path, {**files, "models/orders.sql": uses})
    with pytest.raises(TransformFailed, match="is built in the place of another relation"):
        run(tmp_path)


def test_a_config_holds_no_second_statement(tmp_path: Path) -> None:
    tests = (
        "models: [{name: orders, columns: [{name: id, data_tests: [{unique: {config: "
        "{fail_calc: 'count(*); drop table x; select 0'}}}]}]}]"
    )
    dbt_mesh(tmp_path, {"models/orders.yml": tests})
    with pytest.raises(TransformFailed, match="a ';' in its config or columns"):
        run(tmp_path)


def test_what_no_model_uses_does_no_harm(tmp_path: Path) -> None:
    project = {
        "macros/ask.sql": ASK,
        "macros/naming.sql": "{% macro generate_alias_name(custom_alias_name=none, node=none) %}"
        "{{ node.name }}{% endmacro %}",
        "models/orders.sql": "{# run_query() is not asked #}" + ORDERS + " -- post_hook",
    }
    dbt_mesh(tmp_path, project)
    found = [f for group in check_mesh(tmp_path).groups.values() for f in group]
    assert [f for f in found if f.file.startswith("dbt_projects")] == []
    assert run(tmp_path).outcome == "published"


@pytest.mark.parametrize(
    "files",
    [
        {"models/other.py": "def model(dbt, session):\n    session.execute(\"update inputs set v = "
         "v\") if False else None\n    return dbt.source('inputs', 'things')\n",
         "models/orders.sql": f"-- {{{{ ref('other') }}}}\n{ORDERS}"},
        {"models/other.sql": "select 1 as x); create macro unused(x) as (x",
         "models/orders.sql": f"-- {{{{ ref('other') }}}}\n{ORDERS}"},
    ],
    ids=["python", "two statements"],
)  # fmt: skip
def test_a_model_that_may_change_others_makes_all_of_them_unknown(
    tmp_path: Path, files: dict[str, str]
) -> None:
    dbt_mesh(tmp_path, files)
    report = run(tmp_path)
    assert report.record is not None
    assert report.record.lineage["ports"] == {"orders": {}}
