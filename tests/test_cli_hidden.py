"""Commands tell who may not know of a product the very same as of one that there is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from access_meshes import publish
from commands import mesh
from http_meshes import SECRET, http_mesh
from meshes import contract, manifest, write

MADE = "mesh://shop/made"
NOWHERE = "mesh://shop/secrex"
GUEST = {"MESH_PRINCIPAL": "person:guest@shop.example"}
AUDITOR = {"MESH_PRINCIPAL": "service:reports"}
COMMANDS = (
    ("show",),
    ("lineage",),
    ("verify",),
    ("export",),
    ("feedback",),
    ("usage",),
    ("audit", "show"),
    ("grants",),
    ("request", "--purpose", "care", "--for", "1d"),
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With ``shop/made``, which everybody may know of, of the secret."""
    root = http_mesh(tmp_path_factory.mktemp("mesh") / "mesh")
    write(
        root,
        {
            "domains/shop/made/defs.yaml": manifest("inputs: {secret: mesh://shop/secret}"),
            "domains/shop/made/contract.yaml": contract(
                "made", "[{name: id, classification: internal, required: true}]"
            ),
            "domains/shop/made/made.sql": "select id from secret",
        },
    )
    publish(root, MADE)
    return root


@pytest.fixture
def root(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built, tmp_path / "mesh")
    return tmp_path / "mesh"


def words(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_what_is_hidden_is_told_as_what_there_is_not(built: Path, command: tuple[str, ...]) -> None:
    name, *more = command
    hidden, none = (mesh(built, name, *more, url, **GUEST) for url in (SECRET, NOWHERE))
    assert (hidden.returncode, none.returncode) == (2, 2), hidden.stderr
    assert words(hidden.stderr).replace(SECRET, NOWHERE) == words(none.stderr)
    assert "the nearest are mesh://shop/" in words(none.stderr)
    assert SECRET not in none.stderr
    assert hidden.stdout == none.stdout == ""


@pytest.mark.parametrize("suffix", ["?version=7", "?as_of=2001-01-01", "?version=0"])
def test_no_version_of_what_is_hidden_is_told(built: Path, suffix: str) -> None:
    for command in ("show", "verify"):
        hidden, none = (mesh(built, command, url + suffix, **GUEST) for url in (SECRET, NOWHERE))
        assert words(hidden.stderr).replace(SECRET, NOWHERE) == words(none.stderr)
        assert hidden.returncode == none.returncode == 2


def test_who_may_know_of_it_is_told_its_name(built: Path) -> None:
    for name, *more in COMMANDS:
        done = mesh(built, name, *more, NOWHERE, **AUDITOR)
        assert done.returncode == 2
        assert f"write '{SECRET}' instead of '{NOWHERE}'" in words(done.stderr)
    assert mesh(built, "verify", SECRET, **AUDITOR).returncode == 0


def test_what_it_was_made_from_is_verified_and_not_named(root: Path) -> None:
    whole = mesh(root, "verify", MADE, **AUDITOR)
    assert "from files://sales" in whole.stdout
    told = mesh(root, "verify", MADE, **GUEST)
    assert told.returncode == 0, told.stderr
    assert "2 versions in its chain" in told.stdout
    assert "1 version of products that you may not know of" in told.stdout
    found = json.loads(mesh(root, "verify", MADE, "--json", "--deep", **GUEST).stdout)
    assert (found["sound"], found["hidden"], found["sources"]) == (True, 1, [])
    assert [one["url"] for one in found["versions"]] == [f"{MADE}?version=0"]
    assert "secret" not in told.stdout + json.dumps(found)


@pytest.mark.parametrize("harm", ["ledger/000000000000.json", "attestations/000000000000.json", ""])
def test_what_is_wrong_with_it_is_told_without_its_name(root: Path, harm: str) -> None:
    store = root / ".mesh/storage/shop/secret"
    if harm:
        (store / harm).write_text("{}")
    else:
        shutil.rmtree(store)
    for more in ((), ("--json",)):
        done = mesh(root, "verify", MADE, *more, **GUEST)
        assert done.returncode == 1
        assert "a product that you may not know of" in done.stdout
        assert "secret" not in done.stdout + done.stderr
