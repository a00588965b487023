"""Spans and moments beyond Python's calendar get a verdict as all others do."""

from __future__ import annotations

import pytest
from verification import verdicts, written

from mesh_defs.contract.rules import Bounds, Freshness, Retention

K = {"dimension": "timeliness"}
YEARS_30000 = 30_000 * 31_557_600
ONE = "SELECT TIMESTAMP '2020-01-01' AS at, DATE '2020-01-01' AS day"
ANCIENT = "SELECT i AS n, TIMESTAMP '40000-01-01 (BC) 00:00:00' AS at FROM range(2) t(i)"


@pytest.mark.parametrize("kind", [Freshness, Retention])
@pytest.mark.parametrize("column", ["at", "day"])
def test_a_span_that_reaches_before_the_year_1_is_kept(tmp_path, kind, column):
    rule = kind(id="r", column=column, seconds=YEARS_30000, **K)
    found = verdicts(tmp_path, written(tmp_path, ONE), rule)["r"]
    assert (found.outcome, found.reason) == ("passed", None)


def test_rows_older_than_such_a_span_are_counted_and_shown(tmp_path):
    rule = Retention(id="r", column="at", seconds=YEARS_30000, **K)
    rows = written(tmp_path, f"{ANCIENT} UNION ALL SELECT 9, TIMESTAMP '2020-01-01'")
    found = verdicts(tmp_path, rows, rule)["r"]
    assert (found.outcome, found.failing_rows) == ("failed", 2)
    assert [row["n"] for row in found.samples] == [0, 1]


@pytest.mark.parametrize("column", ["at", "day"])
@pytest.mark.parametrize("bound", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_bound_that_has_no_moment_in_utc_says_so_and_other_rules_run(tmp_path, column, bound):
    found = verdicts(
        tmp_path,
        written(tmp_path, ONE),
        Bounds(id="beyond", column=column, maximum=bound, **K),
        Bounds(id="within", column=column, minimum="2020-01-01", **K),
    )
    assert found["beyond"].outcome == "error"
    assert f"'{bound}' lies before the year 1 or after 9999" in str(found["beyond"].reason)
    assert found["within"].outcome == "passed"
