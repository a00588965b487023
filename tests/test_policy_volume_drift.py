"""The policy ``VolumeDrift``: far more or far fewer rows than the versions before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from drift_meshes import publish, record, said, versions

from mesh_defs.product.staging import Window

POLICY = "- VolumeDrift"
NAME = "VolumeDrift"
DAY = "- {name: day, logicalType: date, required: true}"


def rows(count: int, start: int = 0) -> str:
    return f"select i as id from range({start}, {start + count}) t(i)"


def days(*counts: int, first: int = 1) -> str:
    """Days of January 2023 with so many rows each."""
    each = (
        f"select {day * 100_000} + i as id, date '2023-01-01' + {day - 1} as day"
        f" from range({count}) t(i)"
        for day, count in enumerate(counts, first)
    )
    return " union all ".join(each)


def january(first: int, last: int) -> Window:
    return Window(date(2023, 1, first), date(2023, 1, last))


def test_the_first_version_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "")
    report = publish(tmp_path, rows(1000))
    assert report.outcome == "published"
    assert said(report, NAME).outcome == "passed"


@pytest.mark.parametrize(
    ("count", "outcome"),
    [(1500, "published"), (1501, "failed"), (667, "published"), (666, "failed")],
)
def test_the_larger_number_is_at_most_half_above_the_smaller(
    tmp_path: Path, count: int, outcome: str
) -> None:
    versions(tmp_path, POLICY, "")
    publish(tmp_path, rows(1000))
    assert publish(tmp_path, rows(count)).outcome == outcome


def test_a_finding_says_how_many_there_were_and_are(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "")
    publish(tmp_path, rows(1000))
    found = said(publish(tmp_path, rows(400)), NAME)
    assert (found.outcome, found.rows) == ("failed", 400)
    assert found.observed == "400 rows, where the last version had 1,000 (-60%)"
    assert "waiver" in (found.fix or "")


def test_no_rows_where_there_were_some_are_found_however_large_the_share(tmp_path: Path) -> None:
    versions(tmp_path, "- {policy: VolumeDrift, with: {share: 100}}", "")
    publish(tmp_path, rows(4))
    assert publish(tmp_path, rows(0)).outcome == "failed"
    assert publish(tmp_path, rows(9)).outcome == "published"


def test_few_rows_more_or_fewer_are_chance(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "")
    publish(tmp_path, rows(14))
    assert publish(tmp_path, rows(22)).outcome == "published"
    assert publish(tmp_path, rows(100)).outcome == "failed"


def test_a_version_that_was_empty_tells_nothing_about_the_next(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "")
    publish(tmp_path, rows(0))
    assert publish(tmp_path, rows(100_000)).outcome == "published"


def test_the_usual_number_is_the_median_of_the_last_versions(tmp_path: Path) -> None:
    versions(tmp_path, "- {policy: VolumeDrift, consequence: warn}", "")
    for count in (1000, 1001, 5000):
        publish(tmp_path, rows(count))
    assert said(publish(tmp_path, rows(1002)), NAME).outcome == "passed"
    found = said(publish(tmp_path, rows(5001)), NAME)
    assert found.observed == "5,001 rows, where the last 4 versions had 1,002 (+399%)"


def test_after_a_waiver_the_version_that_it_let_pass_is_the_usual_one(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "")
    for count in (1000, 1001, 1002):
        publish(tmp_path, rows(count))
    versions(tmp_path, POLICY, "", waived=NAME)
    report = publish(tmp_path, rows(5000))
    assert (report.outcome, said(report, NAME).outcome) == ("published", "warned")
    versions(tmp_path, POLICY, "")
    assert publish(tmp_path, rows(5001)).outcome == "published"
    assert publish(tmp_path, rows(1003)).outcome == "failed"


def test_another_major_version_of_the_contract_begins_anew(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "")
    publish(tmp_path, rows(1000))
    versions(tmp_path, POLICY, "", version="1.1.0")
    assert publish(tmp_path, rows(3000)).outcome == "failed"
    versions(tmp_path, POLICY, "", version="2.0.0")
    assert publish(tmp_path, rows(3000)).outcome == "published"


def test_a_run_without_a_change_publishes_nothing_to_be_compared_with(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "", output="{mode: append, cursor: id}")
    publish(tmp_path, rows(1000))
    publish(tmp_path, rows(2000))
    unchanged = publish(tmp_path, rows(2000))
    assert unchanged.outcome == "unchanged"
    assert said(unchanged, NAME).outcome == "passed"
    assert publish(tmp_path, rows(3000)).outcome == "published"


def test_of_a_port_that_only_grows_the_added_rows_are_compared(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "", output="{mode: append, cursor: id}")
    publish(tmp_path, rows(50_000))
    assert publish(tmp_path, rows(51_000)).outcome == "published"  # the first that adds anything
    assert publish(tmp_path, rows(52_100)).outcome == "published"
    report = publish(tmp_path, rows(55_000))
    assert report.outcome == "failed"
    assert said(report, NAME).observed.startswith("2,900 added rows, where the last 2 versions had")


def test_a_rebuild_of_a_port_that_grows_has_all_rows_at_once(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "", output="{mode: append, cursor: id}")
    for count in (10_000, 10_100, 10_200):
        publish(tmp_path, rows(count))
    assert publish(tmp_path, rows(10_300), rebuild=True).outcome == "published"
    lost = publish(tmp_path, rows(3000), rebuild=True)
    assert said(lost, NAME).observed == "3,000 rows, where the last version had 10,300 (-71%)"
    assert publish(tmp_path, rows(10_400)).outcome == "published"


def test_another_contract_alone_adds_no_rows(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "", output="{mode: append, cursor: id}")
    for count in (10_000, 10_100, 10_200):
        publish(tmp_path, rows(count))
    versions(tmp_path, POLICY, "", output="{mode: append, cursor: id}", version="1.1.0")
    report = publish(tmp_path, rows(10_200))
    assert (report.outcome, record(tmp_path).ports["things"].added_rows) == ("published", 0)
    versions(tmp_path, POLICY, "", output="{mode: append, cursor: id}", version="1.2.0")
    assert publish(tmp_path, rows(10_310)).outcome == "published"
    assert publish(tmp_path, rows(11_310)).outcome == "failed"


def test_another_mode_begins_anew(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, "")
    publish(tmp_path, rows(1000))
    versions(tmp_path, POLICY, "", output="{mode: append, cursor: id}")
    assert publish(tmp_path, rows(5000), rebuild=True).outcome == "published"


PARTITIONED = "{mode: partition, by: day, every: day, start: '2023-01-01'}"


def test_periods_are_compared_with_those_before(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, DAY, output=PARTITIONED)
    publish(tmp_path, days(1000, 1010, 990, 1000))
    good = publish(tmp_path, days(0, 0, 0, 0, 1400), window=january(5, 6))
    assert (good.outcome, good.ports["things"].rows) == ("published", 5400)
    bad = publish(tmp_path, days(1000, 300, first=6), window=january(6, 8))
    assert bad.outcome == "failed"
    found = said(bad, NAME)
    assert found.observed.startswith("1 of 2 periods have far more or far fewer rows than the 5")
    assert "2023-01-07" in found.observed
    assert found.column == "day"


def test_a_period_without_rows_is_found_unless_there_were_such_before(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, DAY, output=PARTITIONED)
    publish(tmp_path, days(1000, 1000, 1000))
    window = january(4, 6)
    assert publish(tmp_path, days(1000, first=4), window=window).outcome == "failed"
    publish(tmp_path, days(1000, 0, 1000), rebuild=True)
    assert publish(tmp_path, days(1000, first=4), window=window).outcome == "published"


def test_a_period_that_is_replaced_is_compared_with_the_others(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, DAY, output=PARTITIONED)
    publish(tmp_path, days(1000, 1000, 1000))
    replaced = publish(tmp_path, days(1200, first=2), window=january(2, 3))
    assert replaced.outcome == "published"
    assert publish(tmp_path, days(12, first=2), window=january(2, 3)).outcome == "failed"
    first = publish(tmp_path, days(2000, first=1), window=january(1, 2))
    assert first.outcome == "failed"  # by the periods after it


def test_a_period_that_is_not_over_is_not_compared(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, DAY, output=PARTITIONED)
    publish(tmp_path, days(1000, 1000, 1000))
    some = "select 9999999 + i as id, date '2999-01-01' as day from range(5) t(i)"
    window = Window(date(2999, 1, 1), date(2999, 1, 2))
    assert publish(tmp_path, some, window=window).outcome == "published"


def test_a_partitioned_port_that_lost_most_of_its_rows(tmp_path: Path) -> None:
    versions(tmp_path, POLICY, DAY, output=PARTITIONED)
    publish(tmp_path, days(1000, 1000, 1000))
    lost = publish(tmp_path, days(1000), rebuild=True)
    assert said(lost, NAME).observed == "1,000 rows, where the last version had 3,000 (-67%)"
    assert publish(tmp_path, days(*[1000] * 9), rebuild=True).outcome == "published"
