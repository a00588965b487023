"""The guide to using products runs as it stands: a real gateway, its commands, its Python."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

from commands import COMMAND, environment, mesh
from test_docs import BLOCK, ROOT, run

GUIDE = (ROOT / "docs/guides/use-products.md").read_text()


def started(folder: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    """``mesh serve`` of the mesh in ``folder``, and where it answers."""
    process = subprocess.Popen(
        [*COMMAND, "serve", "--json"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.rstrip() == "}":
            return process, json.loads(text)
    raise AssertionError("mesh serve ended")


def printed(folder: Path, *arguments: str, **more: str) -> str:
    done = mesh(folder, *arguments, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_guide_to_using_products_runs_as_it_stands(tmp_path: Path) -> None:
    commands, script = [], ""
    for language, file, body in BLOCK.findall(GUIDE):
        if file:
            path = tmp_path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        elif language == "console":
            commands += body.splitlines()
        elif language == "python":
            script = body
    first, *others = commands
    run(shlex.split(first.removeprefix("$ mesh ")), tmp_path, {})
    process, place = started(tmp_path)
    try:
        variables: dict[str, str] = {}
        for line in others:
            if line.startswith("$ export "):
                name, _, value = line.removeprefix("$ export ").partition("=")
                variables[name] = value
            else:
                run(shlex.split(line.removeprefix("$ mesh ")), tmp_path, variables)
        assert len(others) == 11
        owner = {"MESH_PRINCIPAL": "person:owner@corner-shop.example"}
        (asked,) = json.loads(printed(tmp_path, "requests", "--json", **owner))["requests"]
        printed(tmp_path, "approve", asked["id"], **owner)
        scope = ["--as", "person:desk@corner-shop.example", "--url", "mesh://shop", "--for", "1d"]
        secret = json.loads(printed(tmp_path, "token", "create", "desk", *scope, "--json"))[
            "secret"
        ]
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={**os.environ, "GATEWAY": place["url"], "MESH_TOKEN": secret},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == ["[(1, 'New York', None), (2, 'Newark', None)]", "2"]
        assert "whole and unchanged" in printed(tmp_path, "audit", "verify")
    finally:
        process.terminate()
        assert process.wait(60) == 0
