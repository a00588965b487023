"""The policy ``KAnonymity``: how many rows share their quasi-identifiers."""

from __future__ import annotations

from pathlib import Path

from anonymity_ports import ran, row
from drift_meshes import said
from hypothesis import given, settings
from hypothesis import strategies as st

NAME = "KAnonymity"
QUASI = "{property: quasiIdentifiers, value: [year, zip]}"


def test_one_group_that_is_too_small(tmp_path: Path) -> None:
    rows = f"{row(count=5)} UNION ALL {row(year='1981', count=4)} UNION ALL {row(zip_='NULL')}"
    report = ran(tmp_path, f"- {NAME}", rows, QUASI)
    assert report.outcome == "failed"
    verdict = said(report, NAME)
    assert verdict.observed == (
        "2 combinations of 'year' + 'zip' stand in fewer than 5 rows (5 of 10 rows)"
    )
    assert (verdict.failing_rows, verdict.rows) == (5, 10)
    assert verdict.samples == (), "the values are what must not be shown"
    assert "coarser" in str(verdict.fix)
    assert verdict.findings[0]["file"] == "domains/shop/things/contract.yaml"


def test_groups_that_are_just_large_enough(tmp_path: Path) -> None:
    rows = f"{row(count=5)} UNION ALL {row(year='NULL', zip_='NULL', count=5)}"
    assert ran(tmp_path, f"- {NAME}", rows, QUASI).outcome == "published"


def test_null_is_a_value(tmp_path: Path) -> None:
    rows = f"{row(count=9)} UNION ALL {row(zip_='NULL', count=4)}"
    assert ran(tmp_path, f"- {NAME}", rows, QUASI).outcome == "failed"


def test_k_as_it_is_asked(tmp_path: Path) -> None:
    policy = "- {policy: KAnonymity, with: {k: 6}}"
    assert ran(tmp_path, policy, row(count=5), QUASI).outcome == "failed"
    assert ran(tmp_path, policy, row(count=6), QUASI).outcome == "published"


def test_without_quasi_identifiers_it_says_nothing(tmp_path: Path) -> None:
    report = ran(tmp_path, f"- {NAME}", row())
    assert report.outcome == "published"
    assert all(verdict.rule != NAME for verdict in report.verdicts)


def test_no_rows_no_groups(tmp_path: Path) -> None:
    assert ran(tmp_path, f"- {NAME}", f"{row()} LIMIT 0", QUASI).outcome == "published"


@settings(max_examples=8, deadline=None)
@given(years=st.lists(st.sampled_from([1980, 1981, None]), min_size=1, max_size=12))
def test_as_counted_by_hand(tmp_path_factory, years) -> None:  # type: ignore[no-untyped-def]
    rows = " UNION ALL ".join(row(year="NULL::INTEGER" if y is None else str(y)) for y in years)
    policy = "- {policy: KAnonymity, with: {k: 3}}"
    verdict = said(ran(tmp_path_factory.mktemp("k"), policy, rows, QUASI), NAME)
    small = [year for year in set(years) if years.count(year) < 3]
    assert verdict.failing_rows == (sum(map(years.count, small)) if small else None)
