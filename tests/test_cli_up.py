"""``mesh up`` and ``mesh down`` with real builds and real servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import COMMAND, aircraft_files, aircraft_mesh, environment, mesh
from meshes import MESH_YAML, manifest, write, write_mesh

from mesh_defs.processes import identity
from mesh_defs.serving import shut_down, supervisor_of

URL = "mesh://fleet/aircraft"
ASSETS = "{ assetNodes { assetKey { path } } }"


def up(root: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = mesh(root, "up", "--json", *arguments)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    answer: dict[str, Any] = json.loads(done.stdout)
    assert set(answer) == {"faults", "prepared", "products", "broken", "served"}
    return answer


def outcomes(answer: dict[str, Any]) -> dict[str, str]:
    return {product["product"]: product["outcome"] for product in answer["products"]}


def two_domains(root: Path) -> Path:
    """``fleet/aircraft``, and ``crew/rosters`` in a code location of its own."""
    files = aircraft_files()
    workspace = files["workspace.yaml"]
    crew = workspace.partition("load_from:")[2].replace("fleet", "crew").lstrip("\n")
    folder = "domains/crew/rosters"
    contract = files["domains/fleet/aircraft/contract.yaml"].replace("aircraft", "rosters")
    return write_mesh(
        root,
        {
            **files,
            "workspace.yaml": workspace + crew,
            f"{folder}/defs.yaml": manifest(f"inputs: {{planes: '{URL}'}}", archetype="aggregate"),
            f"{folder}/contract.yaml": contract,
            f"{folder}/rosters.sql": "SELECT * FROM planes",
        },
    )


def test_once_publishes_everything_and_the_second_time_nothing(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    first = up(root, "--once")
    assert outcomes(first) == {URL: "published", "mesh://crew/rosters": "published"}
    assert first["served"] is None
    aircraft = next(p for p in first["products"] if p["product"] == URL)
    assert (aircraft["version"], aircraft["rows"], aircraft["error"]) == (0, 2, None)
    assert aircraft["verdicts"]["failed"] == 0
    second = up(root, "--once")
    assert set(outcomes(second).values()) == {"current"}
    assert [p["version"] for p in second["products"]] == [0, 0]
    assert supervisor_of(root).recorded() == {}
    shown = mesh(root, "up", "--once")
    assert shown.returncode == 0
    assert row(shown.stdout, "fleet/aircraft").startswith("up to date version 0 2 ")


def test_what_is_broken_keeps_nothing_else_from_being_built(tmp_path: Path) -> None:
    root = write(two_domains(tmp_path), {"domains/crew/rosters/defs.yaml": manifest("inputz: {}")})
    answer = up(root, "--once", code=1)
    assert outcomes(answer) == {URL: "published"}
    assert answer["broken"] == ["mesh://crew/rosters"]
    assert [fault["found"] for fault in answer["faults"]] == ["unknown key 'inputz'"]
    shown = mesh(root, "up", "--once")
    assert shown.returncode == 1
    assert "write 'inputs' instead of 'inputz'" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_broken_promise_shows_why_and_what_waits_for_it(tmp_path: Path) -> None:
    root = write(
        two_domains(tmp_path),
        {"domains/fleet/aircraft/aircraft.sql": "SELECT 'N1' AS tail_number, 0 AS seats"},
    )
    answer = up(root, "--once", code=1)
    assert outcomes(answer) == {URL: "failed", "mesh://crew/rosters": "waiting"}
    done = mesh(root, "up", "--once")
    shown = done.stdout
    assert row(shown, "fleet/aircraft") == "refused nothing - -"
    assert row(shown, "crew/rosters") == "not run nothing - -"
    assert f"{URL}: the last run was refused, 1 failed of " in shown
    assert ["N1", "0"] in [line.split() for line in shown.splitlines()]
    assert "was never published" in shown
    assert f"{URL}: refused, 1 failed of " in done.stderr


def test_what_is_published_and_what_was_refused_are_told_apart(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    sound = up(root, "--once")["products"][0]
    query = "SELECT 'N' || i AS tail_number, 0 AS seats FROM range(7) t(i)"
    write(root, {"domains/fleet/aircraft/aircraft.sql": query})
    refused = up(root, "--once", code=1)["products"][0]
    assert [refused[key] for key in ("version", "rows", "verdicts")] == [0, 2, sound["verdicts"]]
    run = refused["last_run"]
    assert (run["result"], run["rows"], run["verdicts"]["failed"]) == ("failed", 7, 1)
    assert [v["rule"] for v in run["stopped_by"]] == ["seats.minimum"]
    shown = mesh(root, "up", "--once").stdout
    checks = sum(sound["verdicts"].values())
    assert row(shown, "fleet/aircraft") == f"refused version 0 2 {checks} of {checks}"
    _, _, reasons = shown.partition(f"{URL}: the last run was refused, 1 failed of {checks} checks")
    assert "readers keep version 0, 2 rows" in reasons
    assert "failed aircraft.seats: seats.minimum\n" in reasons
    current = up(root, "--once", code=1)["products"][1]
    assert (current["outcome"], current["last_run"]) == ("current", None)


def row(shown: str, product: str) -> str:
    """The cells of ``product`` in a table, one blank apart."""
    line = next(line for line in shown.splitlines() if line.startswith(f"{product} "))
    return " ".join(line.split()[1:])


def test_a_system_that_cannot_be_prepared_is_told_and_the_rest_is_built(tmp_path: Path) -> None:
    service = "      ops: {driver: sqlite, path: x.db, prepare: 'making:fail'}\n"
    root = write_mesh(
        tmp_path,
        {
            **aircraft_files(),
            "mesh.yaml": MESH_YAML + service,
            "making.py": "def fail(settings, root, report):\n    raise OSError('disk on fire')\n",
        },
    )
    answer = up(root, "--once", code=1)
    assert outcomes(answer) == {URL: "published"}
    assert "disk on fire" in answer["prepared"][0]["error"]


def test_two_at_once_publish_one_version(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    both = [
        subprocess.Popen(
            [*COMMAND, "up", "--once", "--json"],
            cwd=root,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=240) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    done = sorted(outcomes(json.loads(out))[URL] for out, _ in answers)
    assert done == ["current", "published"]


@pytest.mark.parametrize("port", ["0", "70000", "x"])
def test_a_port_that_is_none_is_wrong_use(tmp_path: Path, port: str) -> None:
    done = mesh(aircraft_mesh(tmp_path), "up", "--port", port)
    assert done.returncode == 2
    assert "--port" in done.stderr


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Path]:
    """A mesh whose servers are stopped at the end, whatever happened."""
    root = two_domains(tmp_path)
    yield root
    shut_down(root)


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def assets(url: str) -> set[str]:
    body = json.dumps({"query": ASSETS}).encode()
    headers = {"Content-Type": "application/json"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(f"{url}/graphql", body, headers), timeout=60) as answer:
        nodes = json.load(answer)["data"]["assetNodes"]
    return {"/".join(node["assetKey"]["path"]) for node in nodes}


@pytest.mark.timeout(900)
def test_up_serves_what_it_built_until_down(served: Path) -> None:
    root, port = served, free_port()
    first = up(root, "--port", str(port))["served"]
    names = {"code-crew", "code-fleet", "daemon", "gateway", "webserver"}
    with urllib.request.urlopen(f"{first['gateway']}/-/about", timeout=60) as about:
        assert json.load(about)["url"] == first["gateway"]
    assert first["webserver"] == f"http://127.0.0.1:{port}"
    assert set(first["started"]) == set(first["processes"]) == names
    assert first["broken_locations"] == {}
    assert {"fleet/aircraft/aircraft", "crew/rosters/rosters"} <= assets(first["webserver"])

    # Again: everything runs, so nothing is started.
    again = up(root)["served"]
    assert again["started"] == []
    assert again["processes"] == first["processes"]
    assert again["webserver"] == first["webserver"]

    # One that died is started again, alone; so is one whose domain has changed.
    os.kill(first["processes"]["code-crew"], signal.SIGKILL)
    write(root, {"domains/fleet/aircraft/aircraft.sql": "SELECT 'N3' AS tail_number, 9 AS seats"})
    third = up(root)
    assert set(third["served"]["started"]) == {"code-crew", "code-fleet"}
    assert third["served"]["broken_locations"] == {}
    assert outcomes(third)[URL] == "published"
    kept = ("daemon", "gateway", "webserver")
    assert all(third["served"]["processes"][n] == first["processes"][n] for n in kept)

    # While it runs, its state is not removed.
    refused = mesh(root, "reset")  # before it asks anything
    assert refused.stdout == ""
    assert refused.returncode == 1
    assert "mesh down" in refused.stderr

    sockets = [p.address for n, p in supervisor_of(root).running().items() if "code" in n]
    assert all(Path(address).is_socket() for address in sockets)
    done = mesh(root, "down", "--json")
    assert done.returncode == 0
    stopped = {process["name"]: process["pid"] for process in json.loads(done.stdout)["stopped"]}
    assert stopped == third["served"]["processes"]
    assert [pid for pid in stopped.values() if identity(pid) is not None] == []
    assert supervisor_of(root).recorded() == {}
    assert not any(Path(address).exists() for address in sockets)
    assert mesh(root, "down").stdout == "nothing runs\n"
    assert mesh(root, "status", "--json").returncode == 0


@pytest.mark.timeout(600)
def test_a_port_that_is_taken_is_told(served: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = mesh(served, "up", "--port", str(port))
    assert done.returncode == 3
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_while_building_stops_everything_and_leaves_no_lock(tmp_path: Path) -> None:
    slow = "import time\ndef transform():\n    print('now', flush=True)\n    time.sleep(600)\n"
    root = two_domains(tmp_path)
    (root / "domains/fleet/aircraft/aircraft.sql").unlink()
    write(root, {"domains/fleet/aircraft/transform.py": slow})
    process = subprocess.Popen(
        [*COMMAND, "up", "--once"],
        cwd=root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "mesh: stopped"
    assert "Traceback" not in errors
    (root / "domains/fleet/aircraft/transform.py").unlink()
    write(root, {"domains/fleet/aircraft/aircraft.sql": "SELECT 'N1' AS tail_number, 3 AS seats"})
    assert set(outcomes(up(root, "--once")).values()) == {"published"}
