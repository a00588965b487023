"""The policy ``RetentionKept``: no row older than promised, and promises that are short enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from drift_meshes import publish, said, versions

from mesh_defs.product.report import RunReport

NAME = "RetentionKept"
POLICY = "- RetentionKept"
AT = "- {name: seen, logicalType: timestamp}"
PROMISE = """
  - property: retention
    value: 30
    unit: d
    element: things.seen
    customProperties: [{property: severity, value: warning}]
"""
TODAY = "(now() at time zone 'UTC')"


def rows(*ages: str) -> str:
    """One row per age, an SQL interval."""
    values = ", ".join(f"({at}, {TODAY} - interval '{age}')" for at, age in enumerate(ages))
    return f"select * from (values {values}) t(id, seen)"


def applied(report: RunReport) -> bool:
    return any(verdict.rule == NAME for verdict in report.verdicts)


def test_rows_within_the_promise(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, AT, sla=PROMISE)
    report = publish(tmp_path, rows("1 day", "719 hours", "-5 days"))
    assert (report.outcome, said(report, NAME).outcome) == ("published", "passed")


def test_rows_beyond_it_whatever_the_contract_makes_of_them(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, AT, sla=PROMISE)
    report = publish(tmp_path, rows("1 day", "721 hours", "900 days"))
    found = said(report, NAME)
    assert report.outcome == "failed"
    assert found.observed == "2 rows are older by seen than the promised 30 days"
    assert (found.failing_rows, found.rows, found.column) == (2, 3, "seen")


def test_times_that_nobody_knows_are_not_too_old(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, AT, sla=PROMISE)
    empty = "select i as id, null::timestamp as seen from range(3) t(i)"
    assert publish(tmp_path, empty).outcome == "published"
    assert publish(tmp_path, "select * from (" + rows("1 day") + ") limit 0").outcome == "published"


def test_an_infinite_time_has_no_age(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, AT, sla=PROMISE)
    report = publish(tmp_path, "select 1 as id, '-infinity'::timestamp as seen")
    assert (report.outcome, said(report, NAME).outcome) == ("failed", "error")


def test_rows_grow_old_in_a_port_that_only_grows(tmp_path: Path) -> None:
    output = "{mode: append, cursor: id}"
    versions(tmp_path, POLICY, AT, sla=PROMISE, output=output)
    publish(tmp_path, rows("10 days", "9 days"))
    shorter = PROMISE.replace("value: 30", "value: 5")
    versions(tmp_path, POLICY, AT, sla=shorter, output=output)
    report = publish(tmp_path, rows("10 days", "9 days", "1 day"))
    assert said(report, NAME).observed == "2 rows are older by seen than the promised 5 days"
    assert publish(tmp_path, rows("10 days", "9 days")).outcome == "failed"
    assert publish(tmp_path, rows("1 day"), rebuild=True).outcome == "published"


@pytest.mark.parametrize(("days", "outcome"), [(29, "failed"), (30, "published")])
def test_the_promise_is_within_what_the_mesh_asks(tmp_path: Path, days: int, outcome: str) -> None:
    asked = f"- {{policy: RetentionKept, with: {{at_most_days: {days}}}}}"
    versions(tmp_path, asked, AT, sla=PROMISE)
    assert publish(tmp_path, rows("1 day")).outcome == outcome


def test_a_promise_that_names_no_column_can_be_kept_by_nobody(tmp_path: Path) -> None:
    promise = "  - {property: retention, value: 30, unit: d}\n"
    versions(tmp_path, POLICY, AT, sla=promise)
    assert not applied(publish(tmp_path, rows("900 days")))
    versions(tmp_path, "- {policy: RetentionKept, with: {at_most_days: 30}}", AT, sla=promise)
    found = said(publish(tmp_path, rows("900 days")), NAME)
    assert found.observed.startswith("the promised retention names no column")


@pytest.mark.parametrize(
    ("column", "asked"),
    [
        ("{name: seen, logicalType: timestamp}", True),
        ("{name: seen, physicalType: TIMESTAMP}", True),
        ("{name: seen, logicalType: integer}", False),
    ],
)
def test_a_promise_is_asked_of_rows_that_have_a_time(
    tmp_path: Path, column: str, asked: bool
) -> None:
    versions(tmp_path, "- {policy: RetentionKept, with: {at_most_days: 30}}", f"- {column}")
    query = rows("1 day") if asked else "select 1 as id, 2 as seen"
    report = publish(tmp_path, query)
    assert (report.outcome, applied(report)) == (
        ("failed", True) if asked else ("published", False)
    )
