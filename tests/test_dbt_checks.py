"""All dbt tests of a product's models are its checks; a failing one keeps the version back."""

from __future__ import annotations

from pathlib import Path

import pytest
from dbt_meshes import SOURCES, dbt_mesh, run
from meshes import write
from test_dbt_transform import two_products

import mesh_defs
from mesh_defs.contract.verdicts import Verdict
from mesh_defs.errors import NotPublished
from mesh_defs.product.report import RunReport

pytestmark = pytest.mark.xdist_group("dbt")


def of_dbt(report: RunReport) -> dict[str, Verdict]:
    return {v.rule: v for v in report.verdicts if v.rule.startswith("dbt.")}


def models(*tests: str, column: str = "doubled") -> dict[str, str]:
    listed = "\n".join(f"          - {test}" for test in tests)
    text = f"models:\n  - name: orders\n    columns:\n      - name: {column}\n        data_tests:\n"
    return {"models/orders.yml": text + listed + "\n"}


def test_a_failing_test_of_severity_error_keeps_the_version_back(tmp_path: Path) -> None:
    dbt_mesh(tmp_path, models("unique"))
    report = run(tmp_path)
    verdict = of_dbt(report)["dbt.unique_orders_doubled"]
    assert report.outcome == "failed"
    assert verdict.blocking
    assert (verdict.subject, verdict.column, verdict.dimension) == (
        "orders",
        "doubled",
        "uniqueness",
    )
    assert (verdict.failing_rows, verdict.decided_by, verdict.stage) == (10, "dbt", "promise")
    assert verdict.observed == "10 failing rows"
    with pytest.raises(NotPublished):
        mesh_defs.open("mesh://shop/orders", root=tmp_path)


def test_a_failing_test_of_severity_warn_warns(tmp_path: Path) -> None:
    dbt_mesh(tmp_path, models("unique: {config: {severity: warn}}"))
    report = run(tmp_path)
    verdict = of_dbt(report)["dbt.unique_orders_doubled"]
    assert report.outcome == "published"
    assert (verdict.outcome, verdict.severity, verdict.failing_rows) == ("warned", "warning", 10)


@pytest.mark.parametrize(("at_most", "outcome"), [(9, "failed"), (10, "warned")])
def test_thresholds_of_dbt_decide_between_warning_and_failure(
    tmp_path: Path, at_most: int, outcome: str
) -> None:
    config = f"unique: {{config: {{warn_if: '>0', error_if: '>{at_most}'}}}}"
    dbt_mesh(tmp_path, models(config))
    verdict = of_dbt(run(tmp_path))["dbt.unique_orders_doubled"]
    assert (verdict.outcome, verdict.blocking) == (outcome, outcome == "failed")


def test_a_test_that_cannot_run_is_an_error_and_blocks(tmp_path: Path) -> None:
    dbt_mesh(tmp_path, {"tests/broken.sql": "select nothing from {{ ref('orders') }}"})
    report = run(tmp_path)
    verdict = of_dbt(report)["dbt.broken"]
    assert report.outcome == "failed"
    assert (verdict.outcome, verdict.blocking, verdict.failing_rows) == ("error", True, None)
    assert verdict.reason is not None
    assert verdict.reason.startswith('Binder Error: Referenced column "nothing" not found')


def test_a_test_that_a_contract_names_is_counted_once(tmp_path: Path) -> None:
    rule = (
        "- {id: once, type: custom, engine: dbt, implementation: unique_orders_id}\n"
        "- {id: twice, type: custom, engine: dbt, implementation: {test: not_null_orders_id}}"
    )
    dbt_mesh(tmp_path, models("unique", "not_null", column="id"), quality=rule)
    report = run(tmp_path)
    assert report.outcome == "published"
    assert of_dbt(report) == {}
    named = {v.rule: v.outcome for v in report.verdicts if v.decided_by == "dbt"}
    assert named == {"once": "passed", "twice": "passed"}


def test_tests_of_sources_steps_and_whole_projects_count_for_the_first_port(tmp_path: Path) -> None:
    files = {
        "models/sources.yml": SOURCES.replace(
            "- name: things", "- {name: things, columns: [{name: id, data_tests: [not_null]}]}"
        ),
        "models/step.sql": "select * from {{ source('inputs', 'things') }}",
        "models/orders.sql": "select id, v as doubled from {{ ref('step') }}",
        "models/step.yml": "models: [{name: step, columns: [{name: v, data_tests: [not_null]}]}]",
        "tests/nothing_lost.sql": "select 1 from (select count(*) as n from {{ ref('orders') }}) o "
        "join (select count(*) as n from {{ source('inputs', 'things') }}) t on o.n <> t.n",
    }
    dbt_mesh(tmp_path, files)
    found = {rule: (v.subject, v.outcome) for rule, v in of_dbt(run(tmp_path)).items()}
    assert found == {
        "dbt.source_not_null_inputs_things_id": ("orders", "passed"),
        "dbt.not_null_step_v": ("orders", "passed"),
        "dbt.nothing_lost": ("orders", "passed"),
    }


def test_a_test_across_products_is_an_error_of_the_one_that_owns_it(tmp_path: Path) -> None:
    across = """
        models:
          - name: orders
            columns: [{name: id, data_tests: [unique]}]
          - name: refunds
            columns:
              - name: id
                data_tests:
                  - relationships: {arguments: {to: ref('orders'), field: id}}
        """
    two_products(tmp_path, {"models/tests.yml": across})
    assert run(tmp_path).outcome == "published"
    report = run(tmp_path, "shop/refunds")
    verdict = of_dbt(report)["dbt.relationships_refunds_id__id__ref_orders_"]
    assert (report.outcome, verdict.outcome) == ("failed", "error")
    assert verdict.reason is not None
    assert "model.shop.orders" in verdict.reason


def test_unit_tests_of_a_model_are_checks(tmp_path: Path) -> None:
    unit = """
        unit_tests:
          - name: doubles
            model: orders
            given:
              - input: source('inputs', 'things')
                rows: [{id: 1, v: 4}]
            expect:
              rows: [{id: 1, doubled: EXPECTED}]
        """
    dbt_mesh(tmp_path, {"models/unit.yml": unit.replace("EXPECTED", "8")})
    assert of_dbt(run(tmp_path))["dbt.doubles"].outcome == "passed"
    write(tmp_path, {"dbt_projects/shop/models/unit.yml": unit.replace("EXPECTED", "9")})
    report = run(tmp_path)
    assert (report.outcome, of_dbt(report)["dbt.doubles"].outcome) == ("failed", "failed")


def test_failing_rows_are_shown_but_for_what_may_be_personal(tmp_path: Path) -> None:
    model = "select id, v * 2 as doubled, name from {{ source('inputs', 'things') }}"
    test = "select id, name, name || '!' as shouted from {{ ref('orders') }} where id = 7"
    dbt_mesh(tmp_path, {"models/orders.sql": model, "tests/no_seven.sql": test})
    path = tmp_path / "domains/shop/orders/contract.yaml"
    column = "      - {name: name, logicalType: string, classification: personal}\n"
    path.write_text(path.read_text() + column)
    verdict = of_dbt(run(tmp_path))["dbt.no_seven"]
    assert verdict.samples == ({"id": 7, "name": "***", "shouted": "***"},)
