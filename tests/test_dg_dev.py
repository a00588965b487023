"""``dg dev`` over a mesh of two domains: real servers, asked through GraphQL, ended again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from commands import environment
from dagster_meshes import two_domains, write

from mesh_defs.processes import group_runs, signal_group

pytestmark = [pytest.mark.xdist_group("dg_dev"), pytest.mark.timeout(240)]

WORKSPACE = """
load_from:
  - python_module: {module_name: mesh_defs.locations, attribute: sales, location_name: sales}
  - python_module: {module_name: mesh_defs.locations, attribute: finance, location_name: finance}
"""
STATE = """{
  workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename ... on PythonError { message } } } } }
  assetNodes { assetKey { path } }
}"""
ASSETS = {"sales/orders/orders", "finance/totals/totals"}


@contextmanager
def dg_dev(root: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """``dg dev`` in a process group of its own; the address of its webserver. What it writes is in
    ``dev.log``; whatever it started is ended."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    home = root / ".mesh/dagster"
    home.mkdir(parents=True)
    command = "from dagster_dg_cli.cli import main; main()"
    with (root / "dev.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", command, "dev", "--port", str(port), *arguments],
            cwd=root,
            env=environment(DAGSTER_HOME=str(home), DAGSTER_DISABLE_TELEMETRY="yes"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield f"http://127.0.0.1:{port}/graphql", process
    finally:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()


def asked(url: str) -> dict[str, Any] | None:
    """The state of the workspace, or None while nobody answers."""
    body = json.dumps({"query": STATE}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
            return data
    except (urllib.error.URLError, ConnectionError):
        return None


def wait_for(
    root: Path, process: subprocess.Popen[bytes], url: str, done: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The first state of the workspace that is ``done``; a process that ends fails the test."""
    while True:
        state = asked(url)
        if state is not None and done(state):
            return state
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            pytest.fail((root / "dev.log").read_text())


def loaded(state: dict[str, Any]) -> dict[str, str]:
    """The code locations that are loaded, and as what: a location, or an error's message."""
    entries = [
        (entry["name"], entry["locationOrLoadError"])
        for entry in state["workspaceOrError"]["locationEntries"]
        if entry["loadStatus"] == "LOADED" and entry["locationOrLoadError"] is not None
    ]
    return {name: found.get("message", found["__typename"]) for name, found in entries}


def keys(state: dict[str, Any]) -> set[str]:
    return {"/".join(node["assetKey"]["path"]) for node in state["assetNodes"]}


@pytest.mark.parametrize(
    ("arguments", "locations"),
    [(("-w", "workspace.yaml"), 2), ((), 1)],
    ids=["one location per domain", "one location for all"],
)
def test_dg_dev_serves_both_domains_and_ends_with_all_it_started(
    tmp_path: Path, arguments: tuple[str, ...], locations: int
) -> None:
    root = write(two_domains(tmp_path), {"workspace.yaml": WORKSPACE})
    with dg_dev(root, *arguments) as (url, process):
        state = wait_for(root, process, url, lambda found: len(loaded(found)) == locations)
        assert set(loaded(state).values()) == {"RepositoryLocation"}
        if locations == 2:
            assert set(loaded(state)) == {"sales", "finance"}
        assert keys(state) >= ASSETS
        os.kill(process.pid, signal.SIGINT)
        process.wait()
        while group_runs(process.pid):
            pass
        told = (root / "dev.log").read_text()
        assert "Traceback" not in told
        assert "Warning" not in told
    assert asked(url) is None
