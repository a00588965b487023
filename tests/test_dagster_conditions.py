"""When Dagster runs a product by itself: its inputs' versions and their blocking checks."""

from __future__ import annotations

import datetime
from pathlib import Path

import dagster as dg
from dagster_meshes import ORDERS, TOTALS, dagster_of, manifest, orders, run, two_domains, write

from mesh_defs.orchestration.tree import every_location

RETURNS = dg.AssetKey(["sales", "returns", "returns"])

_RETURNS = {
    "domains/sales/returns/defs.yaml": manifest("trigger: manual"),
    "domains/sales/returns/contract.yaml": """
        apiVersion: v3.1.0
        kind: DataContract
        id: returns
        version: 1.0.0
        status: active
        schema:
          - name: returns
            properties:
              - {name: id, logicalType: integer, required: true}
        """,
    "domains/sales/returns/returns.sql": "SELECT 1 AS id",
}


class Automation:
    """Evaluates the conditions of the whole mesh again and again, as the daemon does."""

    def __init__(self, root: Path, instance: dg.DagsterInstance) -> None:
        self.root = root
        self.instance = instance
        self.cursor: dg.AutomationConditionSensorDefinition | None = None
        self.last: dg.EvaluateAutomationConditionsResult | None = None

    def tick(self, at: datetime.datetime | None = None) -> set[dg.AssetKey]:
        """The assets that are requested now."""
        self.last = dg.evaluate_automation_conditions(
            defs=every_location(self.root),
            instance=self.instance,
            cursor=self.last.cursor if self.last is not None else None,
            evaluation_time=at,
        )
        keys = (ORDERS, TOTALS, RETURNS)
        return {key for key in keys if self.last.get_num_requested(key)}


def consumer(root: Path, body: str) -> None:
    """``finance/totals`` that reads orders and, when ``body`` says so, returns."""
    write(root, {"domains/finance/totals/defs.yaml": manifest(body, archetype="aggregate")})


def test_a_consumer_runs_when_its_input_was_published(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        automation = Automation(root, instance)
        assert automation.tick() == set()  # its input was never published
        assert run(root, instance, [ORDERS]).success
        assert automation.tick() == {TOTALS}
        assert run(root, instance, [TOTALS]).success
        assert automation.tick() == set()
        orders(root, "(1, 1), (2, 2), (3, 3)")
        assert run(root, instance, [ORDERS]).success
        assert automation.tick() == {TOTALS}


def test_a_consumer_does_not_run_when_a_promise_of_its_input_failed(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        automation = Automation(root, instance)
        assert run(root, instance, [ORDERS, TOTALS]).success
        automation.tick()
        orders(root, "(1, -5), (2, 2), (3, 3)")
        assert not run(root, instance, [ORDERS]).success
        assert automation.tick() == set()
        orders(root, "(1, 5), (2, 2), (3, 3)")
        assert run(root, instance, [ORDERS]).success
        assert automation.tick() == {TOTALS}


def test_a_failed_warning_does_not_hold_a_consumer_back(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        automation = Automation(root, instance)
        assert run(root, instance, [ORDERS, TOTALS]).success
        automation.tick()
        orders(root, "(1, 5)")
        assert run(root, instance, [ORDERS]).success
        assert automation.tick() == {TOTALS}


def test_a_consumer_waits_for_one_input_that_failed_when_another_has_news(tmp_path: Path) -> None:
    root = write(two_domains(tmp_path), _RETURNS)
    consumer(root, "inputs: {orders: mesh://sales/orders, returns: mesh://sales/returns}")
    with dagster_of(root) as instance:
        automation = Automation(root, instance)
        assert run(root, instance, [ORDERS, RETURNS, TOTALS]).success
        automation.tick()
        orders(root, "(1, -5)")
        assert not run(root, instance, [ORDERS]).success
        assert run(root, instance, [RETURNS]).success
        assert automation.tick() == set()


def test_on_update_all_waits_for_every_input(tmp_path: Path) -> None:
    root = write(two_domains(tmp_path), _RETURNS)
    consumer(
        root,
        """
        inputs: {orders: mesh://sales/orders, returns: mesh://sales/returns}
        trigger: {on_update: all}
        """,
    )
    with dagster_of(root) as instance:
        automation = Automation(root, instance)
        assert run(root, instance, [ORDERS, RETURNS, TOTALS]).success
        automation.tick()
        assert run(root, instance, [ORDERS]).success
        assert automation.tick() == set()
        assert run(root, instance, [RETURNS]).success
        assert automation.tick() == {TOTALS}
        assert run(root, instance, [TOTALS]).success
        assert automation.tick() == set()
        assert run(root, instance, [RETURNS]).success
        assert automation.tick() == set()


def test_cron_runs_at_its_time_in_its_zone_without_news(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    consumer(
        root,
        """
        inputs: {orders: mesh://sales/orders}
        trigger: {cron: "0 6 * * *", timezone: America/New_York}
        """,
    )
    day = datetime.datetime(2026, 3, 2, tzinfo=datetime.UTC)
    with dagster_of(root) as instance:
        automation = Automation(root, instance)
        assert run(root, instance, [ORDERS]).success
        assert automation.tick(day.replace(hour=10, minute=59)) == set()
        assert automation.tick(day.replace(hour=11, minute=1)) == {TOTALS}
        assert automation.tick(day.replace(hour=11, minute=2)) == set()


def test_manual_products_never_start_by_themselves(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    consumer(root, "inputs: {orders: mesh://sales/orders}\ntrigger: manual")
    with dagster_of(root) as instance:
        automation = Automation(root, instance)
        automation.tick()
        assert run(root, instance, [ORDERS]).success
        assert automation.tick() == set()
