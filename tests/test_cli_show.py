"""``mesh show``: a product as it describes itself, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from access_meshes import sales_mesh
from commands import mesh
from meshes import contract, manifest, write


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = sales_mesh(tmp_path_factory.mktemp("mesh"))
    write(
        root,
        {
            "domains/shop/draft/defs.yaml": manifest(
                'inputs: {sales: files://sales}\nlimitations: "\\e[31mred\\a"\n'
            ),
            "domains/shop/draft/contract.yaml": contract(
                "draft", "[{name: id, classification: public, required: true}]"
            ),
            "domains/shop/draft/draft.sql": "select id from sales",
        },
    )
    return root


def test_for_people(root: Path) -> None:
    done = mesh(root, "show", "mesh://shop/sales", MESH_PRINCIPAL="person:ada@shop.example")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "mesh://shop/sales"
    assert "  purpose            A product of a test." in lines
    rows = {line.split()[0]: line for line in lines if line.startswith("  ") and line.split()}
    assert "EWR 33%" in rows["origin"]
    assert "not shown" in rows["email"]
    assert "mail.example" not in done.stdout
    assert "made of files://sales" in lines
    assert '  table = mesh.open("mesh://shop/sales/sales").arrow()' in lines
    assert "▁" in done.stdout or "█" in done.stdout


def test_for_programs(root: Path) -> None:
    guest = {"MESH_PRINCIPAL": "person:guest@shop.example"}
    done = mesh(root, "show", "mesh://shop/sales?version=0", "--json", **guest)
    document = json.loads(done.stdout)
    assert (document["url"], document["version"]) == ("mesh://shop/sales", 0)
    price = next(c for c in document["ports"][0]["columns"] if c["name"] == "price")
    assert (price["values_told"], price["profile"]["least"]) == (False, None)


def test_a_draft_and_its_control_characters(root: Path) -> None:
    who = {"MESH_PRINCIPAL": "person:ada@shop.example"}
    done = mesh(root, "show", "mesh://shop/draft", **who)
    assert "it was never published; publish it with: mesh run mesh://shop/draft" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\\x1b[31mred\\x07" in done.stdout


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("mesh://shop/sales/none", 2, "has no port 'none'; it has sales"),
        ("mesh://shop/sales#id", 2, "names a column"),
        ("sales", 2, "is not a global URL"),
        ("mesh://shop/nowhere", 2, "no product mesh://shop/nowhere"),
        ("mesh://shop/sales?version=7", 2, "has no version 7"),
    ],
)
def test_what_is_not_there(root: Path, url: str, code: int, said: str) -> None:
    done = mesh(root, "show", url, MESH_PRINCIPAL="person:ada@shop.example")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_purpose_that_nobody_names_is_wrong_use(root: Path) -> None:
    who = {"MESH_PRINCIPAL": "person:ada@shop.example"}
    done = mesh(root, "show", "mesh://shop/sales", "--purpose", "analytic", **who)
    assert done.returncode == 2
    assert "allowed: analytics, care. Fix: write 'analytics'" in done.stderr
    done = mesh(root, "show", "mesh://shop/sales", "--purpose", "care", **who)
    assert done.returncode == 0, done.stderr
