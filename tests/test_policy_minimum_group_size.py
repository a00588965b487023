"""The policy ``MinimumGroupSize``: how many stand behind each row of an aggregate."""

from __future__ import annotations

from pathlib import Path

import pytest
from anonymity_ports import ran, row
from drift_meshes import said

NAME = "MinimumGroupSize"
SIZE = "{property: groupSize, value: flights}"


@pytest.mark.parametrize(
    ("flights", "outcome"),
    [("5", "passed"), ("4", "failed"), ("NULL::INTEGER", "failed"), ("-1", "failed"),
     ("5.0", "passed"), ("4.99", "failed"), ("'nan'::DOUBLE", "failed")],
)  # fmt: skip
def test_the_smallest_row_decides(tmp_path: Path, flights: str, outcome: str) -> None:
    smallest = f"CASE WHEN i = 3 THEN {flights} ELSE 100 END"
    report = ran(tmp_path, f"- {NAME}", row(flights=smallest, count=9), SIZE)
    assert said(report, NAME).outcome == outcome


def test_what_it_says(tmp_path: Path) -> None:
    report = ran(tmp_path, f"- {NAME}", row(flights="i::INTEGER", count=9), SIZE)
    verdict = said(report, NAME)
    assert verdict.observed == "5 of 9 rows stand for fewer than 5 by 'flights', or do not tell"
    assert (verdict.column, verdict.failing_rows, verdict.rows) == ("flights", 5, 9)
    assert "put them together" in str(verdict.fix)


def test_the_higher_k_holds(tmp_path: Path) -> None:
    reduced = "{method: aggregated, k: 20, countedIn: flights}"
    for least, outcome in ((19, "failed"), (20, "published")):
        rows = row(flights=str(least), count=9)
        assert ran(tmp_path, f"- {NAME}", rows, reduced=reduced).outcome == outcome
        assert ran(tmp_path, f"- {NAME}", rows, SIZE, reduced).outcome == outcome
    stricter = f"- {{policy: {NAME}, with: {{k: 21}}}}"
    assert ran(tmp_path, stricter, row(flights="20"), reduced=reduced).outcome == "failed"


def test_without_a_count_it_says_nothing(tmp_path: Path) -> None:
    report = ran(tmp_path, f"- {NAME}", row(flights="1"))
    assert report.outcome == "published"
    assert all(verdict.rule != NAME for verdict in report.verdicts)
