"""A product's run as Dagster records it: published, broken, unchanged, retried."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from dagster_meshes import (
    ORDERS,
    TOTALS,
    checks,
    dagster_of,
    events,
    load,
    manifest,
    materialized,
    orders,
    run,
    two_domains,
    write,
)

import mesh_defs as mesh
from mesh_defs.orchestration import execution
from mesh_defs.product.stores import product_store


def read(root: Path, url: str) -> list[dict[str, object]]:
    return mesh.open(url, root=root).arrow().to_pylist()


def test_a_published_version_is_a_materialization_with_its_checks(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        assert result.success
        assert checks(result) == {
            "completeness": True,
            "completeness__warning": True,
            "conformity": True,
            "expectations__raw": True,
            "uniqueness": True,
        }
        event = instance.get_latest_materialization_event(ORDERS)
        assert event is not None
        told = event.asset_materialization
        assert told is not None
        assert told.metadata["dagster/row_count"].value == 3
        assert told.metadata["version"].value == 0
        assert told.metadata["bytes"].value > 0
        assert set(told.metadata["read"].value) == {"files://orders"}
        assert told.metadata["seconds"].value["resolved"] >= 0
        assert told.tags is not None
        assert told.tags["mesh/version"] == "0"
        assert told.tags["dagster/data_version"].endswith("-0")


def test_columns_are_traced_to_the_inputs_columns(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        assert run(root, instance, [ORDERS, TOTALS]).success
        event = instance.get_latest_materialization_event(TOTALS)
        assert event is not None
        told = event.asset_materialization
        assert told is not None
        lineage = told.metadata["dagster/column_lineage"].value
        assert lineage.deps_by_column == {
            "total": [dg.TableColumnDep(asset_key=ORDERS, column_name="amount")]
        }


def test_a_checks_metadata_has_a_row_for_each_rule_and_no_text_rule(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        found = {c.check_name: c for c in result.get_asset_check_evaluations()}
        rules = found["completeness"].metadata["rules"].value.records
        assert {row.data["outcome"] for row in rules} == {"passed"}
        assert "more than 0 rows" in [row.data["expected"] for row in rules]
        assert not any("never deleted" in str(c.metadata) for c in found.values())


def test_a_broken_promise_fails_before_any_materialization(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        assert run(root, instance, [ORDERS]).success
        orders(root, "(1, 10), (2, -5)")
        result = run(root, instance, [ORDERS])
        assert not result.success
        kinds = events(result)
        assert "ASSET_MATERIALIZATION" not in kinds
        assert kinds[-1] == "STEP_FAILURE"
        assert kinds.count("ASSET_CHECK_EVALUATION") == 5
        assert materialized(instance, ORDERS) == 1
        assert [name for name, passed in checks(result).items() if not passed] == [
            "completeness__warning",
            "conformity",
        ]
        failure = next(e for e in result.all_events if e.is_step_failure)
        data = failure.step_failure_data
        assert data.user_failure_data is not None
        assert "readers keep version 0" in (data.user_failure_data.description or "")
    assert [row["amount"] for row in read(root, "mesh://sales/orders")] == [10, 20, 30]


def test_failing_rows_are_shown_as_samples(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    orders(root, "(1, 10), (2, -5)")
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        broken = next(
            c for c in result.get_asset_check_evaluations() if c.check_name == "conformity"
        )
        samples = [v.value for name, v in broken.metadata.items() if name.startswith("samples: ")]
        assert samples == [[{"id": 2, "amount": -5}]]


def test_a_warning_does_not_fail_the_run_and_is_shown(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    orders(root, "(1, 10)")
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        assert result.success
        warned = next(c for c in result.get_asset_check_evaluations() if not c.passed)
        assert warned.check_name == "completeness__warning"
        assert warned.severity is dg.AssetCheckSeverity.WARN
        assert materialized(instance, ORDERS) == 1


def test_an_empty_source_stops_at_the_expectation(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    orders(root, "(1, 10)")
    from meshes import write_parquet

    write_parquet(root, "orders", "SELECT 1 AS id, 1 AS amount WHERE false")
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        assert not result.success
        assert checks(result) == {"expectations__raw": False}
        assert materialized(instance, ORDERS) == 0


def test_a_rule_that_cannot_run_fails_its_check(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    file = root / "domains/sales/orders/contract.yaml"
    rule = (
        "      - {name: strange, type: sql, query: 'SELECT nothing FROM {object}', mustBe: 0, "
        "dimension: accuracy}\n"
    )
    file.write_text(file.read_text() + rule)
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        assert not result.success
        assert checks(result)["accuracy"] is False
        found = {c.check_name: c for c in result.get_asset_check_evaluations()}
        outcomes = [r.data["outcome"] for r in found["accuracy"].metadata["rules"].value.records]
        assert outcomes == ["error"]


def test_a_run_without_news_records_no_materialization(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    write(
        root,
        {
            "domains/sales/orders/defs.yaml": manifest(
                """
                inputs:
                  raw: files://orders
                outputs:
                  orders: {mode: append, cursor: id}
                """
            )
        },
    )
    with dagster_of(root) as instance:
        assert run(root, instance, [ORDERS]).success
        again = run(root, instance, [ORDERS])
        assert again.success
        assert "ASSET_MATERIALIZATION" not in events(again)
        assert all(checks(again).values())
        assert "uniqueness" in checks(again)
        assert materialized(instance, ORDERS) == 1
        orders(root, "(1, 10), (2, 20), (3, 30), (4, 40)")
        assert run(root, instance, [ORDERS]).success
        assert materialized(instance, ORDERS) == 2
    assert len(read(root, "mesh://sales/orders")) == 4


def test_a_source_that_cannot_be_reached_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = two_domains(tmp_path)
    (root / "data").rename(root / "elsewhere")
    monkeypatch.setattr(execution, "RETRY_SECONDS", 0.0)
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        assert not result.success
        kinds = events(result)
        assert kinds.count("STEP_UP_FOR_RETRY") == execution.MAX_RETRIES
        data = next(e for e in result.all_events if e.is_step_failure).step_failure_data
        assert data.user_failure_data is not None
        assert "there is no folder" in (data.user_failure_data.description or "")


def test_a_product_that_another_run_holds_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = two_domains(tmp_path)
    monkeypatch.setattr(execution, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(execution, "WAIT_SECONDS", 0.0)
    with (
        dagster_of(root) as instance,
        product_store(load(root).settings, "sales", "orders").lock(0.0),
    ):
        result = run(root, instance, [ORDERS])
        assert not result.success
        assert events(result).count("STEP_UP_FOR_RETRY") == execution.MAX_RETRIES
    with dagster_of(root) as instance:
        assert run(root, instance, [ORDERS]).success


def test_a_failed_transform_is_not_tried_again(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    write(root, {"domains/sales/orders/orders.sql": "SELECT nothing FROM raw"})
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        assert not result.success
        assert "STEP_UP_FOR_RETRY" not in events(result)
        data = next(e for e in result.all_events if e.is_step_failure).step_failure_data
        assert data.user_failure_data is not None
        assert "nothing" in (data.user_failure_data.description or "")


def test_a_consumer_in_the_same_run_does_not_run_after_a_broken_promise(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        assert run(root, instance, [ORDERS, TOTALS]).success
        orders(root, "(1, -5)")
        result = run(root, instance, [ORDERS, TOTALS])
        assert not result.success
        assert materialized(instance, TOTALS) == 1
    assert read(root, "mesh://finance/totals") == [{"total": 60}]
