"""The policy ``VersionRaised``: who changes a contract raises its version, or is not published."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import mesh
from plan_meshes import replace, shop, without_column

from mesh_defs.policy.declared.versions import VersionRaised
from mesh_defs.policy.model import Finding
from mesh_defs.product.container import run_product
from mesh_defs.product.load import load_mesh
from mesh_defs.product.reader import open as open_port

CONTRACT = "domains/shop/sales/contract.yaml"
MANIFEST = "domains/shop/sales/defs.yaml"


def findings(root: Path) -> list[Finding]:
    found = load_mesh(root)
    return list(VersionRaised().findings(found.products["shop/sales"], found))


def raised(root: Path, version: str) -> None:
    for name in (CONTRACT, MANIFEST):
        replace(root, name, "version: 1.0.0", f"version: {version}")


def test_nothing_published_and_nothing_changed(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    assert findings(root) == []
    found = load_mesh(root)
    run_product(found, found.products["shop/sales"])
    assert findings(root) == []


def test_a_breaking_change_without_its_version(tmp_path: Path) -> None:
    root = shop(tmp_path)
    without_column(root, "amount")
    manifest, contract = findings(root)
    assert (manifest.file, manifest.port) == (MANIFEST, None)
    assert (contract.file, contract.port) == (CONTRACT, "sales")
    assert "a breaking change demands 2.0.0 or higher" in manifest.message
    assert "(amount: removed)" in manifest.message
    assert f"write 'version: 2.0.0' in {MANIFEST}" in (manifest.fix or "")


@pytest.mark.parametrize(("version", "count"), [("2.0.0", 0), ("1.1.0", 2)])
def test_data_that_breaks_it_and_data_that_nearly_does(
    tmp_path: Path, version: str, count: int
) -> None:
    root = shop(tmp_path)
    without_column(root, "amount")
    raised(root, version)
    assert len(findings(root)) == count


@pytest.mark.parametrize(("version", "count"), [("1.0.1", 0), ("1.0.0+other", 2)])
def test_words_need_a_patch(tmp_path: Path, version: str, count: int) -> None:
    root = shop(tmp_path)
    replace(root, CONTRACT, "note, logicalType: string", "note, logicalType: string, tags: [x]")
    raised(root, version)
    assert len(findings(root)) == count


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("version: 1.0.0", "version: first", "version: 1.0.0"),
        ("version: 1.0.0", "version: 0.9.0", "version: 1.0.0"),
    ],
)
def test_a_contract_that_leaves_its_versions(
    tmp_path: Path, old: str, new: str, wanted: str
) -> None:
    root = shop(tmp_path)
    replace(root, CONTRACT, old, new)
    (contract,) = findings(root)
    assert (contract.file, contract.port) == (CONTRACT, "sales")
    assert wanted in (contract.fix or "")


def test_a_contract_begins_with_a_version(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    replace(root, CONTRACT, "version: 1.0.0", "version: first")
    (contract,) = findings(root)
    assert "no semantic version" in contract.message


@pytest.mark.parametrize(("unit", "version"), [("dollars", "2.0.0"), ("whole euros", "1.1.0")])
def test_another_unit_in_a_description(tmp_path: Path, unit: str, version: str) -> None:
    root = shop(tmp_path, run=False)
    replace(root, CONTRACT, "{name: amount,", "{name: amount, description: In euros.,")
    found = load_mesh(root)
    run_product(found, found.products["shop/sales"])
    replace(root, CONTRACT, "In euros.", f"In {unit}.")
    assert [version in finding.message for finding in findings(root)] == [True, True]
    raised(root, version)
    assert findings(root) == []


def test_a_role_that_is_removed(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    path = root / CONTRACT
    bare = path.read_text()
    path.write_text(bare.rstrip() + "\nroles: [{role: reader, access: read}]\n")
    found = load_mesh(root)
    run_product(found, found.products["shop/sales"])
    path.write_text(bare)
    assert ["2.0.0" in finding.message for finding in findings(root)] == [True, True]
    raised(root, "2.0.0")
    assert findings(root) == []


def test_a_contract_that_cannot_be_compared_is_no_pass(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, CONTRACT, "minimum: 0", "minimum: 1")
    for kept in (root / ".mesh/storage/shop/sales/contracts").iterdir():
        kept.unlink()
    found = findings(root)
    assert len(found) == 1
    assert "is not kept" in str(found[0])


def test_in_force_it_keeps_the_version_from_being_published(tmp_path: Path) -> None:
    root = shop(tmp_path)
    replace(root, "mesh.yaml", "name: test", "name: test\npolicies: [VersionRaised]")
    without_column(root, "note")
    done = mesh(root, "run", "mesh://shop/sales")
    assert done.returncode == 1
    assert "VersionRaised" in done.stdout + done.stderr
    assert open_port("mesh://shop/sales", root=root).version == 0
    raised(root, "2.0.0")
    assert mesh(root, "run", "mesh://shop/sales").returncode == 0
    assert open_port("mesh://shop/sales@2", root=root).version == 1
