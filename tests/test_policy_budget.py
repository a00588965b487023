"""The policy ``WithinBudget``: rows, bytes and seconds of a version."""

from __future__ import annotations

from pathlib import Path

import pytest
from drift_meshes import publish, record, said, versions

from mesh_defs.product.report import RunReport

NAME = "WithinBudget"


def rows(count: int) -> str:
    return f"select i as id from range({count}) t(i)"


def asked(**limits: float) -> str:
    given = ", ".join(f"{name}: {limit}" for name, limit in limits.items())
    return f"- {{policy: WithinBudget, with: {{{given}}}}}"


def applied(report: RunReport) -> bool:
    return any(verdict.rule == NAME for verdict in report.verdicts)


@pytest.mark.parametrize(("count", "outcome"), [(1000, "published"), (1001, "failed")])
def test_rows(tmp_path: Path, count: int, outcome: str) -> None:
    versions(tmp_path, asked(rows=1000), "")
    report = publish(tmp_path, rows(count))
    assert report.outcome == outcome
    if outcome == "failed":
        assert said(report, NAME).observed == "1,001 rows, where 1,000 are allowed"


def test_bytes_are_those_of_the_whole_version(tmp_path: Path) -> None:
    output = "{mode: append, cursor: id}"
    versions(tmp_path, "- WithinBudget", "", output=output, body="budget: {bytes: 1000000}")
    publish(tmp_path, rows(1000))
    size = record(tmp_path).ports["things"].bytes
    versions(tmp_path, "- WithinBudget", "", output=output, body=f"budget: {{bytes: {size}}}")
    assert publish(tmp_path, rows(1000)).outcome == "unchanged"
    report = publish(tmp_path, rows(1001))
    assert report.outcome == "failed"
    assert said(report, NAME).observed.endswith(f" bytes, where {size:,} are allowed")


def test_seconds_are_those_of_the_run(tmp_path: Path) -> None:
    versions(tmp_path, asked(seconds=3600), "")
    assert publish(tmp_path, rows(10)).outcome == "published"
    versions(tmp_path, asked(seconds=0.001), "")
    report = publish(tmp_path, rows(10))
    assert report.outcome == "failed"
    assert "seconds, where 0.001 are allowed" in said(report, NAME).observed


@pytest.mark.parametrize(
    ("mesh", "product", "outcome"), [(10, 5, "failed"), (5, 10, "failed"), (10, 6, "published")]
)
def test_the_smaller_of_the_products_limit_and_the_meshs_holds(
    tmp_path: Path, mesh: int, product: int, outcome: str
) -> None:
    versions(tmp_path, asked(rows=mesh), "", body=f"budget: {{rows: {product}}}")
    assert publish(tmp_path, rows(6)).outcome == outcome


def test_all_that_is_too_much_comes_at_once(tmp_path: Path) -> None:
    versions(tmp_path, asked(rows=5, bytes=5), "")
    found = said(publish(tmp_path, rows(6)), NAME)
    assert [str(f["message"]).split()[1] for f in found.findings] == ["rows,", "bytes,"]


def test_without_any_limit_there_is_nothing_to_say(tmp_path: Path) -> None:
    versions(tmp_path, "- WithinBudget", "")
    assert not applied(publish(tmp_path, rows(10)))
    versions(tmp_path, "- WithinBudget", "", body="budget: {rows: 10}")
    assert applied(publish(tmp_path, rows(10)))


def test_a_version_without_rows_costs_next_to_nothing(tmp_path: Path) -> None:
    versions(tmp_path, asked(rows=1), "")
    assert publish(tmp_path, rows(0)).outcome == "published"
