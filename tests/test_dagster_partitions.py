"""Runs over periods: one period, a range, everything."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from dagster_meshes import (
    ORDERS,
    contract,
    dagster_of,
    load,
    manifest,
    run,
    two_domains,
    write,
)
from meshes import write_parquet

import mesh_defs as mesh
from mesh_defs.orchestration.build import build_products
from mesh_defs.orchestration.partitions import partitions_of

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    two_domains(tmp_path)
    write(
        tmp_path,
        {
            "domains/sales/orders/defs.yaml": manifest(
                """
                inputs: {raw: files://orders}
                outputs:
                  orders: {mode: partition, by: day, every: month, start: "2026-06-01"}
                """
            ),
            "domains/sales/orders/contract.yaml": contract(
                "orders",
                "- {name: day, logicalType: date, required: true}\n"
                "- {name: amount, logicalType: integer, required: true}\n",
            ),
            "domains/sales/orders/orders.sql": "SELECT day, amount::INTEGER AS amount FROM raw",
            "domains/finance/totals/totals.sql": "SELECT sum(amount)::INTEGER AS total FROM orders",
        },
    )
    amounts(tmp_path, 1)
    return tmp_path


def amounts(root: Path, amount: int) -> None:
    """One order on the first of each month from June to October."""
    write_parquet(
        root,
        "orders",
        f"SELECT make_date(2026, m, 1) AS day, {amount} AS amount FROM range(6, 11) t(m)",
    )


def rows(root: Path) -> list[tuple[date, int]]:
    found = mesh.open("mesh://sales/orders", root=root).arrow().to_pylist()
    return sorted((row["day"], row["amount"]) for row in found)


def test_a_run_over_a_range_replaces_these_periods_alone(root: Path) -> None:
    with dagster_of(root) as instance:
        whole = {START: "2026-06-01", END: "2026-10-01"}
        assert run(root, instance, [ORDERS], whole).success
        amounts(root, 2)
        assert run(root, instance, [ORDERS], {START: "2026-07-01", END: "2026-08-01"}).success
        assert [amount for _, amount in rows(root)] == [1, 2, 2, 1, 1]
        assert run(root, instance, [ORDERS], {"dagster/partition": "2026-06-01"}).success
        assert [amount for _, amount in rows(root)] == [2, 2, 2, 1, 1]
        told = instance.get_materialized_partitions(ORDERS)
        assert told == {"2026-06-01", "2026-07-01", "2026-08-01", "2026-09-01", "2026-10-01"}


def test_building_everything_is_a_single_run_over_all_periods(root: Path) -> None:
    with dagster_of(root) as instance:
        built = build_products(load(root), instance)
        assert [(b.product.identity, b.outcome) for b in built] == [
            ("sales/orders", "published"),
            ("finance/totals", "published"),
        ]
        assert len(instance.get_runs()) == 2
        partitions = partitions_of(load(root).products["sales/orders"])
        assert partitions is not None
        assert instance.get_materialized_partitions(ORDERS) == set(partitions.get_partition_keys())
    assert len(rows(root)) == 5
