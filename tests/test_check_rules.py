"""``mesh check`` looks inside the rules of contracts and expectations without running them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from commands import aircraft_files, mesh
from meshes import contract, manifest, write, write_mesh

from mesh_defs.faults import Fault
from mesh_defs.product.check import check_mesh

PROPERTIES = """
    - {name: id, logicalType: integer, primaryKey: true}
    - {name: seats, logicalType: integer}
    - name: address
      logicalType: object
      properties: [{name: zip, logicalType: string}]
"""
CONTRACT = "domains/fleet/planes/contract.yaml"
PLANES = {
    "workspace.yaml": (
        "load_from: [{autoload_defs_module: {module_name: domains.fleet, location_name: fleet}}]"
    ),
    "domains/fleet/planes/defs.yaml": manifest(),
    "domains/fleet/planes/planes.sql": "SELECT 1 AS id, 2 AS seats, {'zip': 'x'} AS address",
}
THRESHOLD = "mustBe: 0"


def faults(root: Path, quality: str, *, more: dict[str, str] | None = None) -> list[Fault]:
    text = contract("planes", PROPERTIES, quality=quality)
    return list(check_mesh(write_mesh(root, {**PLANES, CONTRACT: text, **(more or {})})).faults)


def sql(query: str) -> str:
    return f"- type: sql\n  mustBe: 0\n  query: {json.dumps(query)}\n"


@pytest.mark.parametrize(
    ("query", "found", "fix"),
    [
        ("SELEC count(*) FROM {object}", "syntax error at or near", "mend the syntax"),
        ("SELECT count(*)\nFROM {object}\nWHER id = 1 OR", "(line 3 of the query)", "mend"),
        ("SELECT 1; SELECT 2", "SELECT, SELECT", "write one SELECT"),
        ("DELETE FROM {object}", "DELETE", "write one SELECT"),
        ("SELECT count(*) FROM {objekt}", "unknown placeholder {objekt}", "'object'"),
        ("SELECT count(*) FROM ${ relation }", "unknown placeholder ${ relation }", "remove"),
        ("SELECT count(*) FROM {object} WHERE seets > 1", "unknown column 'seets'", "'seats'"),
        ("SELECT count(*) FROM {object} p WHERE p.seets > 1", "unknown column 'seets'", "'seats'"),
        ("SELECT count(*) FROM {object} WHERE o.seats > 1", "unknown relation 'o'", "remove 'o'"),
        ("SELECT count(*) FROM planez", "unknown relation 'planez'", "write 'planes'"),
        ("SELECT cuont(*) FROM {object}", "cuont does not exist", "function"),
        ("SELECT count(*), sum(seats) FROM {object}", "a query of 2 columns", "select one"),
        ("SELECT count(*) FROM {object} WHERE id = ?", "a parameter without a value", "fill"),
        ("PRAGMA version", "in brackets", "write one SELECT"),
        ("SELECT 'abc'", "a query that yields VARCHAR", "count the rows"),
        ("SELECT seats || 'x' FROM {object}", "a query that yields VARCHAR", "count"),
        ("select null", "a query that yields NULL", "select what is to be checked"),
        ("SELECT DATE '2023-01-01'", "a query that yields DATE", "compare"),
        ("SELECT count(*) FROM read_csv('/etc/passwd')", "function 'read_csv'", "{object}"),
        ("SELECT count(*) FROM glob('/*')", "the table function 'glob'", "{object}"),
        ("SELECT read_text('/etc/passwd')", "is a table function", "mend"),
        ("SELECT count(*) FROM '/etc/passwd'", "unknown relation '/etc/passwd'", "remove"),
        ("SELECT count(*) FROM {object}, duckdb_settings()", "'duckdb_settings'", "{object}"),
        ("SELECT count(*) FROM information_schema.tables", "'information_schema.tables'", "remove"),
        ("SELECT count(*) FROM sqlite_master", "unknown relation 'sqlite_master'", "remove"),
        ("SELECT count(*) FROM query('SELECT 1')", "the table function 'query'", "{object}"),
        ("SHOW TABLES", "which tells about relations", "select from"),
    ],
)
def test_a_query_that_cannot_run(tmp_path: Path, query: str, found: str, fix: str) -> None:
    (fault,) = faults(tmp_path, sql(query))
    assert (fault.file, fault.line) == (CONTRACT, 15)
    assert fault.key == "schema[0].quality[0].query"
    assert found in fault.found
    assert fix in fault.fix


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {object} WHERE seats::VARCHAR = '{seats}' -- {not one}",
        r"SELECT count(*) FROM {object} WHERE regexp_matches(seats::VARCHAR, '\p{L}')",
        "SELECT count(*) FROM planes WHERE address.zip = 'a'",
        "SELECT count(*) FROM {object} p WHERE len(p.address) > 1 AND {'a': seats}.a > 0",
        "WITH x AS (SELECT seats s FROM ${table}) SELECT max(s) < 3 FROM x",
        "WITH pg_x AS (SELECT seats s FROM {object}) SELECT max(s) < 3 FROM pg_x",
        "SELECT count(*) FROM {object}, range(3) t(read_x) WHERE seats > read_x",
        "SELECT max(DATE '2023-01-01' - address) FROM {object}",  # a number, if that is a date
        "SELECT sum(seats) / count(*)::DECIMAL(9, 2) FROM {object}",
        # Types are no business of a check: a contract's need not be those of the data.
        "SELECT count(*) FROM {object} WHERE date_trunc('day', seats) > '2020-01-01'",
    ],
)
def test_a_query_that_may_run(tmp_path: Path, query: str) -> None:
    assert faults(tmp_path, sql(query)) == []


@pytest.mark.parametrize("physical", ["DECIMAL(50, 60)", "STRUCT(a INT, a INT)", "DECIMAL(0)"])
def test_a_type_that_duckdb_has_not_is_in_no_query_s_way(tmp_path: Path, physical: str) -> None:
    properties = f"{PROPERTIES.rstrip()}\n    - {{name: odd, physicalType: '{physical}'}}\n"
    quality = sql("SELECT count(*) FROM {object} WHERE seats > 1") + sql(
        "SELECT count(nope) FROM {object}"
    )
    text = contract("planes", properties, quality=quality)
    (fault,) = check_mesh(write_mesh(tmp_path, {**PLANES, CONTRACT: text})).faults
    assert fault.found == "unknown column 'nope'"


@pytest.mark.parametrize(
    ("physical", "fix"),
    [
        ("VARCHR(3)", "write VARCHAR"),
        ("ENUM('a'", "mend its spelling"),
        ("STRUCT(a VARCHAR(3)", "mend its spelling"),
        ("VARCHAR(-3)", "mend its spelling"),
        ("STRUCT(a VARCHR)", "write VARCHAR"),
        ("DATTE[]", "write DATE"),
    ],
)
def test_a_physical_type_that_is_none_at_every_depth(
    tmp_path: Path, physical: str, fix: str
) -> None:
    kind = json.dumps(physical)
    properties = f"""
    - {{name: id, logicalType: integer, primaryKey: true}}
    - {{name: odd, logicalType: string, physicalType: {kind}}}
    - name: address
      logicalType: object
      properties:
        - {{name: zip, logicalType: string, physicalType: {kind}}}
    - name: tags
      logicalType: array
      items: {{logicalType: string, physicalType: {kind}}}
    """
    found = check_mesh(write_mesh(tmp_path, {**PLANES, CONTRACT: contract("planes", properties)}))
    assert [(f.line, f.key) for f in found.faults] == [
        (10, "schema[0].properties[1].physicalType"),
        (14, "schema[0].properties[2].properties[0].physicalType"),
        (17, "schema[0].properties[3].items.physicalType"),
    ]
    assert all(physical in f.found and fix in f.fix for f in found.faults)


@pytest.mark.parametrize(
    ("kwargs", "key", "found"),
    [
        ("{column: seats, min_valeu: 0}", ".min_valeu", "unknown argument 'min_valeu'"),
        ("{column: seats, min_value: zero}", ".min_value", "'zero' (text)"),
        ("{column: seats, min_value: 1, mostly: 7}", ".mostly", "7 (a number)"),
        ("{column: seats, min_value: 1, strict_min: [a]}", ".strict_min", "['a'] (a list)"),
        ("{column: seats}", "", "neither 'min_value' nor 'max_value'"),
        ("{min_value: 1}", "", "no argument 'column'"),
    ],
)
def test_arguments_that_great_expectations_refuses(
    tmp_path: Path, kwargs: str, key: str, found: str
) -> None:
    type_ = "expect_column_values_to_be_between"
    rule = f"{{type: {type_}, kwargs: {kwargs}}}"
    quality = f"- {{type: custom, engine: greatExpectations, implementation: {rule}}}"
    (fault,) = faults(tmp_path, quality)
    assert (fault.line, fault.found) == (15, found)
    assert fault.key == f"schema[0].quality[0].implementation{key}"


@pytest.mark.parametrize(
    "rule",
    [
        "{type: expect_column_values_to_be_between, kwargs: {column: seats, min_value: '5'}}",
        "{type: ExpectColumnValuesToBeBetween, kwargs: {column: seats, minValue: 2020-01-01}}",
        "{type: expect_table_row_count_to_be_between, kwargs: {max_value: 3}}",
        "{type: expect_column_values_to_match_regex, kwargs: {column: seats, regex: 3}}",
        "{type: expect_column_values_to_be_in_set, kwargs: {column: seats, value_set: [1, 2]}}",
        "{type: expect_column_values_to_not_be_null, kwargs: {column: seats, mostly: 0.5}}",
    ],
)
def test_arguments_that_great_expectations_takes(tmp_path: Path, rule: str) -> None:
    quality = f"- {{type: custom, engine: greatExpectations, implementation: {rule}}}"
    assert faults(tmp_path, quality) == []


def test_a_query_reads_inputs_as_far_as_their_columns_are_known(tmp_path: Path) -> None:
    more = {
        **aircraft_files(),
        "domains/fleet/planes/defs.yaml": manifest(
            "inputs: {aircraft: 'mesh://fleet/aircraft', files: 'files://planes'}"
        ),
    }
    query = "SELECT count(*) FROM {object} WHERE id IN (SELECT %s FROM %s)"
    assert faults(tmp_path, sql(query % ("seats", "aircraft")), more=more) == []
    assert faults(tmp_path, sql(query % ("anything", "files")), more=more) == []
    (fault,) = faults(tmp_path, sql(query % ("tail_nmber", "aircraft")), more=more)
    assert fault.fix == "write 'tail_number' instead of 'tail_nmber'"


def test_expectations_are_read_against_the_contract_upstream(tmp_path: Path) -> None:
    text = """
        inputs:
          aircraft:
            from: mesh://fleet/aircraft
            expect:
              quality:
                - {type: sql, query: "SELECT count(*) FROM {object} WHERE seatz < 1", mustBe: 0}
                - {type: custom, engine: dbt, implementation: unique_x}
                - {type: custom, engine: greatExpectations, implementation: {type: x}}
          files:
            from: files://planes
            expect:
              quality:
                - {type: sql, query: "SELECT count(*) FROM {object} WHERE anything < 1", mustBe: 0}
                - {type: sql, query: "SELECT (", mustBe: 0}
        """
    more = {**aircraft_files(), "domains/fleet/planes/defs.yaml": manifest(text)}
    found = faults(tmp_path, "[]", more=more)
    assert {fault.file for fault in found} == {"domains/fleet/planes/defs.yaml"}
    assert [(fault.line, fault.found.split(" (")[0]) for fault in found] == [
        (12, "unknown column 'seatz'"),
        (13, "a dbt test in an expectation, which has none"),
        (14, "a rule for greatExpectations in an expectation"),
        (20, "Parser Error: syntax error at end of input"),
    ]


def test_engines_that_there_are_not(tmp_path: Path) -> None:
    quality = """
        - {type: custom, engine: soda, implementation: 'checks: []'}
        - {type: custom, engine: great-expectation, implementation: {type: x}}
        - {type: custom, engine: dbt, implementation: a_test}
    """
    soda, great, dbt = faults(tmp_path, quality)
    assert (soda.line, great.line, dbt.line) == (15, 16, 17)
    assert (soda.key, dbt.key) == ("schema[0].quality[0].engine", "schema[0].quality[2].engine")
    assert soda.found.startswith("the engine 'soda' cannot be run here")
    assert soda.allowed == "dbt, greatExpectations"
    assert great.fix == "write 'engine: greatExpectations'"
    assert dbt.found == "a dbt test in a product made by sql, which has none"
    assert "type: sql" in dbt.fix


def test_a_rule_of_low_severity_that_cannot_run_is_a_warning(tmp_path: Path) -> None:
    quality = "- {type: custom, engine: soda, implementation: x, severity: warning}"
    assert faults(tmp_path, quality) == []
    (warning,) = check_mesh(tmp_path).warnings["mesh://fleet/planes"]
    assert warning.found.startswith("the engine 'soda' cannot be run here")


def test_expectations_of_great_expectations_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "great_expectations", None)  # importing it fails
    quality = """
        - type: custom
          engine: greatExpectations
          implementation: {type: expect_column_values_to_be_beetween, kwargs: {column: seatz}}
        - type: custom
          engine: greatExpectations
          implementation: {kwargs: {}}
        - type: custom
          engine: greatExpectations
          implementation: {type: expectColumnMaxToBeBetween, kwargs: {column: seats, minValue: 1}}
    """
    column, kind, none = faults(tmp_path, quality)
    assert kind.fix == "write 'expect_column_values_to_be_between'"
    assert column.fix == "write 'seats' instead of 'seatz'"
    assert "needs one 'type'" in none.found


MODELS = """
    models:
      - name: planes
        columns:
          - {name: id, data_tests: [unique, {not_null: {name: id_is_there}}]}
    unit_tests: [{name: sums, model: planes, given: [], expect: {rows: []}}]
"""


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("no_gap", None),
        ("id_is_there", None),
        ("sums", None),
        ("unique_planes_id", None),
        ("{test: no_gap}", None),
        # dbt gives a test that has a name no other.
        ("not_null_planes_id", "no dbt test 'not_null_planes_id' in dbt_projects/fleet"),
        ("no_gaps", "no dbt test 'no_gaps' in dbt_projects/fleet"),
        ("{tset: no_gap}", "an implementation that names no test"),
    ],
)
def test_dbt_tests_that_the_project_does_not_have(
    tmp_path: Path, name: str, found: str | None
) -> None:
    more = {
        "domains/fleet/planes/defs.yaml": manifest("transform: {dbt: fleet}"),
        "dbt_projects/fleet/dbt_project.yml": "{name: fleet, version: '1', profile: x}",
        "dbt_projects/fleet/models/planes.sql": "SELECT 1 AS id",
        "dbt_projects/fleet/models/models.yml": MODELS,
        "dbt_projects/fleet/tests/no_gap.sql": "SELECT 1",
    }
    rule = f"- {{type: custom, engine: dbt, implementation: {name}}}"
    assert [fault.found for fault in faults(tmp_path, rule, more=more)] == (
        [] if found is None else [found]
    )
    # What a package brings cannot be told from the project's own files.
    more["dbt_projects/fleet/packages.yml"] = "packages: []"
    assert all("names no test" in f.found for f in faults(tmp_path, rule, more=more))


def test_rules_of_a_broken_product_are_checked_too(tmp_path: Path) -> None:
    broken = {"domains/fleet/planes/defs.yaml": manifest().replace("owner", "onwer")}
    found = faults(tmp_path, sql("SELECT count(*) FROM {object} WHERE seets > 1"), more=broken)
    assert {fault.found for fault in found} == {
        "nothing",
        "unknown key 'onwer'",
        "unknown column 'seets'",
    }


def test_status_shows_what_check_finds(tmp_path: Path) -> None:
    text = contract("planes", PROPERTIES, quality=sql("SELECT count(*) FROM {objekt}"))
    root = write_mesh(tmp_path, {**PLANES, CONTRACT: text})
    write(root, {"domains/fleet/planes/planes.sql": "SELECT 1 AS id FROM nowhere"})
    checked = json.loads(mesh(root, "check", "--json").stdout)["faults"]
    assert len(checked) == 2
    (product,) = json.loads(mesh(root, "status", "--json").stdout)["products"]
    assert (product["state"], product["faults"]) == ("broken", checked)
    details = mesh(root, "status", "mesh://fleet/planes")
    assert all(fault["found"] in details.stdout for fault in checked)
