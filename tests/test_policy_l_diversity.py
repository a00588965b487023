"""The policy ``LDiversity``: what those with the same quasi-identifiers do not have in common."""

from __future__ import annotations

from pathlib import Path

from anonymity_ports import ran, row
from drift_meshes import said

NAME = "LDiversity"
QUASI = "{property: quasiIdentifiers, value: [year, zip]}"
MIXED = "CASE WHEN i % 2 = 0 THEN 'kosher' ELSE 'none' END"
ONE = row(year="1981", meal="'kosher'", count=7)
RARE = "CASE WHEN i = 0 THEN 'kosher' ELSE 'none' END"


def entropy(l: int) -> str:  # noqa: E741
    return f"- {{policy: {NAME}, with: {{l: {l}, entropy: true}}}}"


def test_a_group_with_one_value(tmp_path: Path) -> None:
    rows = f"{row(meal=MIXED, count=8)} UNION ALL {ONE}"
    report = ran(tmp_path, f"- {NAME}", rows, QUASI)
    assert report.outcome == "failed"
    verdict = said(report, NAME)
    assert verdict.observed == (
        "1 combinations of 'year' + 'zip' have fewer than 2 values of 'meal' (7 of 15 rows): who"
        " knows the one knows the other"
    )
    assert verdict.column == "meal"
    assert verdict.findings[0]["line"] == 13
    assert verdict.samples == ()
    assert "kosher" not in str(report)


def test_groups_with_just_enough_values(tmp_path: Path) -> None:
    rows = f"{row(meal=MIXED, count=8)} UNION ALL {row(year='1981', meal=RARE, count=7)}"
    assert ran(tmp_path, f"- {NAME}", rows, QUASI).outcome == "published"
    three = f"- {{policy: {NAME}, with: {{l: 3}}}}"
    assert ran(tmp_path, three, rows, QUASI).outcome == "failed"


def test_null_is_a_value(tmp_path: Path) -> None:
    rows = row(meal="CASE WHEN i > 3 THEN 'kosher' END", count=8)
    assert ran(tmp_path, f"- {NAME}", rows, QUASI).outcome == "published"
    alone = row(meal="NULL::VARCHAR", count=8)
    assert ran(tmp_path, f"- {NAME}", alone, QUASI).outcome == "failed"


def test_values_that_are_rare_do_not_count_by_entropy(tmp_path: Path) -> None:
    assert ran(tmp_path, entropy(2), row(meal=RARE, count=7), QUASI).outcome == "failed"
    assert ran(tmp_path, entropy(2), row(meal=MIXED, count=8), QUASI).outcome == "published"
    thirds = row(meal="'m' || (i % 3)", count=9)
    assert ran(tmp_path, entropy(3), thirds, QUASI).outcome == "published"
    assert ran(tmp_path, entropy(4), thirds, QUASI).outcome == "failed"


def test_without_a_sensitive_column_it_says_nothing(tmp_path: Path) -> None:
    quasi = "{property: quasiIdentifiers, value: [year, meal]}"
    for custom in ("", quasi):
        report = ran(tmp_path, f"- {NAME}", row(), custom)
        assert report.outcome == "published"
        assert all(verdict.rule != NAME for verdict in report.verdicts)
