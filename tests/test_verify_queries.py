"""SQL rules: one SELECT, one number or boolean, and nothing else."""

from __future__ import annotations

import duckdb
import pytest
from verification import NOW, contract, verdicts, written

from mesh_defs.contract.data import Rows, Staged, Surroundings
from mesh_defs.contract.rules import Query, Threshold
from mesh_defs.contract.verify import verify

K = {"dimension": "accuracy"}


def run(folder, query, threshold=None, column=None):
    rows = written(folder, "SELECT i AS n, i / 10 AS tenth FROM range(10) t(i)")
    rule = Query(
        id="q", query=query, threshold=threshold or Threshold(must_be=10), column=column, **K
    )
    return verdicts(folder, rows, rule)["q"]


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("SELECT count(*) FROM {object}", None),
        ("SELECT count(*) FROM {object};", None),
        ("SELECT count(*) FROM {object} -- all of them;", None),
        ("SELECT count(*) FROM {object} -- a comment\n;", None),
        ("FROM {object} SELECT count({property})", "n"),
        ("SELECT count({object}.{property}) FROM {object}", "n"),
        ("WITH x AS (SELECT * FROM {object}) SELECT count(*) FROM x a, x b WHERE a.n = b.n", None),
        ("SELECT count(*) FROM flights", None),
        ("SELECT 10.0", None),
        ("SELECT 10::HUGEINT", None),
    ],
)
def test_a_query_that_holds(tmp_path, query, column):
    found = run(tmp_path, query, column=column)
    assert (found.outcome, found.decided_by) == ("passed", "query"), found


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT NULL", "yields NULL"),
        ("SELECT n FROM {object}", "more than one row"),
        ("SELECT n FROM {object} WHERE n < 0", "0 rows"),
        ("SELECT 1, 2", "2 columns"),
        ("SELECT 'ten'", "type str"),
        ("SELECT DATE '2023-01-01'", "type date"),
        ("SELECT 'NaN'::DOUBLE", "NaN is not a number"),
        ("SELECT true", "true and false compare only with"),
        ("SELECT 1; SELECT 2", "one single SELECT"),
        ("", "one single SELECT"),
        ("DROP TABLE x", "one single SELECT"),
        ("CREATE TABLE x AS SELECT 1", "one single SELECT"),
        ("COPY (SELECT 1) TO '/tmp/never.csv'", "one single SELECT"),
        ("SET threads = 1", "one single SELECT"),
        ("SELECT 1) UNION (SELECT 2", "syntax error"),
        ("SELECT count(*) FROM {object} WHERE {property} > 1", "belongs to no column"),
        ("SELECT count(*) FROM nowhere", "nowhere does not exist"),
        ("SELECT count(*) FROM read_text('/etc/hostname')", "disabled by configuration"),
        ("SELECT sum(CAST('x' || n AS INTEGER)) FROM {object}", "Could not convert"),
        ("SELECT n / ? FROM {object}", "parameter"),
    ],
)
def test_a_query_that_cannot_run(tmp_path, query, reason):
    found = run(tmp_path, query)
    assert found.outcome == "error", found
    assert reason.lower() in (found.reason or "").lower(), found.reason


@pytest.mark.parametrize(
    ("threshold", "met"),
    [
        (Threshold(must_be=0.1), True),
        (Threshold(must_be=0.2), False),
        (Threshold(must_not_be=0.1), False),
        (Threshold(greater_than=0.1), False),
        (Threshold(greater_or_equal=0.1), True),
        (Threshold(less_than=0.1), False),
        (Threshold(less_or_equal=0.1), True),
        (Threshold(between=(0.1, 0.2)), True),
        (Threshold(between=(0, 0.1)), True),
        (Threshold(between=(0.11, 0.2)), False),
        (Threshold(not_between=(0.1, 0.2)), False),
        (Threshold(not_between=(0.2, 0.3)), True),
        (Threshold(greater_than=0, less_than=0.1), False),
    ],
)
def test_operators(tmp_path, threshold, met):
    found = run(tmp_path, "SELECT tenth FROM {object} WHERE n = 1", threshold)
    assert found.outcome == ("passed" if met else "failed")


@pytest.mark.parametrize(
    ("query", "threshold", "outcome"),
    [
        ("SELECT count(*) > 5 FROM {object}", Threshold(must_be=True), "passed"),
        ("SELECT count(*) > 50 FROM {object}", Threshold(must_be=True), "failed"),
        ("SELECT count(*) > 5 FROM {object}", Threshold(must_not_be=True), "failed"),
        ("SELECT count(*) FROM {object}", Threshold(must_be=True), "error"),
        ("SELECT true", Threshold(must_be=True, less_than=3), "error"),
        ("SELECT 'inf'::DOUBLE", Threshold(greater_than=3), "passed"),
    ],
)
def test_booleans_and_infinity(tmp_path, query, threshold, outcome):
    assert run(tmp_path, query, threshold).outcome == outcome


def test_the_view_does_not_hide_a_relation_of_the_caller():
    connection = duckdb.connect()
    connection.execute("CREATE TEMP VIEW flights AS SELECT * FROM range(3) t(n)")
    rule = Query(id="q", query="SELECT count(*) FROM {object}", threshold=Threshold(must_be=3), **K)
    (found,) = verify(
        connection, contract(rule), Staged.only(Rows("flights")), Surroundings(now=NOW)
    )
    assert found.outcome == "passed", found
    assert connection.execute("SELECT count(*) FROM flights").fetchall() == [(3,)]
