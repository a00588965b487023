"""Names that Python or the house needs for itself are no names of domains, products or inputs."""

from __future__ import annotations

import keyword
from pathlib import Path

import pytest
from commands import mesh
from meshes import contract, manifest, write, write_mesh

from mesh_defs.errors import MeshError
from mesh_defs.faults import Fault
from mesh_defs.names import reserved, wrong_name
from mesh_defs.product.load import load_mesh
from mesh_defs.product.scaffold import scaffold_domain, scaffold_product

PROPERTIES = "- {name: id, logicalType: integer, required: true}"


def product(domain: str, name: str, body: str = "") -> dict[str, str]:
    return {
        f"domains/{domain}/{name}/defs.yaml": manifest(body),
        f"domains/{domain}/{name}/contract.yaml": contract(name, PROPERTIES),
        f"domains/{domain}/{name}/{name}.sql": "select 1 as id",
    }


def faults(root: Path, files: dict[str, str]) -> list[Fault]:
    return list(load_mesh(write_mesh(root, files)).faults)


@pytest.mark.parametrize("word", ["class", "import", "async", "from", "lambda"])
def test_a_word_of_python_is_no_name(tmp_path: Path, word: str) -> None:
    found = faults(tmp_path, {**product(word, "good"), **product("shop", word)})
    assert [f.file for f in found] == [
        f"domains/shop/{word}/defs.yaml",
        f"domains/{word}/defs.yaml",
    ] or [f.file for f in found] == [
        f"domains/{word}/defs.yaml",
        f"domains/shop/{word}/defs.yaml",
    ]
    assert all(f"'{word}', a word of Python" in f.found for f in found)
    assert {f.fix for f in found} == {
        f"rename the domain, such as '{word}_domain'",
        f"rename the product, such as '{word}_data'",
    }
    assert f"{word}/good" in load_mesh(tmp_path).products


def test_a_domain_cannot_have_the_name_of_what_its_location_has_already(tmp_path: Path) -> None:
    import mesh_defs.locations

    for name in vars(mesh_defs.locations):
        assert wrong_name("domain", name) is not None, name
    (fault,) = faults(tmp_path, product("annotations", "good"))
    assert "which is taken" in fault.found


def test_inputs_are_parameters_of_python_and_outputs_are_not(tmp_path: Path) -> None:
    body = "inputs:\n  class: mesh://shop/a\n  context: mesh://shop/a\n  fine: mesh://shop/a\n"
    files = {**product("shop", "a"), **product("shop", "b", body)}
    found = faults(tmp_path, files)
    assert [(f.line, f.key) for f in found] == [
        (8, "attributes.inputs.class"),
        (9, "attributes.inputs.context"),
    ]
    assert "class_rows" in found[0].fix
    assert wrong_name("output", "class") is None


def test_every_keyword_is_reserved() -> None:
    for word in keyword.kwlist:
        assert wrong_name("domain", word) is not None, word
        assert wrong_name("product", word) is not None, word
        assert wrong_name("input", word) is not None, word
    for word in keyword.softkwlist:
        assert word not in reserved("product")
    assert wrong_name("product", "classes") is None


@pytest.mark.parametrize(("domain", "name"), [("class", "x"), ("shop", "import")])
def test_what_is_scaffolded_has_no_such_name(tmp_path: Path, domain: str, name: str) -> None:
    write(tmp_path, {"mesh.yaml": "name: fresh\n"})
    with pytest.raises(MeshError, match="a word of Python"):
        scaffold_product(tmp_path, domain, name)
    with pytest.raises(MeshError, match="which is taken"):
        scaffold_domain(tmp_path, "annotations")
    done = mesh(tmp_path, "new", "product", f"{domain}/{name}")
    assert done.returncode == 2
    assert "a word of Python" in " ".join(done.stderr.split())
    assert not (tmp_path / "domains").exists()
