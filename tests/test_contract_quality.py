"""Quality rules: metrics, SQL, engines and texts, each checked for sense when it is read."""

import pytest
from contract_documents import only_fault, port, rules

from mesh_defs.contract.describe import expected
from mesh_defs.contract.model import TextRule
from mesh_defs.contract.rules import Custom, Metric, Query, Threshold, Unrunnable


def on_column(rule: str, logical: str = "string") -> str:
    return f"- name: a\n  logicalType: {logical}\n  primaryKey: true\n  quality:\n    - {rule}\n"


def on_object(rule: str) -> str:
    return f"quality:\n  - {rule}\n"


COLUMN = "- {name: a, primaryKey: true}\n"


@pytest.mark.parametrize(
    ("written", "threshold"),
    [
        ("mustBe: 0", Threshold(must_be=0)),
        ("mustNotBe: 7", Threshold(must_not_be=7)),
        ("mustBeGreaterThan: 1", Threshold(greater_than=1)),
        ("mustBeGreaterOrEqualTo: 1", Threshold(greater_or_equal=1)),
        ("mustBeLessThan: 1.5", Threshold(less_than=1.5)),
        ("mustBeLessOrEqualTo: 1", Threshold(less_or_equal=1)),
        ("mustBeBetween: [1, 2]", Threshold(between=(1, 2))),
        ("mustNotBeBetween: [1, 2]", Threshold(not_between=(1, 2))),
        (
            "mustBeGreaterThan: 1, mustBeLessThan: 5",
            Threshold(greater_than=1, less_than=5),
        ),
    ],
)
@pytest.mark.parametrize("unit", ["rows", "percent"])
def test_every_operator_and_unit(tmp_path, written, threshold, unit):
    rule = rules(tmp_path, on_column(f"{{metric: nullValues, {written}, unit: {unit}}}"))[
        "a.nullValues"
    ]
    assert isinstance(rule, Metric)
    assert (rule.threshold, rule.unit, rule.column) == (threshold, unit, "a")
    assert unit in expected(rule)


@pytest.mark.parametrize(
    ("rule", "metric", "arguments", "dimension"),
    [
        ("metric: nullValues, mustBe: 0", "nullValues", {}, "completeness"),
        (
            "metric: missingValues, mustBe: 0, arguments: {missingValues: [null, '', 'N/A']}",
            "missingValues",
            {"missingValues": [None, "", "N/A"]},
            "completeness",
        ),
        (
            "metric: invalidValues, mustBe: 0, arguments: {validValues: [x], pattern: '^x'}",
            "invalidValues",
            {"validValues": ["x"], "pattern": "^x"},
            "conformity",
        ),
        ("metric: duplicateValues, mustBe: 0", "duplicateValues", {}, "uniqueness"),
        ("metric: nullValues, mustBe: 0, dimension: cv", "nullValues", {}, "coverage"),
    ],
)
def test_metrics_of_a_property(tmp_path, rule, metric, arguments, dimension):
    found = rules(tmp_path, on_column(f"{{{rule}}}"))[f"a.{metric}"]
    assert isinstance(found, Metric)
    assert (found.metric, found.arguments, found.dimension) == (metric, arguments, dimension)


def test_metrics_of_an_object(tmp_path):
    found = rules(
        tmp_path,
        COLUMN + "- {name: b}\n",
        below="quality:\n"
        "  - {metric: rowCount, mustBeGreaterThan: 5}\n"
        "  - {metric: duplicateValues, mustBe: 0, arguments: {properties: [a, b]}}\n",
    )
    assert found["rowCount"].column is None
    assert expected(found["rowCount"]) == "more than 5 rows"
    assert found["duplicateValues.a_b"].arguments == {"properties": ["a", "b"]}


@pytest.mark.parametrize(
    ("written", "metric", "threshold", "unit"),
    [
        (
            "rule: duplicateCount, mustBeLessThan: 10",
            "duplicateValues",
            Threshold(less_than=10),
            "rows",
        ),
        (
            "rule: duplicateCount, mustBeLessThan: 1, unit: percent",
            "duplicateValues",
            Threshold(less_than=1),
            "percent",
        ),
        ("rule: unique", "duplicateValues", Threshold(must_be=0), "rows"),
        ("rule: validValues, validValues: [pounds]", "invalidValues", Threshold(must_be=0), "rows"),
        (
            "rule: validValues, arguments: {validValues: [pounds]}, mustBeLessThan: 3",
            "invalidValues",
            Threshold(less_than=3),
            "rows",
        ),
        ("rule: nullCheck", "nullValues", Threshold(must_be=0), "rows"),
    ],
)
def test_deprecated_rules_of_3_0(tmp_path, written, metric, threshold, unit):
    found = rules(tmp_path, on_column(f"{{{written}}}"), version="v3.0.2")[f"a.{metric}"]
    assert isinstance(found, Metric)
    assert (found.metric, found.threshold, found.unit) == (metric, threshold, unit)
    if metric == "invalidValues":
        assert found.arguments == {"validValues": ["pounds"]}


def test_the_deprecated_row_count(tmp_path):
    found = rules(
        tmp_path,
        COLUMN,
        below=on_object("{rule: rowCount, mustBeBetween: [100, 120], name: Row count range}"),
        version="v3.0.2",
    )["Row_count_range"]
    assert isinstance(found, Metric)
    assert found.threshold == Threshold(between=(100, 120))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM {object} WHERE {property} > 1",
        "SELECT count(*) FROM ${object} WHERE ${property} > 1",
        "SELECT count(*) FROM ${table} WHERE ${column} > 1",
        "SELECT count(*) FROM {table} WHERE { column } > 1",
    ],
)
def test_placeholders_of_sql_are_read_in_every_spelling(tmp_path, query):
    found = rules(tmp_path, on_column(f'{{type: sql, query: "{query}", mustBe: 0}}'))["a.sql"]
    assert isinstance(found, Query)
    assert found.query == "SELECT count(*) FROM {object} WHERE {property} > 1"


def test_other_braces_in_sql_are_left_alone(tmp_path):
    query = "SELECT count(*) FROM {object} WHERE s = {'k': 1}"
    found = rules(
        tmp_path, COLUMN, below=on_object(f'{{type: sql, query: "{query}", mustBe: true}}')
    )["sql"]
    assert isinstance(found, Query)
    assert (found.query, found.threshold) == (query, Threshold(must_be=True))


@pytest.mark.parametrize(
    ("engine", "known"),
    [
        ("greatExpectations", "greatExpectations"),
        ("great-expectations", "greatExpectations"),
        ("dbt", "dbt"),
    ],
)
def test_engines_that_are_run(tmp_path, engine, known):
    rule = f"{{type: custom, engine: {engine}, implementation: {{type: t, kwargs: {{x: 1}}}}}}"
    found = rules(tmp_path, on_column(rule))[f"a.{known}"]
    assert isinstance(found, Custom)
    assert (found.engine, found.column) == (known, "a")
    assert found.implementation == {"type": "t", "kwargs": {"x": 1}}


def test_another_engine_is_unrunnable_with_the_reason(tmp_path):
    rule = "{type: custom, engine: soda, implementation: 'x: 1', severity: warning}"
    found = rules(tmp_path, on_column(rule))["a.soda"]
    assert isinstance(found, Unrunnable)
    assert found.severity == "warning"
    assert found.reason == "the engine 'soda' cannot be run here; dbt and greatExpectations can"


def test_texts_are_shown_and_are_no_rules(tmp_path):
    found = port(
        tmp_path,
        on_column("{type: text, description: Looks right}"),
        below=on_object("{type: text, name: Trust us}"),
    )
    assert found.texts == (TextRule("a", "Looks right"), TextRule(None, "Trust us"))
    assert [rule.id for rule in found.rules] == ["a.type", "no_other_columns", "primary_key"]


@pytest.mark.parametrize(
    ("word", "severity"), [("error", "error"), ("warning", "warning"), ("info", "warning")]
)
def test_severities(tmp_path, word, severity):
    rule = f"{{metric: nullValues, mustBe: 0, severity: {word}}}"
    assert rules(tmp_path, on_column(rule))["a.nullValues"].severity == severity


@pytest.mark.parametrize(
    ("rule", "key", "allowed"),
    [
        ("metric: nullValues", "", "mustBe, mustNotBe"),
        ("metric: nullValue, mustBe: 0", ".metric", "nullValues, missingValues"),
        ("rule: between, mustBe: 0", ".rule", "duplicateCount"),
        ("mustBe: 0", "", "metric: nullValues"),
        ("type: sqll, query: x, mustBe: 0", ".type", "library, sql, custom, text"),
        ("query: SELECT 1, mustBe: 0", ".query", "metric, rule"),
        ("type: sql, metric: nullValues, query: SELECT 1, mustBe: 0", ".metric", "query"),
        ("type: sql, mustBe: 0", "", "a query"),
        ("type: sql, query: SELECT 1", "", "mustBe"),
        ("type: sql, query: SELECT 1, mustBe: x", ".mustBe", "a finite number, true or false"),
        ("type: custom, engine: dbt", "", "'engine'"),
        ("type: custom, implementation: x", "", "'engine'"),
        ("type: custom, engine: dbt, implementation: x, mustBe: 0", ".mustBe", "engine"),
        ("type: text", "", "'description'"),
        ("metric: nullValues, mustBe: 0, unit: cells", ".unit", "rows, percent"),
        ("metric: nullValues, mustBe: 0, severity: fatal", ".severity", "error, warning, info"),
        ("metric: nullValues, mustBe: 0, dimension: beauty", ".dimension", "accuracy"),
        ("metric: nullValues, mustBe: none", ".mustBe", "a finite number"),
        ("metric: nullValues, mustBe: true", ".mustBe", "a finite number"),
        ("metric: nullValues, mustBeLessThan: .inf", ".mustBeLessThan", "a finite number"),
        ("metric: nullValues, mustBeBetween: [5, 1]", ".mustBeBetween", "the smaller one first"),
        ("metric: nullValues, mustBeBetween: [5]", ".mustBeBetween", "a list of 2 values"),
        ("metric: nullValues, mustBe: 3, mustNotBe: 3", "", "can meet together"),
        ("metric: nullValues, mustBeGreaterThan: 5, mustBeLessThan: 5", "", "can meet together"),
        ("metric: nullValues, mustBeLessThan: 0", "", "of at least 0"),
        ("metric: nullValues, mustBeGreaterThan: 100, unit: percent", "", "from 0 to 100"),
        ("metric: nullValues, mustBe: 0, arguments: {x: 1}", ".arguments.x", "no arguments"),
        ("metric: rowCount, mustBe: 0", ".metric", "nullValues"),
        ("metric: invalidValues, mustBe: 0", ".arguments", "validValues (a list), pattern"),
        (
            "metric: invalidValues, mustBe: 0, arguments: {validValue: [x], pattern: x}",
            ".arguments.validValue",
            "validValues, pattern",
        ),
        (
            "metric: invalidValues, mustBe: 0, arguments: {validValues: []}",
            ".arguments.validValues",
            "at least one value",
        ),
        (
            "metric: invalidValues, mustBe: 0, arguments: {validValues: [1]}",
            ".arguments.validValues",
            "text (in quotes)",
        ),
        (
            "metric: invalidValues, mustBe: 0, arguments: {pattern: '['}",
            ".arguments.pattern",
            "a regular expression",
        ),
        ("metric: missingValues, mustBe: 0", ".arguments.missingValues", "a list"),
        ("id: 'no nulls', metric: nullValues, mustBe: 0", ".id", "letters, digits"),
    ],
)
def test_malformed_rules_of_a_property_are_faults(tmp_path, rule, key, allowed):
    fault = only_fault(tmp_path, on_column(f"{{{rule}}}"))
    assert fault.key == f"schema[0].properties[0].quality[0]{key}"
    assert allowed in fault.allowed
    assert fault.line == 14


@pytest.mark.parametrize(
    ("rule", "key", "allowed"),
    [
        ("metric: nullValues, mustBe: 0", ".metric", "rowCount, duplicateValues"),
        ("metric: rowCount, mustBe: 5, unit: percent", ".unit", "rows"),
        ("metric: duplicateValues, mustBe: 0", ".arguments.properties", "a list of property names"),
        (
            "metric: duplicateValues, mustBe: 0, arguments: {properties: [z]}",
            ".arguments.properties",
            "a",
        ),
        ('type: sql, query: "SELECT {property}", mustBe: 0', ".query", "{object}"),
    ],
)
def test_malformed_rules_of_an_object_are_faults(tmp_path, rule, key, allowed):
    fault = only_fault(tmp_path, COLUMN, below=on_object(f"{{{rule}}}"))
    assert fault.key == f"schema[0].quality[0]{key}"
    assert allowed in fault.allowed


def test_the_same_id_twice_in_one_list_is_a_fault(tmp_path):
    rule = "{id: x, metric: nullValues, mustBe: 0}"
    fault = only_fault(tmp_path, on_column(rule) + f"    - {rule}\n")
    assert "twice" in fault.found


def test_a_pattern_that_cannot_run_is_unrunnable(tmp_path):
    rule = "{metric: invalidValues, mustBe: 0, arguments: {pattern: '(?=x)'}}"
    found = rules(tmp_path, on_column(rule))["a.invalidValues"]
    assert isinstance(found, Unrunnable)
    assert "(?=x)" in found.reason


def test_when_a_rule_is_scheduled_is_kept_and_not_ours(tmp_path):
    rule = "{metric: nullValues, mustBe: 0, scheduler: cron, schedule: 0 20 * * *, method: m}"
    assert isinstance(rules(tmp_path, on_column(rule))["a.nullValues"], Metric)
