"""The sources sensor: changes in operational systems, and versions that Dagster did not make."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from dagster_meshes import (
    ORDERS,
    TOTALS,
    dagster_of,
    load,
    manifest,
    materialized,
    orders,
    run,
    two_domains,
    write,
)
from meshes import contract

from mesh_defs.orchestration.sensors import look
from mesh_defs.orchestration.tree import every_location, location
from mesh_defs.product.container import run_product


def tick(root: Path, instance: dg.DagsterInstance, domain: str = "sales") -> dg.SensorResult:
    """One evaluation of the domain's sensor, its events stored as the daemon does."""
    result = look(load(root), load(root).in_domain(domain), instance)
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    return result


def test_both_sensors_of_a_domain_run_by_default(tmp_path: Path) -> None:
    sensors = {s.name: s for s in location("sales", two_domains(tmp_path)).sensors or []}
    assert set(sensors) == {"sales__automation", "sales__sources"}
    for sensor in sensors.values():
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert isinstance(sensors["sales__automation"], dg.AutomationConditionSensorDefinition)


def test_the_declared_sensor_requests_what_look_finds(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    definitions = every_location(root)
    repository = definitions.get_repository_def()
    with dagster_of(root) as instance:
        context = dg.build_sensor_context(
            instance=instance, repository_def=repository, sensor_name="sales__sources"
        )
        data = repository.get_sensor_def("sales__sources").evaluate_tick(context)
        assert [list(request.asset_selection or []) for request in data.run_requests or []] == [
            [ORDERS]
        ]


def test_a_change_in_a_source_requests_one_run(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        first = tick(root, instance).run_requests
        assert first is not None
        assert tick(root, instance).run_requests == first  # the same key: the daemon runs it once
        assert run(root, instance, [ORDERS]).success
        quiet = tick(root, instance)
        assert not quiet.run_requests
        assert quiet.skip_reason is not None
        assert "up to date with its sources" in (quiet.skip_reason.skip_message or "")
        orders(root, "(1, 5), (2, 6), (3, 7)")
        second = tick(root, instance).run_requests
        assert second is not None
        assert second[0].run_key != first[0].run_key


def test_mended_code_may_try_again_after_a_broken_promise(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    orders(root, "(1, -5)")
    with dagster_of(root) as instance:
        first = tick(root, instance).run_requests
        assert not run(root, instance, [ORDERS]).success
        assert tick(root, instance).run_requests == first
        write(
            root,
            {"domains/sales/orders/orders.sql": "SELECT id::INTEGER AS id, 5 AS amount FROM raw"},
        )
        second = tick(root, instance).run_requests
        assert first is not None
        assert second is not None
        assert second[0].run_key != first[0].run_key


def test_an_unreachable_source_is_a_reason_and_no_error(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    (root / "data").rename(root / "elsewhere")
    with dagster_of(root) as instance:
        result = tick(root, instance)
        assert not result.run_requests
        assert result.skip_reason is not None
        assert "there is no folder" in (result.skip_reason.skip_message or "")


def test_manual_products_are_not_started_by_a_source(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    body = "inputs: {raw: files://orders}\ntrigger: manual"
    write(root, {"domains/sales/orders/defs.yaml": manifest(body)})
    with dagster_of(root) as instance:
        assert not tick(root, instance).run_requests


def test_a_version_from_outside_is_told_once_with_its_checks_and_starts_consumers(
    tmp_path: Path,
) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        assert run(root, instance, [ORDERS, TOTALS]).success
        orders(root, "(1, -5)")
        assert not run(root, instance, [ORDERS]).success
        before = dg.evaluate_automation_conditions(every_location(root), instance)
        orders(root, "(1, 5), (2, 6), (3, 7)")
        loaded = load(root)
        assert run_product(loaded, loaded.products["sales/orders"]).outcome == "published"
        assert len(tick(root, instance).asset_events) == 6  # the version and its five checks
        assert materialized(instance, ORDERS) == 2
        assert not tick(root, instance).asset_events
        after = dg.evaluate_automation_conditions(
            every_location(root), instance, cursor=before.cursor
        )
        assert after.get_num_requested(TOTALS) == 1


def test_a_version_that_a_running_run_is_about_to_tell_is_left_to_it(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        job = every_location(root).resolve_implicit_global_asset_job_def()
        started = instance.create_run_for_job(job, asset_selection=frozenset({ORDERS}))
        loaded = load(root)
        run_product(loaded, loaded.products["sales/orders"], run_id=started.run_id)
        assert not tick(root, instance).asset_events
        instance.report_run_failed(started)
        assert tick(root, instance).asset_events


def test_a_product_waits_for_what_its_foreign_keys_refer_to(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    write(
        root,
        {
            "domains/sales/shops/defs.yaml": manifest("trigger: manual"),
            "domains/sales/shops/contract.yaml": contract(
                "shops", "- {name: shop, logicalType: integer, required: true, primaryKey: true}"
            ),
            "domains/sales/shops/shops.sql": "select 1 as shop",
            "domains/sales/visits/defs.yaml": manifest("inputs: {orders: files://orders}"),
            "domains/sales/visits/contract.yaml": contract(
                "visits",
                "- {name: shop, logicalType: integer, required: true, "
                "relationships: [{to: 'mesh://sales/shops#shop'}]}",
            ),
            "domains/sales/visits/visits.sql": "select 1 as shop from orders",
        },
    )
    visits = dg.AssetKey(["sales", "visits", "visits"])
    with dagster_of(root) as instance:
        asked = [key for r in tick(root, instance).run_requests or [] for key in r.asset_selection]
        assert visits not in asked
        mesh = load(root)
        run_product(mesh, mesh.product("mesh://sales/shops"))
        asked = [key for r in tick(root, instance).run_requests or [] for key in r.asset_selection]
        assert visits in asked
