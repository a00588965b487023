"""Every policy in force on a port is an asset check on it, with findings, fix and waiver."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
from dagster_meshes import (
    ORDERS,
    TOTALS,
    checks,
    dagster_of,
    events,
    load,
    materialized,
    run,
    two_domains,
    write,
)
from governed_meshes import RULES, domain_yaml, mesh_yaml, waiver

from mesh_defs.orchestration.tree import every_location
from mesh_defs.product.container import run_product

POLICIES = """
- {policy: EnoughRows, with: {least: 4}, where: {domain: sales}}
- {policy: UsageWritten, consequence: warn}
"""


def governed(root: Path, policies: str = POLICIES, waivers: str = "") -> Path:
    two_domains(root)
    return write(
        root,
        {
            "mesh.yaml": mesh_yaml(policies),
            "policies/rules.py": RULES,
            "domains/sales/defs.yaml": domain_yaml(waivers=waivers),
        },
    )


def evaluation(result: dg.ExecuteInProcessResult, name: str) -> dg.AssetCheckEvaluation:
    return next(c for c in result.get_asset_check_evaluations() if c.check_name == name)


def test_check_specs_are_known_before_a_run_and_block_as_the_consequence_says(
    tmp_path: Path,
) -> None:
    definitions = every_location(governed(tmp_path))
    specs = {s.name: s for s in definitions.resolve_assets_def(ORDERS).check_specs}
    assert specs["policy__EnoughRows"].blocking is True
    assert specs["policy__EnoughRows"].description == "A port has enough rows."
    assert specs["policy__UsageWritten"].blocking is False
    assert specs["policy__EnoughRows"].metadata["declared in"] == "mesh.yaml:11"
    totals = {s.name for s in definitions.resolve_assets_def(TOTALS).check_specs}
    assert "policy__EnoughRows" not in totals
    assert "policy__UsageWritten" in totals


def test_a_policy_that_stops_fails_the_run_before_any_materialization(tmp_path: Path) -> None:
    root = governed(tmp_path)
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        assert not result.success
        assert "ASSET_MATERIALIZATION" not in events(result)
        found = evaluation(result, "policy__EnoughRows")
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
        assert found.metadata["asks for"].value == "A port has enough rows."
        assert found.metadata["consequence"].value == "stop"
        row = found.metadata["findings"].value.records[0].data
        assert (row["finding"], row["column"], row["waived"]) == ("3 rows of 4", "id", "no")
        warned = evaluation(result, "policy__UsageWritten")
        assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert warned.metadata["fix"].value == "add 'usage:'"


def test_what_is_declared_stops_before_anything_is_read(tmp_path: Path) -> None:
    root = governed(tmp_path, "- UsageWritten")
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS])
        assert not result.success
        assert checks(result) == {"policy__UsageWritten": False}
        assert events(result) == ["ASSET_CHECK_EVALUATION", "STEP_FAILURE"]


def test_a_waived_policy_lets_the_consumer_run_and_says_so(tmp_path: Path) -> None:
    root = governed(tmp_path, waivers=waiver("EnoughRows"))
    with dagster_of(root) as instance:
        result = run(root, instance, [ORDERS, TOTALS])
        assert result.success
        found = evaluation(result, "policy__EnoughRows")
        # Consumers wait until blocking checks have passed, so a waived one has.
        assert (found.passed, found.severity) == (True, dg.AssetCheckSeverity.WARN)
        assert (found.description or "").startswith("waived until ")
        assert found.metadata["waiver"].value["approved_by"] == "governance@test.example"
        assert materialized(instance, TOTALS) == 1


def test_policies_of_a_version_published_outside_of_dagster_are_told_too(tmp_path: Path) -> None:
    from mesh_defs.orchestration.events import materializations

    root = governed(tmp_path, waivers=waiver("EnoughRows"))
    mesh = load(root)
    product = mesh.product("mesh://sales/orders")
    report = run_product(mesh, product)
    assert report.record is not None
    told = [
        e
        for e in materializations(product, report.record)
        if isinstance(e, dg.AssetCheckEvaluation)
    ]
    names = {e.check_name for e in told}
    assert {"policy__EnoughRows", "policy__UsageWritten", "conformity"} <= names
