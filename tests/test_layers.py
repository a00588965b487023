"""Imports follow the layers, the public surface is what it says, and starting is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mesh_defs

PACKAGE = Path(mesh_defs.__file__).parent
HEAVY = {
    "dagster",
    "cedarpy",
    "dbt",
    "deltalake",
    "great_expectations",
    "pandas",
    "polars",
    "pyarrow",
    "sklearn",
}

# Each room may import the rooms after it in the same row, and nothing else of ours.
ROOMS = {
    "contract": {"contract"},
    "drivers": {"drivers", "contract"},
    "policy": {"policy", "drivers", "contract"},
    "product": {"product", "policy", "drivers", "contract"},
    "orchestration": {"orchestration", "product", "policy", "drivers", "contract"},
    "gateway": {"gateway", "discovery", "standards", "product", "policy", "drivers", "contract"},
    "discovery": {"discovery", "standards", "product", "policy", "drivers", "contract"},
    "standards": {"standards", "product", "policy", "drivers", "contract"},
    "client": {"client", "gateway", "product", "policy", "drivers", "contract"},
    "cli": {
        "cli",
        "client",
        "gateway",
        "discovery",
        "standards",
        "orchestration",
        "product",
        "policy",
        "drivers",
        "contract",
    },
}


def modules(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


def imported(path: Path, *, at_start_only: bool = False) -> set[str]:
    """Every module that ``path`` imports, type checking left out."""
    tree = ast.parse(path.read_text())
    skipped = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    nodes = tree.body if at_start_only else list(ast.walk(tree))
    names: set[str] = set()
    for node in nodes:
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module}
    return names


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room: str) -> None:
    for path in modules(room):
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "mesh_defs" and len(parts) > 2 and parts[1] in ROOMS:
                assert parts[1] in ROOMS[room], f"{path} imports {name}"


def test_only_orchestration_and_what_dagster_loads_import_dagster() -> None:
    allowed = {PACKAGE / "definitions.py", PACKAGE / "locations.py"}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "orchestration") or path in allowed:
            continue
        found = {n for n in imported(path) if n == "dagster" or n.startswith("dagster.")}
        assert not found, f"{path} imports {found}"


def test_heavy_packages_are_imported_where_they_are_needed() -> None:
    # dbt itself loads its plugin, and Dagster what stands in orchestration.
    loaded_by_others = {"definitions.py", "locations.py", "dbt_plugin.py"}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.is_relative_to(PACKAGE / "orchestration") or path.name in loaded_by_others:
            continue
        found = {n for n in imported(path, at_start_only=True) if n.split(".")[0] in HEAVY}
        assert not found, f"{path} imports {found} at its start"


def test_the_public_surface_is_what_it_says() -> None:
    assert sorted(mesh_defs.__all__) == mesh_defs.__all__
    for name in mesh_defs.__all__:
        assert getattr(mesh_defs, name) is not None
    assert set(mesh_defs.__all__) <= set(dir(mesh_defs))
    assert mesh_defs.__all__ == [
        "AccessDenied",
        "Busy",
        "Connection",
        "Contract",
        "CorruptRecord",
        "DataPolicy",
        "DataProduct",
        "DeclaredPolicy",
        "Domain",
        "Fault",
        "Finding",
        "InvalidMesh",
        "InvalidRequest",
        "Mesh",
        "MeshError",
        "MeshUrl",
        "MissingDriver",
        "NoMesh",
        "NotPublished",
        "Port",
        "Product",
        "PromiseBroken",
        "PublishConflict",
        "RemotePort",
        "RunFailed",
        "RunReport",
        "SourceUnavailable",
        "StagedPort",
        "StorageFailed",
        "TransformFailed",
        "Unauthenticated",
        "UnknownAddress",
        "UnknownProfile",
        "UnknownRecord",
        "Verdict",
        "WrongState",
        "connect",
        "load_contract",
        "load_mesh",
        "open",
        "parameter",
        "run_product",
    ]


def test_every_error_of_the_tree_is_a_mesh_error() -> None:
    from mesh_defs import errors

    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)]
    assert all(issubclass(c, errors.MeshError) for c in classes)
    assert {c.__name__ for c in classes} <= set(mesh_defs.__all__)


@pytest.mark.parametrize(
    "statement", ["import mesh_defs", "from mesh_defs.product.load import load_mesh"]
)
def test_importing_brings_nothing_heavy(statement: str) -> None:
    script = f"{statement}; import sys; print(*sorted({sorted(HEAVY)!r} & sys.modules.keys()))"
    script = script.replace(f"{sorted(HEAVY)!r}", f"set({sorted(HEAVY)!r})")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
