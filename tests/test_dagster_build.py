"""All products through Dagster in this process, as ``mesh up`` runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster_meshes import (
    ORDERS,
    TOTALS,
    dagster_of,
    load,
    materialized,
    orders,
    two_domains,
    write,
)

import mesh_defs as mesh
from mesh_defs.orchestration import execution
from mesh_defs.orchestration.build import Built, build_products
from mesh_defs.orchestration.home import dagster_home
from mesh_defs.product.report import Progress


def outcomes(built: list[Built]) -> dict[str, str]:
    return {b.product.identity: b.outcome for b in built}


def test_products_are_built_in_order_and_told_step_by_step(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    told: list[str] = []
    steps: list[Progress] = []
    with dagster_of(root) as instance:
        built = build_products(
            load(root),
            instance,
            on_start=lambda product: told.append(f"start {product.identity}"),
            on_progress=steps.append,
            on_end=lambda b: told.append(f"end {b.product.identity} {b.outcome}"),
        )
        assert told == [
            "start sales/orders",
            "end sales/orders published",
            "start finance/totals",
            "end finance/totals published",
        ]
        assert all(b.ok and b.report is not None and b.seconds > 0 for b in built)
        assert [s.step for s in steps if s.product == "sales/orders"][-1] == "told"
        assert materialized(instance, ORDERS) == materialized(instance, TOTALS) == 1


def test_what_is_up_to_date_does_not_run_again(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        build_products(load(root), instance)
        runs = len(instance.get_runs())
        again = build_products(load(root), instance)
        assert outcomes(again) == {"sales/orders": "current", "finance/totals": "current"}
        assert len(instance.get_runs()) == runs


def test_runs_belong_to_their_domains_code_location(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        build_products(load(root), instance)
        tags = [run.tags[".dagster/repository"] for run in instance.get_runs()]
        assert sorted(tags) == ["__repository__@finance", "__repository__@sales"]


def test_a_failed_promise_comes_with_its_report_and_consumers_read_on(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        build_products(load(root), instance)
        orders(root, "(1, -5)")
        write(root, {"domains/finance/totals/totals.sql": "SELECT 7 AS total FROM orders LIMIT 1"})
        built = build_products(load(root), instance)
        assert outcomes(built) == {"sales/orders": "failed", "finance/totals": "published"}
        report = built[0].report
        assert report is not None
        assert report.tally["failed"] == 1
        assert materialized(instance, ORDERS) == 1
    assert mesh.open("mesh://finance/totals", root=root).arrow().to_pylist() == [{"total": 7}]


def test_a_consumer_of_what_was_never_published_waits(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    orders(root, "(1, -5)")
    with dagster_of(root) as instance:
        built = build_products(load(root), instance)
        assert outcomes(built) == {"sales/orders": "failed", "finance/totals": "waiting"}
        assert built[1].error == "its input mesh://sales/orders was never published"


def test_what_broke_is_told_in_its_own_words_and_nothing_on_the_console(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "RETRY_SECONDS", 0.0)
    root = two_domains(tmp_path)
    (root / "data").rename(root / "elsewhere")
    with dagster_of(root) as instance:
        built = build_products(load(root), instance)
    assert outcomes(built) == {"sales/orders": "error", "finance/totals": "waiting"}
    assert built[0].error is not None
    assert built[0].error.startswith("service 'files': there is no folder")
    written = capfd.readouterr()
    assert written.out == ""
    assert written.err == ""


def test_dagsters_settings_are_written_once_and_then_kept(tmp_path: Path) -> None:
    home = dagster_home(two_domains(tmp_path))
    assert home == tmp_path / ".mesh" / "dagster"
    settings = home / "dagster.yaml"
    settings.write_text("telemetry: {enabled: false}\n")
    assert dagster_home(tmp_path) == home
    assert settings.read_text() == "telemetry: {enabled: false}\n"
