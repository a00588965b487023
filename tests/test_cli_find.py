"""``mesh index`` and ``mesh find`` as commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import mesh
from http_meshes import http_mesh
from test_gateway_search import MESH


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return http_mesh(tmp_path_factory.mktemp("find"), **{"mesh.yaml": MESH})


def found(root: Path, *arguments: str, who: str) -> dict:
    done = mesh(root, "find", *arguments, "--json", MESH_PRINCIPAL=who)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_index_tells_what_it_did(root: Path) -> None:
    done = json.loads(mesh(root, "index", "--rebuild", "--json").stdout)
    assert (done["products"], done["changed"], done["rebuilt"]) == (3, 3, True)
    assert done["failed"] == {}
    again = json.loads(mesh(root, "index", "--json").stdout)
    assert (again["products"], again["changed"], again["rebuilt"]) == (3, 0, False)
    assert "3 products, 0 read" in mesh(root, "index").stdout


def test_find_shows_what_its_caller_may_discover(root: Path) -> None:
    assert found(root, "secret", who="person:ada@shop.example")["results"] == []
    (result,) = found(root, "secret", who="service:reports")["results"]
    assert result["url"] == "mesh://shop/secret"
    told = mesh(root, "find", "secrt", MESH_PRINCIPAL="service:reports").stdout
    assert "nothing has 'secrt'; read as secret" in told
    assert "mesh://shop/secret" in told
    assert "why: secrt as secret in name" in told


def test_a_product_that_cannot_be_read_is_told_and_left_out(tmp_path: Path) -> None:
    root = http_mesh(tmp_path, **{"mesh.yaml": MESH})
    folder = root / "domains/shop/drafted"
    folder.mkdir()
    (folder / "defs.yaml").write_text("type: mesh_defs.DataProduct\nattributes: {nothing: true}\n")
    done = mesh(root, "index", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert list(told["failed"]) == ["mesh://shop/drafted"]
    assert told["changed"] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--trust", "much"], "kept, warned, unproven"), (["--fresh", "soon"], "is no age")],
)
def test_wrong_use(root: Path, arguments: list[str], said: str) -> None:
    done = mesh(root, "find", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_without_words_it_says_what_is_listed(root: Path) -> None:
    every = mesh(root, "find", MESH_PRINCIPAL="service:reports").stdout.splitlines()
    assert every[0] == "all products that you may discover, the newest first"
    assert every == mesh(root, "find", "", MESH_PRINCIPAL="service:reports").stdout.splitlines()
    some = mesh(root, "find", "--domain", "shop", MESH_PRINCIPAL="service:reports").stdout
    assert some.startswith("all products that fit, the newest first\nmesh://shop/")
    none = mesh(root, "find", "--domain", "nowhere", MESH_PRINCIPAL="service:reports").stdout
    assert none == "nothing found that you may discover\n"
    assert "newest first" not in mesh(root, "find", "secret", "--words-only").stdout


@pytest.mark.parametrize("command", [("find", "takings"), ("index",)])
@pytest.mark.parametrize("there", ["a file", "a link to nowhere"])
def test_what_is_in_the_way_of_the_index_is_told(
    tmp_path: Path, there: str, command: tuple[str, ...]
) -> None:
    (tmp_path / "mesh.yaml").write_text("name: test\n")
    place = tmp_path / ".mesh/index"
    place.parent.mkdir()
    if there == "a file":
        place.write_text("")
    else:
        place.symlink_to(tmp_path / "nowhere")
    done = mesh(tmp_path, *command)
    assert done.returncode == 3
    assert f"the index cannot be used: '{place}" in done.stderr
    assert f"move '{place}' away" in done.stderr
    assert not (tmp_path / ".mesh/logs").exists()
