"""Every command's help has an example; the reference pages and schemas are those of the code."""

from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click
import pytest
from commands import COMMAND, REPOSITORY, aircraft_mesh, cold_mesh, environment, mesh

from mesh_defs.cli.reference import commands, examples, pages
from mesh_defs.product.manifest import DbtTransform, Input, Manifest, Output, Trigger
from mesh_defs.settings import MeshFile, Profile

COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = COMMANDS[name]
    assert command.help
    lines = examples(command)
    assert lines
    assert all(line == name or line.startswith(f"{name} ") for line in lines)
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} does not explain {parameter.name}"


@pytest.mark.parametrize("group", [(), ("new",)])
def test_every_summary_fits_80_columns_whole(tmp_path: Path, group: tuple[str, ...]) -> None:
    shown = mesh(tmp_path, *group, "--help", COLUMNS="80").stdout
    listed = shown.partition("Commands:\n")[2].splitlines()
    assert listed
    for line in listed:
        assert len(line) <= 80
        assert line.endswith(".")
        assert not line.endswith("..")


def test_what_prints_data_prints_json_too() -> None:
    for name in ("mesh up", "mesh down", "mesh check", "mesh run", "mesh status"):
        assert any("--json" in parameter.opts for parameter in COMMANDS[name].params)


def committed(root: Path) -> None:
    """A git repository with the mesh on the branch ``main``."""
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], check=True)
    subprocess.run([*git, "add", "domains", "mesh.yaml"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "A mesh"], check=True)


def real(root: Path, argument: str) -> str:
    """An id of a request or grant as examples have it becomes one that there is."""
    kind, _, digits = argument.partition("_")
    if kind not in ("req", "grant") or len(digits) != 12:
        return argument
    purpose = f"purpose {time.monotonic_ns()}"
    ask = ("request", "mesh://fleet/aircraft", "--purpose", purpose, "--for", "90d", "--json")
    number = str(json.loads(mesh(root, *ask).stdout)["request"]["id"])
    if kind == "req":
        return number
    return str(json.loads(mesh(root, "approve", number, "--json").stdout)["grant"]["id"])


@contextmanager
def served(root: Path, *arguments: str) -> Iterator[str]:
    """``mesh serve`` in a process of its own; where it answers."""
    process = subprocess.Popen(
        [*COMMAND, "serve", *arguments],
        cwd=root,
        env=environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert " is served at " in first
        yield first.split()[-1]
    finally:
        process.terminate()
        assert process.wait(60) == 0


def test_the_examples_of_every_help_run(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    committed(root)
    ran = sum(examples_run(root, name, command) for name, command in COMMANDS.items())
    assert ran >= len(COMMANDS)


def examples_run(root: Path, name: str, command: click.Command) -> int:
    """How many examples the help of ``command`` has; each is run, the first of them in a process
    that starts from nothing."""
    lines = examples(command)
    run = cold_mesh
    with served(root) if name == "mesh open" else nullcontext("") as base:
        for line in lines:
            arguments = [real(root, each) for each in shlex.split(line)[1:]]
            if name == "mesh serve":
                with served(root, *arguments[1:]):
                    continue
            more = {}
            if name == "mesh open":
                arguments = [each.replace("https://mesh.example", base) for each in arguments]
                more = {"MESH_TOKEN": (root / ".mesh/gateway/admin.token").read_text().strip()}
            # `up` has a test of its own, with real servers; here it builds alone.
            elif name == "mesh up" and "--once" not in arguments:
                arguments.append("--once")
            done = run(root, *arguments, **more)
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
            run = mesh
    return len(lines)


@pytest.mark.parametrize("page", ["cli.md", "manifest.md"])
def test_the_reference_pages_are_up_to_date(page: str) -> None:
    written = (REPOSITORY / "docs/reference" / page).read_text(encoding="utf-8")
    assert written == pages()[page], "run: python -m mesh_defs.cli.reference"


def test_every_option_is_in_the_reference() -> None:
    text = (REPOSITORY / "docs/reference/cli.md").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert all(f"`{option}" in section for option in parameter.opts), name


@pytest.mark.parametrize(
    "model", [Manifest, Input, Output, DbtTransform, Trigger, MeshFile, Profile]
)
def test_every_key_of_every_model_is_in_the_reference(model: type[Manifest]) -> None:
    text = (REPOSITORY / "docs/reference/manifest.md").read_text(encoding="utf-8")
    for name, field in model.model_fields.items():
        assert f"| `{field.alias or name}` |" in text
        assert field.description, f"{model.__name__}.{name} has no description"
