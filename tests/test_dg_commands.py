"""The plain Dagster ways: ``dg`` on the repository itself, and on a mesh with something broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dagster_meshes import PYPROJECT, two_domains, write
from meshes import MESH_YAML

REPOSITORY = Path(__file__).parent.parent


def dg(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``dg`` in ``where``, with a Dagster home of its own."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "COLUMNS": "200",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    command = "from dagster_dg_cli.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", command, *arguments],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture
def repository_products() -> set[str]:
    from mesh_defs.product.load import load_mesh

    mesh = load_mesh(REPOSITORY)
    return {
        f"{product.identity}/{output.name}"
        for product in mesh.products.values()
        for output in product.outputs
    }


def test_list_defs_shows_every_port_of_the_repository(repository_products: set[str]) -> None:
    result = dg(REPOSITORY, "list", "defs", "--json")
    assert result.returncode == 0, result.stderr
    listed = json.loads(result.stdout[result.stdout.index("{") :])
    assert repository_products <= {asset["asset_key"] for asset in listed["assets"]}


def test_the_component_tree_shows_domains_and_products() -> None:
    result = dg(REPOSITORY, "list", "component-tree")
    assert result.returncode == 0, result.stderr
    for line in ("(Domain)", "fleet", "aircraft", "(DataProduct)"):
        assert line in result.stdout


def test_the_repositorys_yaml_and_definitions_pass() -> None:
    result = dg(REPOSITORY, "check", "defs", "--check-yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "All component YAML validated successfully" in result.stdout


def test_check_yaml_knows_the_manifests_schema(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    file = root / "domains/finance/totals/defs.yaml"
    file.write_text(file.read_text().replace("archetype: aggregate", "archetype: pile"))
    for other in ("sales/orders",):
        (root / "domains" / other / "defs.yaml").unlink()
    result = dg(root, "check", "yaml")
    assert result.returncode == 1
    assert "'pile' is not one of" in result.stdout


def test_a_broken_product_keeps_no_other_from_being_listed(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    write(root, {"domains/sales/refunds/defs.yaml": "type: mesh_defs.DataProduct\n  x: [\n"})
    result = dg(root, "list", "defs", "--json")
    assert result.returncode == 0, result.stderr
    listed = json.loads(result.stdout[result.stdout.index("{") :])
    keys = {asset["asset_key"] for asset in listed["assets"]}
    assert {"sales/orders/orders", "finance/totals/totals", "sales/refunds"} <= keys


def test_scaffolded_products_run_at_once(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "mesh.yaml": MESH_YAML,
            "pyproject.toml": PYPROJECT,
            "domains/__init__.py": "",
            "workspace.yaml": "load_from:\n",
        },
    )
    result = dg(tmp_path, "scaffold", "defs", "mesh_defs.DataProduct", "training/courses")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "attribute: training" in (tmp_path / "workspace.yaml").read_text()
    listed = dg(tmp_path, "list", "defs")
    assert "training/courses/courses" in listed.stdout
    launched = dg(tmp_path, "launch", "--assets", "training/courses/courses")
    assert launched.returncode == 0, launched.stdout + launched.stderr

    import mesh_defs as mesh

    assert mesh.open("mesh://training/courses", root=tmp_path).arrow().num_rows == 2


def test_scaffolding_elsewhere_says_where_products_live(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    result = dg(root, "scaffold", "defs", "mesh_defs.DataProduct", "courses")
    assert result.returncode != 0
    assert "is not of the form domains/<domain>/<product>" in result.stdout + result.stderr
