"""The policy ``FreshnessKept``: data as fresh as promised, and promises that are short enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from drift_meshes import publish, said, versions

from mesh_defs.product.report import RunReport

NAME = "FreshnessKept"
POLICY = "- FreshnessKept"
AT = "- {name: seen, logicalType: timestamp}"
PROMISE = """
  - property: latency
    value: 2
    unit: d
    element: things.seen
    customProperties: [{property: severity, value: warning}]
"""


def rows(age: str, count: int = 10) -> str:
    """Rows of which the newest is as old as the SQL interval ``age``."""
    at = f"(now() at time zone 'UTC') - interval '{age}' - to_days(i::int)"
    return f"select i as id, {at} as seen from range({count}) t(i)"


def applied(report: RunReport) -> bool:
    return any(verdict.rule == NAME for verdict in report.verdicts)


@pytest.mark.parametrize(
    ("age", "outcome"),
    [("47 hours", "published"), ("49 hours", "failed"), ("-55 minutes", "published")],
)
def test_the_newest_row_is_as_fresh_as_promised_whatever_the_contract_makes_of_it(
    tmp_path: Path, age: str, outcome: str
) -> None:
    versions(tmp_path, POLICY, AT, sla=PROMISE)
    report = publish(tmp_path, rows(age))
    assert report.outcome == outcome
    if outcome == "failed":
        found = said(report, NAME)
        assert found.observed == (
            "the data is older than promised: the newest seen is to be 2 days old at most"
        )
        assert found.column == "seen"


@pytest.mark.parametrize(
    "query",
    [rows("1 hour", 0), "select i as id, null::timestamp as seen from range(3) t(i)"],
    ids=["no rows", "no times"],
)
def test_nothing_is_not_fresh(tmp_path: Path, query: str) -> None:
    versions(tmp_path, POLICY, AT, sla=PROMISE)
    report = publish(tmp_path, query)
    assert report.outcome == "failed"
    assert said(report, NAME).observed.startswith("no row has a seen, so that nobody knows")


@pytest.mark.parametrize(
    ("kind", "ahead", "outcome"),
    [
        ("timestamp", "55 minutes", "published"),
        ("timestamp", "65 minutes", "failed"),
        ("date", "1 day", "published"),
        ("date", "2 days", "failed"),
    ],
)
def test_what_lies_in_the_future_is_not_fresh(
    tmp_path: Path, kind: str, ahead: str, outcome: str
) -> None:
    at = f"((now() at time zone 'UTC') + interval '{ahead}')::{kind}"
    query = (
        f"select i as id, case when i = 0 then {at} else '2020-01-01'::{kind} end as seen "
        "from range(10) t(i)"
    )
    versions(tmp_path, POLICY, AT.replace("timestamp", kind), sla=PROMISE)
    report = publish(tmp_path, query)
    assert report.outcome == outcome
    if outcome == "failed":
        found = said(report, NAME)
        assert found.observed == (
            "1 row lies in the future by seen, so that nobody knows how old the data is"
        )
        assert found.failing_rows == 1
        (rule,) = [v for v in report.verdicts if v.dimension == "timeliness" and v.rule != NAME]
        assert (rule.outcome, rule.failing_rows) == ("warned", 1)
        assert rule.observed.startswith("1 of 10 rows lie in the future; the newest seen is ")


def test_an_infinite_time_has_no_age(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, AT, sla=PROMISE)
    report = publish(tmp_path, "select 1 as id, 'infinity'::timestamp as seen")
    found = said(report, NAME)
    assert (report.outcome, found.outcome) == ("failed", "error")
    assert "infinite" in (found.reason or "")


def test_a_promise_about_publishing_is_kept_by_publishing(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, AT, sla="  - {property: latency, value: 1, unit: h}\n")
    assert said(publish(tmp_path, rows("400 days")), NAME).outcome == "passed"


def test_without_a_promise_there_is_nothing_to_keep(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, AT)
    assert not applied(publish(tmp_path, rows("400 days")))


@pytest.mark.parametrize(("days", "outcome"), [(1.9, "failed"), (2, "published")])
def test_the_promise_is_within_what_the_mesh_asks(
    tmp_path: Path, days: float, outcome: str
) -> None:
    asked = f"- {{policy: FreshnessKept, with: {{at_most_days: {days}}}}}"
    versions(tmp_path, asked, AT, sla=PROMISE)
    report = publish(tmp_path, rows("1 hour"))
    assert report.outcome == outcome
    if outcome == "failed":
        assert said(report, NAME).observed == (
            "it promises 2 days of freshness, where at most 1.9 days are allowed"
        )


def test_who_promises_nothing_where_a_promise_is_asked(tmp_path: Path) -> None:
    versions(tmp_path, "- {policy: FreshnessKept, with: {at_most_days: 1}}", AT)
    found = said(publish(tmp_path, rows("1 hour")), NAME)
    assert (found.outcome, found.fix) == (
        "failed",
        "promise a freshness of 1 days or less in slaProperties",
    )


def test_each_version_is_looked_at_one_without_a_change_too(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, AT, sla=PROMISE, output="{mode: append, cursor: id}")
    assert publish(tmp_path, rows("47 hours")).outcome == "published"
    again = publish(tmp_path, rows("47 hours"))
    assert (again.outcome, said(again, NAME).outcome) == ("unchanged", "passed")
    assert publish(tmp_path, rows("90 hours"), rebuild=True).outcome == "failed"


def test_of_a_personal_time_nothing_is_shown(tmp_path: Path) -> None:
    personal = "- {name: seen, logicalType: timestamp, classification: personal}"
    versions(tmp_path, POLICY, personal, sla=PROMISE)
    report = publish(tmp_path, "select 1 as id, timestamp '1999-12-31 23:59:58' as seen")
    assert report.outcome == "failed"
    assert "1999" not in str(said(report, NAME).as_dict())
