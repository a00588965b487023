"""``mesh`` itself: finding commands, exit codes, errors without traceback, plain output."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import COMMAND, aircraft_mesh, environment, imported_by, mesh

from mesh_defs.cli.main import COMMANDS


def test_without_a_command_the_help_names_every_command(tmp_path: Path) -> None:
    done = mesh(tmp_path)
    assert done.returncode == 2
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout + done.stderr


def test_the_version_is_told(tmp_path: Path) -> None:
    done = mesh(tmp_path, "--version")
    assert done.returncode == 0
    assert done.stdout.startswith("mesh ")


def test_an_unknown_command_names_the_nearest(tmp_path: Path) -> None:
    done = mesh(tmp_path, "chekc")
    assert done.returncode == 2
    assert "No such command 'chekc'" in done.stderr
    assert "write 'check' instead of 'chekc'" in done.stderr
    assert f"allowed: {', '.join(COMMANDS)}" in done.stderr


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "new"])
def test_an_unknown_option_is_wrong_use(tmp_path: Path, command: str) -> None:
    done = mesh(tmp_path, command, "--nonsense")
    assert done.returncode == 2
    assert "No such option '--nonsense'" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("command", ["up", "down", "reset", "check", "status"])
def test_outside_of_a_mesh_every_command_says_so(tmp_path: Path, command: str) -> None:
    done = mesh(tmp_path, command)
    assert done.returncode == 2
    assert "no mesh.yaml in" in done.stderr
    assert "MESH_ROOT" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_mesh_root_names_the_mesh_from_anywhere(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path / "there")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert mesh(elsewhere, "check", MESH_ROOT=str(root)).returncode == 0


@pytest.mark.parametrize(
    "command", [("up", "--once"), ("check",), ("run", "mesh://fleet/aircraft"), ("status",)]
)
def test_an_unknown_profile_is_wrong_use_and_names_the_known_ones(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    root = aircraft_mesh(tmp_path)
    for done in (
        mesh(root, *command, "--profile", "lokal"),
        mesh(root, *command, MESH_PROFILE="lokal"),
    ):
        assert done.returncode == 2
        assert "no profile 'lokal'; allowed: local" in done.stderr
        assert "write 'local' instead of 'lokal'" in done.stderr
        assert done.stdout == ""


def test_a_profile_that_mesh_yaml_itself_gets_wrong_is_its_fault(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    (root / "mesh.yaml").write_text((root / "mesh.yaml").read_text() + "profile: cloud\n")
    assert mesh(root, "status").returncode == 1
    assert mesh(root, "status", "--profile", "local").returncode == 0


def test_a_bug_is_one_line_and_a_file_with_the_traceback(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    # No input is known to break an assumption of the code, so one is broken from inside.
    script = (
        "import sys, mesh_defs.product.status as status; from mesh_defs.cli.main import run;"
        "status.mesh_status = lambda *_, **__: [][1]; sys.argv = ['mesh', 'status']; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3, done.stderr
    assert "something broke that should not: IndexError" in done.stderr
    assert "Traceback" not in done.stderr
    (log,) = (root / ".mesh/logs").glob("crash-*.log")
    assert str(log) in done.stderr
    assert "Traceback" in log.read_text()


def test_what_goes_into_a_pipe_has_no_escapes_and_is_never_cut(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    assert mesh(root, "run", "mesh://fleet/aircraft").returncode == 0
    done = mesh(root, "status", "mesh://fleet/aircraft", TERM="xterm-256color")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    every = mesh(root, "status", "mesh://fleet/aircraft", "--all")
    assert "a column tail_number of type string" in every.stdout


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    process = subprocess.Popen(
        [*COMMAND, "schema"],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate(timeout=120)
    assert errors == ""


def test_ctrl_c_leaves_with_a_word_and_130(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    (root / ".mesh").mkdir()
    process = subprocess.Popen(
        [*COMMAND, "reset"],
        cwd=root,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    seen = process.stdout.read(6)  # it asks, so it waits
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (seen + out).startswith("Remove")
    assert process.returncode == 130
    assert "stopped" in errors
    assert "Traceback" not in errors
    assert (root / ".mesh").is_dir()


def test_check_imports_nothing_heavy(tmp_path: Path) -> None:
    heavy = {"dagster", "pyarrow", "polars", "pandas", "dbt", "deltalake", "sqlglot"}
    assert imported_by(aircraft_mesh(tmp_path), "check") & heavy == set()
