"""Code locations as they are deployed: a code server per domain, a daemon and a webserver."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_meshes import ORDERS, TOTALS, materialized, orders, two_domains, write

import mesh_defs as mesh
from mesh_defs.orchestration.home import dagster_home, open_instance

pytestmark = [pytest.mark.xdist_group("code_locations"), pytest.mark.timeout(600)]

_WORKSPACE = "load_from:\n" + "".join(
    f"  - python_module: {{module_name: mesh_defs.locations, attribute: {domain}, "
    f"location_name: {domain}}}\n"
    for domain in ("sales", "finance")
)
_STATUS = """
{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError {
  __typename ... on PythonError { message } } } } } }
"""
_PATIENCE = 240.0


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def environment(root: Path) -> dict[str, str]:
    here = str(Path(__file__).parent.parent)
    known = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "DAGSTER_HOME": str(dagster_home(root)),
        "MESH_SENSOR_SECONDS": "3",
        "PYTHONPATH": os.pathsep.join(part for part in (here, known) if part),
    }


@contextmanager
def process(root: Path, *command: str, log: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Dagster's in ``root``, with all that it started ended afterwards."""
    with (root / log).open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=root,
            env=environment(root),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield started
    finally:
        _end(started)


def _end(started: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        if started.poll() is not None:
            break
        os.killpg(started.pid, number)
        try:
            started.wait(timeout=30)
        except subprocess.TimeoutExpired:
            continue
    try:
        os.killpg(started.pid, signal.SIGKILL)  # what outlived its parent
    except ProcessLookupError:
        return


def until(what: str, check: Callable[[], object], log: Path) -> Any:
    """The first true answer of ``check``; fails with the log's end when there is none in time."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = check()
        if found:
            return found
        time.sleep(0.5)
    pytest.fail(f"{what} did not come about:\n" + log.read_text(errors="replace")[-4000:])


def ask(port: int, query: str, variables: Mapping[str, object] | None = None) -> Any:
    """The data that the webserver answers; None while it does not answer."""
    body = json.dumps({"query": query, "variables": dict(variables or {})}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def locations(port: int) -> dict[str, str]:
    """Each code location and its state: ``RepositoryLocation`` when it is loaded."""
    data = ask(port, _STATUS)
    entries = data["workspaceOrError"]["locationEntries"] if data else []
    return {
        entry["name"]: (entry["locationOrLoadError"] or {"__typename": "loading"})["__typename"]
        for entry in entries
    }


def reload(port: int, name: str) -> None:
    query = (
        "mutation($n: String!) { reloadRepositoryLocation(repositoryLocationName: $n) {__typename}}"
    )
    ask(port, query, {"n": name})


def total(root: Path) -> int:
    found = mesh.open("mesh://finance/totals", root=root).arrow().to_pylist()
    return int(found[0]["total"])


def checks_of(instance: dg.DagsterInstance, name: str) -> list[bool]:
    """How the executions of a check of ``sales/orders`` ended, the newest first."""
    key = dg.AssetCheckKey(ORDERS, name)
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    found = (record.evaluation for record in history)
    return [e.passed for e in found if isinstance(e, dg.AssetCheckEvaluation)]


def test_a_failed_promise_stays_in_its_location(tmp_path: Path) -> None:
    root = write(two_domains(tmp_path), {"workspace.yaml": _WORKSPACE})
    port = free_port()
    command = ("dagster", "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(port))
    log = root / "dev.log"
    with process(root, *command, log=log.name), open_instance(root) as instance:
        # Nobody starts anything: the source is new, so sales runs, and finance after it.
        until("the first total", lambda: materialized(instance, TOTALS) == 1, log)
        assert materialized(instance, ORDERS) == 1
        assert total(root) == 60
        assert set(locations(port).values()) == {"RepositoryLocation"}

        orders(root, "(1, 10), (2, -5), (3, 30)")
        until("the failed check", lambda: checks_of(instance, "conformity")[:1] == [False], log)
        until("the failed run", lambda: _runs(instance, dg.DagsterRunStatus.FAILURE), log)
        ticks = _ticks(instance)
        until("two more ticks of finance", lambda: _ticks(instance) >= ticks + 2, log)
        assert materialized(instance, ORDERS) == 1
        assert materialized(instance, TOTALS) == 1
        assert len(instance.get_runs()) == 3
        assert mesh.open("mesh://sales/orders", root=root).arrow().num_rows == 3
        assert total(root) == 60

        orders(root, "(1, 10), (2, 5), (3, 30)")
        until("the mended total", lambda: materialized(instance, TOTALS) == 2, log)
        assert total(root) == 45


def _runs(instance: dg.DagsterInstance, status: dg.DagsterRunStatus) -> bool:
    return bool(instance.get_runs(filters=dg.RunsFilter(statuses=[status])))


def _ticks(instance: dg.DagsterInstance) -> int:
    """Finished evaluations of the consumer's conditions."""
    states = {state.name: state for state in instance.all_instigator_state()}
    state = states.get("finance__automation")
    if state is None:
        return 0
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    return sum(tick.is_completed for tick in ticks)


def test_a_code_server_is_restarted_and_broken_without_touching_another(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    ports = {"sales": free_port(), "finance": free_port()}
    entries = "".join(
        f"  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: {name}}}\n"
        for name, port in ports.items()
    )
    write(root, {"workspace.yaml": "load_from:\n" + entries})
    web = free_port()
    web_command = ("dagster_webserver", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(web))
    good = {"sales": "RepositoryLocation", "finance": "RepositoryLocation"}
    with (
        process(root, *_code_server("finance", ports), log="finance.log") as finance,
        process(root, *web_command, log="web.log"),
    ):
        log = root / "web.log"
        with process(root, *_code_server("sales", ports), log="sales.log"):
            until("both locations", lambda: _reloaded(web, "sales") == good, log)
        until("the loss of sales", lambda: _reloaded(web, "sales")["sales"] == "PythonError", log)
        assert locations(web)["finance"] == "RepositoryLocation"

        write(root, {"domains/sales/orders/defs.yaml": "not: [yaml"})
        with process(root, *_code_server("sales", ports), log="sales2.log"):
            until("sales with a broken product", lambda: _reloaded(web, "sales") == good, log)
            assert finance.poll() is None
            assert _executable(web) == {"finance/totals/totals": True, "sales/orders": False}


def _code_server(domain: str, ports: Mapping[str, int]) -> tuple[str, ...]:
    place = ("-h", "127.0.0.1", "-p", str(ports[domain]))
    return ("dagster", "code-server", "start", "-m", "mesh_defs.locations", "-a", domain, *place)


def _reloaded(port: int, name: str) -> dict[str, str]:
    reload(port, name)
    return {"sales": "none", "finance": "none", **locations(port)}


def _executable(port: int) -> dict[str, bool]:
    data = ask(port, "{ assetNodes { assetKey { path } isExecutable groupName } }")
    return {
        "/".join(node["assetKey"]["path"]): node["isExecutable"]
        for node in data["assetNodes"]
        if node["assetKey"]["path"][0] == node["groupName"]
        and (node["isExecutable"] or node["assetKey"]["path"] == ["sales", "orders"])
    }
