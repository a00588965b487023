"""``mesh plan --against``: the mesh at a git revision, in real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from commands import mesh
from plan_meshes import plan, product, replace, shop, without_column

from mesh_defs.product.plan.revision import NoRevision, mesh_at

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *IDENTITY, *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def repository(top: Path, inside: str = "") -> Path:
    """The shop's mesh, committed on the branch ``main``, in the folder ``inside``."""
    root = top / inside
    root.mkdir(parents=True, exist_ok=True)
    shop(root, run=False)
    git(top, "init", "--quiet", "--initial-branch=main")
    (top / ".gitignore").write_text(".mesh/\n")
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "A shop")
    return root


@pytest.mark.parametrize("inside", ["", "data/mesh of ours"])
def test_the_working_tree_against_a_branch(tmp_path: Path, inside: str) -> None:
    root = repository(tmp_path, inside)
    git(tmp_path, "checkout", "--quiet", "-b", "change")
    assert plan(root, against="main", build=False).products == ()
    without_column(root, "amount")
    found = plan(root, against="main", build=False)
    assert found.against.startswith("main (")
    assert [p.identity for p in found.products] == ["shop/sales"]
    assert found.stops
    git(tmp_path, "commit", "--quiet", "--all", "--message", "No amounts")
    assert plan(root, against="change", build=False).products == ()
    assert plan(root, against="HEAD~1", build=False).stops


def test_the_new_version_is_built_and_consumers_are_asked(tmp_path: Path) -> None:
    root = repository(tmp_path)
    without_column(root, "amount")
    sales = product(plan(root, against="main"), "shop/sales")
    assert sales.build is not None
    assert sales.build.outcome == "built"
    (daily,) = (t for t in sales.touched if t.product == "shop/daily")
    assert daily.how == "expects"  # never published: no lineage, but its manifest says so
    assert daily.unmet


def test_the_mode_is_known_of_a_revision(tmp_path: Path) -> None:
    root = repository(tmp_path)
    body = "inputs: {sales: files://sales}"
    mode = f"{body}\n  outputs: {{sales: {{mode: append, cursor: sale}}}}"
    replace(root, "domains/shop/sales/defs.yaml", body, mode)
    (change,) = product(plan(root, against="main", build=False), "shop/sales").comparison.changes
    assert (change.kind, change.before, change.after) == ("mode", "snapshot", "append by sale")


def test_policies_in_force_change_no_product_by_themselves(tmp_path: Path) -> None:
    root = repository(tmp_path)
    replace(root, "mesh.yaml", "name: test", "name: test\npolicies: [VersionRaised]")
    assert plan(root, against="main", build=False).products == ()


def test_products_that_came_and_went(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "domains/office/places").rename(root / "domains/office/shops")
    replace(root, "domains/office/shops/contract.yaml", "name: places", "name: shops")
    states = {p.identity: p.state for p in plan(root, against="main", build=False).products}
    assert states == {"office/places": "removed", "office/shops": "new"}


def test_a_product_that_was_broken_then(tmp_path: Path) -> None:
    root = repository(tmp_path)
    contract = "domains/shop/sales/contract.yaml"
    replace(root, contract, "kind: DataContract", "kind: Contract")
    git(tmp_path, "commit", "--quiet", "--all", "--message", "Broken")
    replace(root, contract, "kind: Contract", "kind: DataContract")
    sales = product(plan(root, against="main", build=False), "shop/sales")
    assert sales.state == "unknown"
    assert (sales.problem or "").startswith("it was broken at main (")


def test_a_link_in_the_repository_leads_nowhere(tmp_path: Path) -> None:
    root = repository(tmp_path)
    (root / "domains/away").symlink_to("/etc")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "A link")
    with mesh_at(root, "main") as (folder, _):
        assert (folder / "mesh.yaml").is_file()
        assert not (folder / "domains/away").exists()
    assert not folder.exists()


@pytest.mark.parametrize("revision", ["mian", "--output=/tmp/x", "main:mesh.yaml", ""])
def test_an_unknown_revision(tmp_path: Path, revision: str) -> None:
    root = repository(tmp_path)
    with pytest.raises(NoRevision, match="git knows no revision"):
        plan(root, against=revision)
    done = mesh(root, "plan", f"--against={revision}")
    assert done.returncode == 2
    assert "git branch -a" in done.stderr


def test_no_repository(tmp_path: Path) -> None:
    done = mesh(shop(tmp_path, run=False), "plan", "--against", "main")
    assert done.returncode == 2
    assert "lies in no git repository" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_git(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    done = mesh(root, "plan", "--against", "main", PATH=str(tmp_path))
    assert done.returncode == 2
    assert "install git" in done.stderr


def test_no_mesh_at_that_revision(tmp_path: Path) -> None:
    root = repository(tmp_path)
    git(tmp_path, "rm", "--quiet", "--cached", "mesh.yaml")
    git(tmp_path, "commit", "--quiet", "--message", "No mesh")
    with pytest.raises(NoRevision, match=r"there is no mesh.yaml at revision 'main'"):
        plan(root, against="main")


def test_a_shallow_clone_says_how_to_get_more(tmp_path: Path) -> None:
    source = repository(tmp_path / "source")
    old = git(source, "rev-parse", "HEAD")
    git(source, "commit", "--quiet", "--allow-empty", "--message", "More")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", source.as_uri(), str(clone)], check=True
    )
    with pytest.raises(NoRevision, match="git fetch --unshallow"):
        plan(clone, against=old)
