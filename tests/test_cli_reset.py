"""``mesh reset`` and ``mesh down`` without servers."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from commands import aircraft_mesh, mesh

from mesh_defs.serving import supervisor_of
from mesh_defs.supervisor import Spec

URL = "mesh://fleet/aircraft"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    mesh_root = aircraft_mesh(tmp_path_factory.mktemp("published"))
    assert mesh(mesh_root, "run", URL).returncode == 0
    return mesh_root


@pytest.fixture
def root(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path, dirs_exist_ok=True)


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_it_asks_and_no_is_the_default(root: Path, answer: str) -> None:
    done = mesh(root, "reset", answer=answer)
    assert done.returncode == 1
    assert "nothing was removed" in done.stdout
    assert (root / ".mesh/storage").is_dir()


def test_without_anybody_to_ask_nothing_is_removed(root: Path) -> None:
    done = mesh(root, "reset", answer="")
    assert done.returncode == 2
    assert "pass --yes" in done.stderr
    assert "stopped" not in done.stderr
    assert (root / ".mesh/storage").is_dir()


def test_it_asks_again_until_it_understands(root: Path) -> None:
    done = mesh(root, "reset", answer="perhaps\nno\n")
    assert (done.returncode, done.stdout.count("[y/N]")) == (1, 2)
    assert (root / ".mesh/storage").is_dir()


def test_while_servers_run_it_refuses_before_it_asks(root: Path) -> None:
    supervisor = supervisor_of(root)
    forever = (sys.executable, "-c", "import threading; threading.Event().wait()")
    supervisor.start(Spec("webserver", forever, "stamp", "", {}))
    try:
        for arguments in ((), ("--yes",)):
            done = mesh(root, "reset", *arguments, answer="y\n")
            assert (done.returncode, done.stdout) == (1, "")
            assert "nothing was removed; still running: webserver" in done.stderr
            assert "mesh down" in done.stderr
    finally:
        supervisor.stop()
    assert (root / ".mesh/storage").is_dir()


@pytest.mark.parametrize(("arguments", "answer"), [((), "y\n"), (("--yes",), "")])
def test_it_removes_the_state_and_nothing_else(
    root: Path, arguments: tuple[str, ...], answer: str
) -> None:
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and ".mesh" not in p.parts}
    done = mesh(root, "reset", *arguments, answer=answer)
    assert done.returncode == 0, done.stderr
    assert not (root / ".mesh").exists()
    assert not (root / ".mesh.removed").exists()
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before
    again = mesh(root, "reset")
    assert (again.returncode, again.stdout) == (0, "nothing to remove\n")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path / "mesh")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("keep")
    (root / ".mesh").symlink_to(precious)
    done = mesh(root, "reset", "--yes")
    assert done.returncode == 1
    assert str(precious) in done.stderr
    assert (precious / "file").read_text() == "keep"


def test_down_is_fine_when_nothing_runs(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    assert mesh(root, "down").stdout == "nothing runs\n"
    done = mesh(root, "down", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"stopped": []})
    assert not (root / ".mesh").exists()
