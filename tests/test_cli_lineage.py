"""``mesh lineage``: trees for people, pictures, JSON; what may not be known of is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import mesh
from http_meshes import http_mesh
from plan_meshes import shop


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"))


def said(root: Path, *arguments: str, code: int = 0, **more: str) -> str:
    done = mesh(root, "lineage", *arguments, **more)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def test_a_product_both_ways(root: Path) -> None:
    assert said(root, "mesh://shop/daily").splitlines() == [
        "mesh://shop/daily  version 0",
        "  made of",
        "  └─ mesh://shop/sales/sales  version 0",
        "     └─ files://sales",
        "  goes into",
        "  └─ mesh://office/best  reads daily, version 0",
    ]


def test_a_column_one_way(root: Path) -> None:
    assert said(root, "mesh://office/best#most", "--up").splitlines() == [
        "mesh://office/best/best#most  version 0",
        "  made of",
        "  └─ mesh://shop/daily/daily#takings",
        "     └─ mesh://shop/sales/sales#amount  aggregated",
        "        └─ files://sales#amount",
    ]
    assert len(said(root, "mesh://office/best#most", "--up", "--depth", "1").splitlines()) == 3


def test_down_tells_what_breaks(root: Path) -> None:
    shown = said(root, "mesh://shop/sales#amount", "--down")
    assert "made of" not in shown
    assert (
        "  without it\n    mesh://shop/daily (team:test)\n      directly by sales#amount" in shown
    )
    assert "rule amount.minimum of mesh://shop/sales/sales#amount: every amount" in shown
    assert "domains/shop/sales/contract.yaml:" in shown


def test_an_operational_system_is_a_place_to_begin(root: Path) -> None:
    shown = said(root, "files://sales#amount", "--down", "--depth", "2").splitlines()
    assert shown[:4] == [
        "files://sales#amount",
        "  goes into",
        "  └─ mesh://shop/sales/sales#amount",
        "     ├─ mesh://shop/daily/daily#takings  aggregated",
    ]


def test_json_has_nodes_edges_and_what_breaks(root: Path) -> None:
    told = json.loads(said(root, "mesh://shop/sales#amount", "--down", "--json"))
    ids = {node["id"] for node in told["nodes"]}
    assert {edge["source"] for edge in told["edges"]} <= ids
    assert "mesh://shop/daily/daily#takings" in ids
    assert told["impact"]["products"][0]["product"] == "mesh://shop/daily"
    assert "impact" not in json.loads(said(root, "mesh://shop/sales", "--format", "json"))


def test_pictures(root: Path) -> None:
    drawn = said(root, "mesh://shop/daily", "--format", "mermaid")
    assert drawn.startswith('flowchart LR\n  n0["mesh://shop/daily"]\n')
    drawn = said(root, "mesh://shop/daily", "--format", "dot")
    assert drawn.startswith("digraph lineage {\n")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mesh://shop/dayly", "write 'mesh://shop/daily' instead"),
        ("mesh://shop/daily/none", "has no port 'none'"),
        ("mesh://shop/daily#tacings", "write 'takings' instead of 'tacings'"),
        ("files://none", "no product reads files://none"),
        ("files://sales#none", "no product reads files://sales#none"),
        ("daily", "'daily' is no URL; write mesh://"),
        ("mesh://shop/daily?version=0", "names data of a product"),
    ],
)
def test_wrong_use_is_told(root: Path, url: str, message: str) -> None:
    assert message in " ".join(said(root, url, code=2).split())


def test_a_broken_product_says_what_is_wrong_in_it(tmp_path: Path) -> None:
    root = shop(tmp_path, run=False)
    (root / "domains/shop/daily/daily.sql").unlink()
    assert "domains/shop/daily/defs.yaml" in said(root, "mesh://shop/daily", code=1)


def test_what_the_reader_may_not_know_of_is_not_there(tmp_path: Path) -> None:
    root = http_mesh(tmp_path)
    guest, auditor = (
        {"MESH_PRINCIPAL": w} for w in ("person:guest@shop.example", "service:reports")
    )
    assert "shop/secret" in said(root, "files://sales", **auditor)
    assert "shop/secret" not in said(root, "files://sales", **guest)
    assert "no product mesh://shop/secret" in said(root, "mesh://shop/secret", code=2, **guest)
    assert "files://sales" in said(root, "mesh://shop/secret", **auditor)
