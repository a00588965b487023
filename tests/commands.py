"""The real command ``mesh`` in a process of its own, and a small mesh for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import warm_commands
from meshes import contract, manifest, write_mesh

REPOSITORY = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "mesh_defs.cli"]

AIRCRAFT_SQL = "SELECT 'N1' AS tail_number, 4 AS seats UNION ALL SELECT 'N2', 180 ORDER BY 1\n"
AIRCRAFT_COLUMNS = """
- {name: tail_number, logicalType: string, physicalType: VARCHAR, primaryKey: true, required: true}
- {name: seats, logicalType: integer, physicalType: INTEGER, logicalTypeOptions: {minimum: 1}}
"""
WORKSPACE = """
load_from:
  - python_module:
      module_name: mesh_defs.locations
      attribute: fleet
      location_name: fleet
"""


def environment(**more: str) -> dict[str, str]:
    """The environment of a command: this repository is importable, no other mesh is named."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}
    kept.pop("DAGSTER_HOME", None)
    return {**kept, "PYTHONPATH": str(REPOSITORY), **more}


def mesh(
    root: Path, *arguments: str, answer: str = "", timeout: float = 240, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run ``mesh`` with ``arguments`` in ``root``; ``answer`` is what a person would type."""
    return warm_commands.run(list(arguments), root, environment(**more), answer, timeout)


def cold_mesh(
    root: Path, *arguments: str, answer: str = "", **more: str
) -> subprocess.CompletedProcess[str]:
    """As `mesh`, in a process that starts from nothing: for tests of what a command brings along
    itself."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=root,
        env=environment(**more),
        input=answer,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def imported_by(root: Path, *arguments: str) -> set[str]:
    """The modules that ``mesh`` with ``arguments`` has imported when it is done, which is well."""
    program = (
        "import sys; from mesh_defs.cli.main import main; "
        f"code = main({list(arguments)!r}); print(*sys.modules); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def aircraft_files(**replaced: str) -> dict[str, str]:
    """The files of a sound product ``fleet/aircraft``, some of them replaced by their last name."""
    files = {
        "workspace.yaml": WORKSPACE,
        "domains/fleet/aircraft/defs.yaml": manifest(),
        "domains/fleet/aircraft/contract.yaml": contract("aircraft", AIRCRAFT_COLUMNS),
        "domains/fleet/aircraft/aircraft.sql": AIRCRAFT_SQL,
    }
    return {**files, **{f"domains/fleet/aircraft/{n}": text for n, text in replaced.items()}}


def aircraft_mesh(root: Path) -> Path:
    """A mesh with the one product ``fleet/aircraft``: two rows, no input."""
    return write_mesh(root, aircraft_files())
