"""What Dagster shows of a product before it ever ran."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg
from dagster_meshes import ORDERS, TOTALS, load, manifest, two_domains, write

from mesh_defs.orchestration.tree import every_location, location

RAW = dg.AssetKey(["files", "orders"])
_DAILY = manifest(
    """
    inputs: {raw: files://orders}
    outputs:
      orders: {mode: partition, by: day, start: "2026-01-01"}
    """
)


def spec_of(definitions: dg.Definitions, key: dg.AssetKey) -> dg.AssetSpec:
    return next(s for s in definitions.resolve_all_asset_specs() if s.key == key)


def dated_contract(root: Path) -> None:
    file = root / "domains/sales/orders/contract.yaml"
    text = file.read_text().replace(
        "    quality:", "      - {name: day, logicalType: date, required: true}\n    quality:", 1
    )
    file.write_text(text)


def test_one_op_makes_a_product_in_process(tmp_path: Path) -> None:
    definitions = location("sales", two_domains(tmp_path))
    assert definitions.executor is dg.in_process_executor
    asset = definitions.resolve_assets_def(ORDERS)
    assert asset.op.name == "sales__orders"
    assert [job.name for job in definitions.jobs or []] == ["sales"]


def test_the_spec_tells_what_the_manifest_and_the_contract_say(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    spec = spec_of(location("sales", root), ORDERS)
    assert spec.description is not None
    assert spec.description.startswith("A product of a test.")
    assert "Only a test." in spec.description
    assert spec.owners == ["team:test"]
    assert spec.kinds == {"duckdb", "sql", "delta"}
    assert spec.group_name == "sales"
    assert spec.tags["archetype"] == "source-aligned"
    assert {"money", "two-words"} <= set(spec.tags)
    assert spec.code_version == load(root).products["sales/orders"].digest
    assert [dep.asset_key for dep in spec.deps] == [RAW]
    assert spec.metadata["dagster/uri"] == "mesh://sales/orders/orders"
    assert "never deleted" in spec.metadata["rules for people"].value


def test_the_spec_has_the_contracts_columns(tmp_path: Path) -> None:
    spec = spec_of(location("sales", two_domains(tmp_path)), ORDERS)
    schema = spec.metadata["dagster/column_schema"]
    assert [(c.name, c.type, c.constraints.nullable) for c in schema.columns] == [
        ("id", "integer", False),
        ("amount", "integer", False),
    ]
    assert schema.columns[1].description == "In cents."
    assert schema.constraints.other == ["primary key: id"]


def test_the_spec_refers_to_its_files(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    spec = spec_of(location("sales", root), ORDERS)
    references = spec.metadata["dagster/code_references"].code_references
    files = {Path(reference.file_path).relative_to(root.resolve()) for reference in references}
    folder = Path("domains/sales/orders")
    assert {folder / "defs.yaml", folder / "contract.yaml", folder / "orders.sql"} <= files


def test_check_names_follow_dimension_and_severity(tmp_path: Path) -> None:
    definitions = location("sales", two_domains(tmp_path))
    checks = {spec.name: spec for spec in definitions.resolve_assets_def(ORDERS).check_specs}
    assert {name: spec.blocking for name, spec in checks.items()} == {
        "completeness": True,
        "completeness__warning": False,
        "conformity": True,
        "expectations__raw": True,
        "uniqueness": True,
    }


def test_a_service_level_becomes_a_freshness_policy(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    file = root / "domains/sales/orders/contract.yaml"
    file.write_text(
        file.read_text() + "slaProperties:\n  - {property: frequency, value: 2, unit: d}\n"
        "  - {property: latency, value: 6, unit: h}\n"
    )
    spec = spec_of(location("sales", root), ORDERS)
    assert spec.freshness_policy == dg.FreshnessPolicy.time_window(timedelta(hours=6))


def test_inputs_from_elsewhere_are_external_assets(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    finance = location("finance", root)
    assert finance.resolve_asset_graph().executable_asset_keys == {TOTALS}
    stub = spec_of(finance, ORDERS)
    assert stub.group_name == "sales"
    raw = spec_of(location("sales", root), RAW)
    assert raw.kinds == {"files"}
    assert raw.metadata["dagster/uri"] == "files://orders"


def test_all_domains_together_have_no_stub_of_what_they_make(tmp_path: Path) -> None:
    definitions = every_location(two_domains(tmp_path))
    assert definitions.resolve_asset_graph().executable_asset_keys == {ORDERS, TOTALS}
    keys = [spec.key for spec in definitions.resolve_all_asset_specs()]
    assert sorted(keys) == sorted({ORDERS, TOTALS, RAW})


def test_periods_become_partitions_and_stubs_carry_them(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    dated_contract(root)
    write(root, {"domains/sales/orders/defs.yaml": _DAILY})
    sales = location("sales", root)
    partitions = spec_of(sales, ORDERS).partitions_def
    assert isinstance(partitions, dg.TimeWindowPartitionsDefinition)
    assert partitions.get_first_partition_key() == "2026-01-01"
    assert sales.resolve_assets_def(ORDERS).backfill_policy == dg.BackfillPolicy.single_run()
    assert spec_of(location("finance", root), ORDERS).partitions_def == partitions


def test_products_with_different_periods_have_jobs_of_their_own(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    dated_contract(root)
    monthly = _DAILY.replace("by: day,", "by: day, every: month,")
    contract = (root / "domains/sales/orders/contract.yaml").read_text()
    write(
        root,
        {
            "domains/sales/orders/defs.yaml": _DAILY,
            "domains/sales/bills/defs.yaml": monthly.replace("orders:", "bills:"),
            "domains/sales/bills/contract.yaml": contract.replace("orders", "bills"),
            "domains/sales/bills/bills.sql": "SELECT * FROM raw",
        },
    )
    definitions = location("sales", root)
    assert [job.name for job in definitions.jobs or []] == [
        "sales",
        "sales__month_from_20260101",
    ]
    assert definitions.resolve_job_def("sales__month_from_20260101").partitions_def is not None
