"""Custom rules that a product's own dbt tests have decided."""

from __future__ import annotations

import pytest
from verification import verdicts, written

from mesh_defs.contract.engines.dbt import DbtTests, named_test
from mesh_defs.contract.rules import Custom

RESULTS = {
    "unique_airports_faa": ("pass", 0, None),
    "not_null_airports_name": ("fail", 3, "Got 3 results, configured to fail if != 0"),
    "airports_are_many": ("warn", 1, "Got 1 result,\n configured to warn if != 0"),
    "broken": ("error", None, "Runtime Error: no such column"),
    "later": ("skipped", None, None),
}


def rule(implementation, name="r", severity="error"):
    return Custom(
        id=name,
        dimension="accuracy",
        engine="dbt",
        implementation=implementation,
        severity=severity,
    )


def run(folder, *rules, results=RESULTS):
    rows = written(folder, "SELECT 1 AS a")
    return verdicts(folder, rows, *rules, engines={"dbt": DbtTests(results)})


@pytest.mark.parametrize(
    ("test", "severity", "outcome", "failing"),
    [
        ("unique_airports_faa", "error", "passed", 0),
        ("not_null_airports_name", "error", "failed", 3),
        ("not_null_airports_name", "warning", "warned", 3),
        ("airports_are_many", "error", "failed", 1),
        ("airports_are_many", "warning", "warned", 1),
        ("broken", "error", "error", None),
        ("later", "warning", "error", None),
    ],
)
def test_each_status(tmp_path, test, severity, outcome, failing):
    found = run(tmp_path, rule({"test": test}, severity=severity))["r"]
    assert (found.outcome, found.failing_rows) == (outcome, failing)
    assert found.expected == f"the dbt test {test} passes"
    assert found.decided_by == "dbt"


def test_what_dbt_said_is_told(tmp_path):
    found = run(tmp_path, rule("airports_are_many", "warned"), rule("broken", "broken"))
    assert found["warned"].observed == "warn: Got 1 result, configured to warn if != 0"
    assert found["broken"].reason == (
        "dbt did not decide the test broken; it says error: Runtime Error: no such column"
    )


def test_an_unknown_test_is_an_error_that_lists_the_known_ones(tmp_path):
    found = run(tmp_path, rule("unique_airport_faa"))["r"]
    assert found.outcome == "error"
    assert "known: airports_are_many, broken, later" in found.reason
    assert "did you mean 'unique_airports_faa'?" in found.reason
    none = run(tmp_path, rule("x"), results={})["r"]
    assert (none.outcome, none.reason) == (
        "error",
        "no dbt test 'x' ran; no dbt test ran at all",
    )


@pytest.mark.parametrize(
    ("implementation", "name"),
    [
        ("unique_a", "unique_a"),
        ("  unique_a\n", "unique_a"),
        ("test: unique_a", "unique_a"),
        ('{"name": "unique_a"}', "unique_a"),
        ({"test": "unique_a"}, "unique_a"),
        ({"name": "unique_a"}, "unique_a"),
        ({"model": "a"}, None),
        ("{", "{"),
    ],
)
def test_how_a_rule_names_its_test(implementation, name):
    assert named_test(implementation) == name


def test_a_rule_that_names_no_test_is_an_error(tmp_path):
    found = run(tmp_path, rule({"model": "a"}))["r"]
    assert found.outcome == "error"
    assert "names no test" in found.reason
