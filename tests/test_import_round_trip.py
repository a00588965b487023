"""What is exported and imported again promises the same: every contract of the reference mesh."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reference_data import copy_mesh

from mesh_defs.contract.model import PortContract
from mesh_defs.discovery.exports import Exports
from mesh_defs.product.access import MeshAccess
from mesh_defs.product.check import check_mesh
from mesh_defs.product.load import load_mesh
from mesh_defs.product.model import Mesh
from mesh_defs.settings import load_settings
from mesh_defs.standards.importing.bring import import_documents

SERVICES = ("ops", "registry", "stations")


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Mesh, Mesh]:
    """The reference mesh, and a new one with all of it exported and imported."""
    folder = tmp_path_factory.mktemp("round")
    (folder / "first").mkdir()
    root = copy_mesh(folder / "first")
    access = MeshAccess(load_settings(root))
    exports = Exports(access, access.caller, "https://mesh.example")
    for form in ("odps", "odcs"):
        for each in exports.all(form, lambda *told: pytest.fail(str(told))):
            file = folder / "out" / each.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(each.text, encoding="utf-8")
    other = folder / "second"
    (other / "domains").mkdir(parents=True)
    (other / "domains/__init__.py").touch()
    services = "\n".join(f"      {name}: {{driver: files, path: data}}" for name in SERVICES)
    text = f"name: second\nprofiles:\n  local:\n    services:\n{services}\n"
    (other / "mesh.yaml").write_text(text, encoding="utf-8")
    done = import_documents(other, folder / "out")
    assert done.faults == []
    assert check_mesh(other).faults == ()
    return load_mesh(root), load_mesh(other)


def meaning(contract: PortContract) -> tuple[object, ...]:
    """All of a contract but where it is written, and the rules of dbt, which a draft has not."""
    rules = [
        replace(rule, line=0, key="")
        for rule in contract.rules
        if getattr(rule, "engine", None) != "dbt"
    ]
    columns = [replace(column, line=0) for column in contract.columns]
    return contract.name, contract.description, columns, rules, contract.service_levels


def test_every_contract_means_the_same(meshes: tuple[Mesh, Mesh]) -> None:
    first, second = meshes
    assert set(second.products) == set(first.products)
    compared = 0
    for identity, product in first.products.items():
        there = {output.name: output for output in second.products[identity].outputs}
        assert set(there) == {output.name for output in product.outputs}
        for output in product.outputs:
            assert meaning(there[output.name].promise) == meaning(output.promise), output.name
            assert there[output.name].continues == output.continues
            compared += len(output.promise.rules)
    assert compared > 300


def test_every_manifest_says_the_same_as_a_draft(meshes: tuple[Mesh, Mesh]) -> None:
    first, second = meshes
    for identity, product in first.products.items():
        here, there = product.manifest, second.products[identity].manifest
        assert there.status == "draft"
        for name in ("archetype", "version", "owner", "purpose", "limitations", "usage", "tags"):
            assert getattr(there, name) == getattr(here, name), (identity, name)
        assert (there.licence, there.purposes) == (here.licence, here.purposes)
        sources = {name: each.from_ for name, each in here.inputs.items()}
        assert {name: each.from_ for name, each in there.inputs.items()} == sources
