"""Two domains and their real runs through Dagster: what the tests of the orchestration share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import dagster as dg
from meshes import contract, load, manifest, write, write_mesh, write_parquet

from mesh_defs.orchestration.home import dagster_home, open_instance
from mesh_defs.orchestration.tree import every_location
from mesh_defs.product.model import Mesh

PYPROJECT = """
[project]
name = "a-mesh"
version = "0.0.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "domains"
defs_module = "domains"
code_location_target_module = "mesh_defs.definitions"
registry_modules = ["mesh_defs"]
"""

ORDERS = dg.AssetKey(["sales", "orders", "orders"])
TOTALS = dg.AssetKey(["finance", "totals", "totals"])
VALIDITY = "select i as id, i * 10 as amount from range(1, {n}) t(i)"

_ORDERS_CONTRACT = contract(
    "orders",
    """
    - {name: id, logicalType: integer, required: true, primaryKey: true, primaryKeyPosition: 1}
    - name: amount
      logicalType: integer
      required: true
      description: In cents.
      logicalTypeOptions: {minimum: 0}
    """,
    quality="""
    - {name: some rows, metric: rowCount, mustBeGreaterThan: 0, dimension: completeness}
    - name: many rows
      metric: rowCount
      mustBeGreaterThan: 2
      dimension: completeness
      severity: warning
    - {type: text, description: Orders are never deleted.}
    """,
)

_TOTALS_CONTRACT = contract("totals", "- {name: total, logicalType: integer, required: true}\n")


def two_domains(root: Path, **more: str) -> Path:
    """``sales/orders`` from a file, and ``finance/totals`` that reads it; ``more`` replaces files
    (``__`` stands for ``/``)."""
    write_mesh(
        root,
        {
            "pyproject.toml": PYPROJECT,
            "domains/sales/__init__.py": "",
            "domains/finance/__init__.py": "",
            "domains/sales/orders/defs.yaml": manifest(
                """
                limitations: Only a test.
                tags: [money, "two words"]
                inputs:
                  raw: files://orders
                """
            ),
            "domains/sales/orders/contract.yaml": _ORDERS_CONTRACT,
            "domains/sales/orders/orders.sql": "SELECT id::INTEGER AS id, amount::INTEGER AS "
            "amount FROM raw",
            "domains/finance/totals/defs.yaml": manifest(
                """
                inputs:
                  orders: mesh://sales/orders
                """,
                archetype="aggregate",
            ),
            "domains/finance/totals/contract.yaml": _TOTALS_CONTRACT,
            "domains/finance/totals/totals.sql": "SELECT sum(amount)::INTEGER AS total FROM orders",
            **{name.replace("__", "/"): text for name, text in more.items()},
        },
    )
    orders(root, "(1, 10), (2, 20), (3, 30)")
    return root


def orders(root: Path, rows: str) -> None:
    """Replace the operational data of ``sales/orders``; ``rows`` are VALUES of id and amount."""
    write_parquet(root, "orders", f"SELECT * FROM (VALUES {rows}) AS t (id, amount)")


@cache
def _empty() -> TemporaryDirectory[str]:
    """Dagster's folder as the mesh makes it at first: 24 tables and their indices, in a second."""
    folder: TemporaryDirectory[str] = TemporaryDirectory(
        dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"), prefix="dagster-"
    )
    with open_instance(Path(folder.name)):
        return folder


@contextmanager
def dagster_of(root: Path, *, copied: bool = True) -> Iterator[dg.DagsterInstance]:
    """The mesh's own Dagster instance; DAGSTER_HOME is as before afterwards. A history that is new
    is a copy of an empty one, or without ``copied`` made here."""
    before = os.environ.get("DAGSTER_HOME")
    home = root / ".mesh" / "dagster"
    try:
        if copied and not home.exists():
            shutil.copytree(dagster_home(Path(_empty().name)), home)
        with open_instance(root) as instance:
            yield instance
    finally:
        if before is None:
            os.environ.pop("DAGSTER_HOME", None)
        else:
            os.environ["DAGSTER_HOME"] = before


def run(
    root: Path,
    instance: dg.DagsterInstance,
    keys: Sequence[dg.AssetKey],
    tags: Mapping[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run of the assets ``keys`` in process, read anew from their folders."""
    job = every_location(root).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance, asset_selection=list(keys), raise_on_error=False, tags=tags
    )


def events(result: dg.ExecuteInProcessResult) -> list[str]:
    """Kinds of a run's events that tell of assets, in their order."""
    told = ("ASSET_CHECK_EVALUATION", "ASSET_MATERIALIZATION", "STEP_FAILURE", "STEP_SUCCESS")
    told += ("STEP_UP_FOR_RETRY",)
    return [e.event_type_value for e in result.all_events if e.event_type_value in told]


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """The names of a run's executed checks, and whether they passed."""
    found = result.get_asset_check_evaluations()
    return {evaluation.check_name: evaluation.passed for evaluation in found}


def materialized(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    """How many materializations of ``key`` are recorded."""
    return len(instance.fetch_materializations(key, limit=100).records)


__all__ = [
    "ORDERS",
    "TOTALS",
    "Mesh",
    "checks",
    "contract",
    "dagster_of",
    "events",
    "load",
    "manifest",
    "materialized",
    "orders",
    "run",
    "two_domains",
    "write",
]
