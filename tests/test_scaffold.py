"""What is scaffolded is sound, runs at once, and replaces nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from meshes import MESH_YAML, load, write

from mesh_defs.errors import MeshError
from mesh_defs.product.container import run_product
from mesh_defs.product.scaffold import scaffold_domain, scaffold_product
from mesh_defs.product.schema import write_schemas


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path, {"mesh.yaml": MESH_YAML})


def locations(root: Path) -> list[str]:
    loaded = yaml.safe_load((root / "workspace.yaml").read_text())
    return [entry["python_module"]["location_name"] for entry in loaded["load_from"] or []]


def test_a_product_in_a_new_domain_is_sound_and_runs(root: Path) -> None:
    written = scaffold_product(root, "training", "courses")
    assert all(file.is_file() for file in written)
    mesh = load(root)
    report = run_product(mesh, mesh.products["training/courses"])
    assert report.outcome == "published"
    assert report.tally["passed"] == len(report.verdicts) > 3
    assert locations(root) == ["training"]


def test_domains_are_added_to_what_a_person_wrote_in_the_workspace(root: Path) -> None:
    write(
        root,
        {
            "workspace.yaml": """
            # Ours.
            load_from:
              - python_file: other.py"""
        },
    )
    scaffold_domain(root, "training")
    text = (root / "workspace.yaml").read_text()
    assert text.startswith("# Ours.")
    entries = yaml.safe_load(text)["load_from"]
    assert entries[0] == {"python_file": "other.py"}
    assert entries[1]["python_module"]["attribute"] == "training"


def test_a_workspace_of_another_form_is_left_alone(root: Path) -> None:
    write(root, {"workspace.yaml": "load_from: [{python_file: other.py}]\n"})
    with pytest.raises(MeshError, match="add this below 'load_from:'"):
        scaffold_domain(root, "training")
    assert (root / "workspace.yaml").read_text() == "load_from: [{python_file: other.py}]\n"
    assert not (root / "domains").exists()


def test_what_exists_is_kept(root: Path) -> None:
    scaffold_product(root, "training", "courses")
    before = {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}
    with pytest.raises(MeshError, match=r"exists already: domains/training/courses/defs\.yaml"):
        scaffold_product(root, "training", "courses")
    with pytest.raises(MeshError, match=r"exists already: domains/training/defs\.yaml"):
        scaffold_domain(root, "training")
    assert {file: file.read_bytes() for file in root.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("name", ["Courses", "9lives", "a b", "../up", ""])
def test_a_name_that_is_none_is_refused(root: Path, name: str) -> None:
    with pytest.raises(MeshError, match="is not a name"):
        scaffold_product(root, "training", name)
    with pytest.raises(MeshError, match="is not a name"):
        scaffold_domain(root, name)
    assert not (root / "domains").exists()


def test_editors_find_the_schemas_of_a_mesh_that_has_them(root: Path) -> None:
    write_schemas(root)
    scaffold_product(root, "training", "courses")
    first = (root / "domains/training/courses/defs.yaml").read_text().splitlines()[0]
    path = first.partition("$schema=")[2]
    assert (root / "domains/training/courses" / path).resolve().is_file()
