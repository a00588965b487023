"""``mesh new``: what it writes runs at once, and nothing that exists is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from commands import aircraft_mesh, mesh
from jsonschema import Draft202012Validator
from meshes import write


def test_a_new_product_runs_at_once(tmp_path: Path) -> None:
    root = write(tmp_path, {"mesh.yaml": "name: fresh\n"})
    done = mesh(root, "new", "product", "loyalty/members")
    assert done.returncode == 0, done.stderr
    assert "wrote domains/loyalty/members/defs.yaml" in done.stdout
    assert mesh(root, "check").stdout == "1 product, no faults\n"
    run = mesh(root, "run", "mesh://loyalty/members", "--json")
    assert json.loads(run.stdout)["outcome"] == "published"


def test_a_new_domain_joins_the_workspace(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    done = mesh(root, "new", "domain", "loyalty")
    assert done.returncode == 0, done.stderr
    assert mesh(root, "check").returncode == 0
    entries = yaml.safe_load((root / "workspace.yaml").read_text())["load_from"]
    assert [e["python_module"]["location_name"] for e in entries] == ["fleet", "loyalty"]


def test_editors_find_the_schema_of_what_was_written(tmp_path: Path) -> None:
    root = write(tmp_path, {"mesh.yaml": "name: fresh\n"})
    assert mesh(root, "new", "product", "loyalty/members").returncode == 0
    for name in ("domains/loyalty/defs.yaml", "domains/loyalty/members/defs.yaml"):
        file = root / name
        marker, _, path = file.read_text().splitlines()[0].partition("$schema=")
        assert marker == "# yaml-language-server: "
        schema = json.loads((file.parent / path).read_text())
        for document in yaml.safe_load_all(file.read_text()):
            Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("domain",), "Missing argument 'NAME'"),
        (("domain", "Loyalty"), "lower case letters"),
        (("domain", "../x"), "lower case letters"),
        (("domain", "fleet"), "exists already"),
        (("product", "members"), "is not DOMAIN/NAME"),
        (("product", "fleet/a/b"), "lower case letters"),
        (("product", "fleet/aircraft"), "exists already"),
        (("porduct", "x/y"), "No such command 'porduct'"),
    ],
)
def test_wrong_use_writes_nothing(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    root = aircraft_mesh(tmp_path)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    done = mesh(root, "new", *arguments)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
