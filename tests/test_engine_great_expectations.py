"""Custom rules are really run by Great Expectations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from verification import contract, locked, verdicts, written

from mesh_defs.contract.data import Rows
from mesh_defs.contract.engines.great_expectations import (
    Expectation,
    GreatExpectations,
    read_expectation,
)
from mesh_defs.contract.rules import Custom, NotNull

K = {"dimension": "accuracy"}
ROWS = (
    "SELECT i AS id, CASE WHEN i <> 2 THEN 'c' || (i % 3) END AS kind, i * 1.5 AS amount,"
    " 'p' || i || '@example.org' AS email FROM range(6) t(i)"
)


def rule(implementation, name="r", column=None, **more):
    return Custom(
        id=name,
        engine="greatExpectations",
        implementation=implementation,
        column=column,
        **K,
        **more,
    )


def run(folder, *rules, personal=()):
    rows = written(folder, ROWS)
    engine = GreatExpectations(contract(personal=personal, key=("amount", "kind")))
    return verdicts(
        folder,
        rows,
        *rules,
        key=("amount", "kind"),
        personal=personal,
        engines={"greatExpectations": engine},
    )


def test_expectations_in_the_spellings_of_the_standard(tmp_path):
    found = run(
        tmp_path,
        rule(
            "type: expect_table_row_count_to_be_between\nkwargs:\n  minValue: 1\n  maxValue: 6\n",
            "yaml",
        ),
        rule(
            json.dumps({"expectation_type": "expect_column_values_to_be_unique",
                        "kwargs": {"column": "id"}}),
            "json",
        ),
        rule({"expectation": "expect_column_values_to_not_be_null"}, "own column", "id"),
        rule({"type": "ExpectColumnMaxToBeBetween", "column": "id", "max_value": 5}, "class"),
        rule({"type": "expect_column_pair_values_a_to_be_greater_than_b",
              "kwargs": {"column_A": "amount", "column_B": "id", "or_equal": True}}, "pair"),
        rule({"type": "expect_table_columns_to_match_ordered_list",
              "kwargs": {"column_list": ["id", "kind", "amount", "email"]}}, "columns"),
        NotNull(id="ours", column="id", **K),
    )  # fmt: skip
    assert {v.outcome for v in found.values()} == {"passed"}, found
    assert found["yaml"].expected == (
        "expect_table_row_count_to_be_between (min_value 1, max_value 6)"
    )
    assert (found["yaml"].decided_by, found["yaml"].observed) == ("greatExpectations", "observed 6")


def test_a_failed_expectation_brings_its_rows(tmp_path):
    found = run(
        tmp_path,
        rule({"type": "expect_column_values_to_be_between",
              "kwargs": {"column": "amount", "max_value": 5}}, "between"),
        rule({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "kind"}}, "null"),
        rule({"type": "expect_column_values_to_match_regex",
              "kwargs": {"column": "email", "regex": "^q"}}, "regex", severity="warning"),
        rule({"type": "expect_column_max_to_be_between",
              "kwargs": {"column": "amount", "max_value": 1}}, "max"),
        personal=("email",),
    )  # fmt: skip
    assert [v.outcome for v in found.values()] == ["failed", "failed", "warned", "failed"]
    assert (found["between"].failing_rows, found["between"].rows) == (2, 6)
    assert [row["amount"] for row in found["between"].samples] == [6.0, 7.5]
    assert found["null"].samples[0]["kind"] is None
    assert found["max"].observed == "observed 7.5"
    assert found["regex"].failing_rows == 6
    text = json.dumps([v.as_dict() for v in found.values()], allow_nan=False)
    assert "@example.org" not in text


def test_columns_that_the_contract_does_not_name_are_masked_beside_personal_ones(tmp_path):
    rows = written(tmp_path, ROWS)
    rules = [
        rule({"type": "expect_column_values_to_be_between",
              "kwargs": {"column": "amount", "max_value": 5}}),
        rule({"type": "expect_column_max_to_be_between",
              "kwargs": {"column": "amount", "max_value": 1}}),
        rule({"type": "expect_column_values_to_be_between",
              "kwargs": {"column": "kind", "max_value": 5}}),
        rule({"type": "expect_column_values_to_match_regex",
              "kwargs": {"column": "email", "regex": "^q"}}),
    ]  # fmt: skip
    personal = contract(personal=("email",), key=("id",))
    between, largest, unfit, regex = GreatExpectations(personal).run(rules, rows, locked(tmp_path))
    assert between.samples
    for result in (between, regex):
        assert {row["amount"] for row in result.samples} == {"***"}
        assert {row["email"] for row in result.samples} == {"***"}
    assert largest.observed == "observed ***"
    assert unfit.success is None
    assert "may quote personal values" in unfit.reason
    open_contract = contract(key=("id",))
    shown = GreatExpectations(open_contract).run(rules, rows, locked(tmp_path))
    assert [row["amount"] for row in shown[0].samples] == [6.0, 7.5]
    assert shown[1].observed == "observed 7.5"


@pytest.mark.parametrize(
    ("implementation", "reason"),
    [
        ({"type": "expect_nonsense", "kwargs": {}}, "expect_nonsense not found"),
        ({"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "zz"}}, '"zz"'),
        ({"type": "expect_column_values_to_be_between", "kwargs": {"column": "id", "most": 3}},
         "most"),
        ({"type": "expect_column_values_to_match_regex", "kwargs": {"column": "kind",
          "regex": "("}}, "Invalid regular expression"),
        ({"kwargs": {}}, "needs one 'type'"),
        ({"type": "x", "kwargs": {}, "colour": 1}, "'colour'"),
        ({"type": "x", "kwargs": []}, "mapping 'kwargs'"),
        ("- a list", "no mapping"),
        ("{", "neither YAML nor JSON"),
    ],
)  # fmt: skip
def test_an_expectation_that_cannot_run_is_an_error_and_the_others_run(
    tmp_path, implementation, reason
):
    fine = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}}
    found = run(tmp_path, rule(implementation, "broken"), rule(fine, "fine"))
    assert found["broken"].outcome == "error", found["broken"]
    assert reason in found["broken"].reason
    assert found["fine"].outcome == "passed"


def test_arguments_keep_their_capital_letters_where_they_have_them():
    found = read_expectation(rule({"type": "x", "kwargs": {"column_A": 1, "valueSet": [2]}}))
    assert found == Expectation("x", {"column_A": 1, "value_set": [2]})


def test_only_the_columns_that_are_named_are_read(tmp_path):
    rows = written(tmp_path, ROWS)
    connection = locked(tmp_path)
    queries = []

    class Watched:
        """The connection, remembering what is asked of it."""

        def execute(self, query):
            queries.append(query)
            return connection.execute(query)

    engine = GreatExpectations()
    given = rule({"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}})
    (result,) = engine.run([given], Rows(rows.sql), Watched())
    assert result.success
    assert queries[-1] == f'SELECT "id" FROM {rows.sql}'


def test_nothing_is_written_and_nothing_is_printed(tmp_path):
    """In a process of its own, whose home and working directory are empty."""
    home = tmp_path / "home"
    home.mkdir()
    program = (
        "import duckdb\n"
        "from mesh_defs.contract.data import Rows\n"
        "from mesh_defs.contract.engines.great_expectations import GreatExpectations\n"
        "from mesh_defs.contract.rules import Custom\n"
        "rule = Custom(id='r', dimension='accuracy', engine='greatExpectations',"
        " implementation={'type': 'expect_column_values_to_be_unique', 'column': 'a'})\n"
        "rows = Rows('(SELECT 1 AS a)')\n"
        "assert GreatExpectations().run([rule], rows, duckdb.connect())[0].success\n"
    )
    repository = str(Path(__file__).parent.parent)
    environment = {**os.environ, "HOME": str(home), "PYTHONPATH": repository}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    assert "Calculating Metrics" not in done.stderr
    assert list(home.rglob("*")) == []


def test_importing_verification_imports_no_engine():
    program = "import sys, mesh_defs.contract.verify; print('great_expectations' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
