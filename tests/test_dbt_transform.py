"""Products made by dbt: models become versions, whatever they are made of."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dbt_meshes import ORDERS, SOURCES, dbt_mesh, run
from meshes import contract, manifest, write, write_parquet

import mesh_defs
from mesh_defs.product.ledger import Ledger
from mesh_defs.product.stores import ledger

pytestmark = pytest.mark.xdist_group("dbt")

THINGS = "{{ source('inputs', 'things') }}"
EVERYTHING = {
    "models/step.sql": f"{{{{ config(materialized='ephemeral') }}}} select * from {THINGS}",
    "models/middle.sql": "{{ config(materialized='view') }} "
    "select id, {{ twice('v') }} as v from {{ ref('step') }}",
    "models/orders.sql": "select middle.id, v * factor as doubled "
    "from {{ ref('middle') }} as middle cross join {{ ref('factors') }}",
    "macros/twice.sql": "{% macro twice(column) %}2 * {{ column }}{% endmacro %}",
    "seeds/factors.csv": "factor\n3\n",
}


def rows(root: Path, product: str = "shop/orders", query: str = "sum(doubled)") -> object:
    port = mesh_defs.open(f"mesh://{product}", root=root)
    return port.duckdb().aggregate(query).fetchall()[0][0]


@pytest.mark.parametrize("materialized", ["table", "view", "ephemeral", "incremental"])
def test_a_port_may_be_materialized_in_any_way(tmp_path: Path, materialized: str) -> None:
    config = f"{{{{ config(materialized='{materialized}') }}}} "
    tests = "models: [{name: orders, columns: [{name: id, data_tests: [unique]}]}]"
    dbt_mesh(tmp_path, {"models/orders.sql": config + ORDERS, "models/orders.yml": tests})
    report = run(tmp_path)
    assert report.outcome == "published"
    assert [v.outcome for v in report.verdicts if v.rule == "dbt.unique_orders_id"] == ["passed"]
    write_parquet(tmp_path, "things", "select i as id, 1 as v from range(5) t(i)")
    run(tmp_path)
    assert (rows(tmp_path, query="count(*)"), rows(tmp_path)) == (5, 10)


def test_seeds_macros_and_models_in_between_are_built(tmp_path: Path) -> None:
    dbt_mesh(tmp_path, EVERYTHING)
    assert run(tmp_path).outcome == "published"
    assert rows(tmp_path) == sum(range(10)) * 10 * 2 * 3


def test_macros_of_an_installed_package_work(tmp_path: Path) -> None:
    package = "dbt_projects/shop/dbt_packages/helpers"
    dbt_mesh(
        tmp_path,
        {
            "packages.yml": "packages: [{local: ../helpers}]",
            "models/orders.sql": "select id, {{ helpers.half('v') }} as doubled "
            "from {{ source('inputs', 'things') }}",
        },
    )
    write(
        tmp_path,
        {
            f"{package}/dbt_project.yml": "name: helpers\nversion: 1.0.0\n",
            f"{package}/macros/half.sql": "{% macro half(c) %}({{ c }} // 2){% endmacro %}",
        },
    )
    assert run(tmp_path).outcome == "published"
    assert rows(tmp_path) == 200


def test_an_input_that_is_no_parquet_is_handed_over(tmp_path: Path) -> None:
    dbt_mesh(tmp_path, {})
    (tmp_path / "data/things.parquet").unlink()
    write(tmp_path, {"data/things.csv": "id,v\n1,10\n2,20\n"})
    assert run(tmp_path).outcome == "published"
    assert rows(tmp_path) == 60


def test_a_model_in_python_is_run_by_dbt(tmp_path: Path) -> None:
    code = """
        def model(dbt, connection):
            things = dbt.source("inputs", "things")
            return things.project("id, v + 1 as doubled")
        """
    dbt_mesh(tmp_path, {"models/orders.py": code})
    (tmp_path / "dbt_projects/shop/models/orders.sql").unlink()
    assert run(tmp_path).outcome == "published"
    assert rows(tmp_path) == 550


def test_the_clock_is_the_runs_own_and_does_not_cost_a_second_parsing(tmp_path: Path) -> None:
    model = (
        "select id, v as doubled, '{{ var('mesh_now') }}' as now "
        "from {{ source('inputs', 'things') }}"
    )
    dbt_mesh(tmp_path, {"models/orders.sql": model})
    write(
        tmp_path,
        {
            "domains/shop/orders/contract.yaml": contract(
                "orders",
                "- {name: id, required: true, logicalType: integer}\n"
                "- {name: doubled, logicalType: integer}\n- {name: now, logicalType: string}",
            )
        },
    )
    run(tmp_path)
    first = rows(tmp_path, query="any_value(now)")
    log = tmp_path / ".mesh/work/dbt/shop/orders/logs/dbt.log"
    log.unlink()
    run(tmp_path)
    second = rows(tmp_path, query="any_value(now)")
    assert str(first) < str(second) < "9999-01-01T00:00:00+00:00"
    assert log.is_file()
    assert "Unable to do partial parsing" not in log.read_text(encoding="utf-8")


TWO = {
    "models/sources.yml": SOURCES + "      - name: others\n",
    "models/shared.sql": f"{{{{ config(materialized='view') }}}} select * from {THINGS}",
    "models/orders.sql": "select id, v as doubled from {{ ref('shared') }}",
    "models/refunds.sql": "select s.id, o.w as doubled from {{ ref('shared') }} s "
    "join {{ source('inputs', 'others') }} o using (id)",
    "models/tests.yml": """
        models:
          - name: orders
            columns: [{name: id, data_tests: [unique]}]
          - name: refunds
            columns:
              - name: id
                data_tests:
                  - unique
        """,
}


def two_products(root: Path, more: dict[str, str] | None = None) -> Path:
    dbt_mesh(root, {**TWO, **(more or {})})
    write_parquet(root, "others", "select i as id, 7 as w from range(50) t(i)")
    body = "inputs: {things: files://things, others: files://others}\ntransform: {dbt: shop}"
    text = (root / "domains/shop/orders/contract.yaml").read_text()
    return write(
        root,
        {
            "domains/shop/refunds/defs.yaml": manifest(body),
            "domains/shop/refunds/contract.yaml": text.replace("orders", "refunds"),
        },
    )


def test_two_products_share_a_project_and_each_builds_its_own(tmp_path: Path) -> None:
    two_products(tmp_path)
    first, second = run(tmp_path), run(tmp_path, "shop/refunds")
    assert (first.outcome, second.outcome) == ("published", "published")
    ours = {v.rule for v in first.verdicts if v.decided_by == "dbt"}
    theirs = {v.rule for v in second.verdicts if v.decided_by == "dbt"}
    assert (ours, theirs) == ({"dbt.unique_orders_id"}, {"dbt.unique_refunds_id"})
    assert (rows(tmp_path), rows(tmp_path, "shop/refunds")) == (450, 350)


def test_two_products_of_a_project_run_in_two_processes_at_once(tmp_path: Path) -> None:
    two_products(tmp_path)
    script = (
        "import sys; from dbt_meshes import run; from pathlib import Path; "
        "assert run(Path(sys.argv[1]), sys.argv[2]).outcome == 'published'"
    )
    path = [str(Path(__file__).parent), str(Path(mesh_defs.__file__).parent.parent)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path), product],
            env={"PYTHONPATH": ":".join(path), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for product in ("shop/orders", "shop/refunds")
    ]
    output = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(output)
    assert output == ["", ""]  # dbt speaks through verdicts and errors, never on its own
    assert (rows(tmp_path), rows(tmp_path, "shop/refunds")) == (450, 350)


def test_a_product_of_two_ports_publishes_both_models(tmp_path: Path) -> None:
    two_products(tmp_path)
    body = (
        "inputs: {things: files://things, others: files://others}\ntransform: {dbt: shop}\n"
        "outputs: {orders: {contract: a.yaml}, refunds: {contract: b.yaml}}"
    )
    text = (tmp_path / "domains/shop/orders/contract.yaml").read_text()
    write(
        tmp_path,
        {
            "domains/shop/both/defs.yaml": manifest(body),
            "domains/shop/both/a.yaml": text,
            "domains/shop/both/b.yaml": text.replace("orders", "refunds"),
        },
    )
    report = run(tmp_path, "shop/both")
    found = {v.rule: v.subject for v in report.verdicts if v.rule.startswith("dbt.")}
    assert found == {"dbt.unique_orders_id": "orders", "dbt.unique_refunds_id": "refunds"}
    assert rows(tmp_path, "shop/both/refunds") == 350


def test_nothing_of_dbt_stays_behind_but_its_parsed_project(tmp_path: Path) -> None:
    dbt_mesh(tmp_path, {})
    report = run(tmp_path)
    assert list((tmp_path / ".mesh/work").iterdir()) == [tmp_path / ".mesh/work/dbt"]
    inside = {path.name for path in (tmp_path / "dbt_projects/shop").iterdir()}
    assert inside == {"dbt_project.yml", "models"}
    from meshes import load

    records: Ledger = ledger(load(tmp_path).settings, "shop", "orders")
    latest = records.latest()
    assert latest is not None
    assert latest.run_id == report.run_id
