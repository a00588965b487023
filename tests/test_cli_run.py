"""``mesh run``: the container as a plain process, without Dagster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import aircraft_files, aircraft_mesh, imported_by, mesh
from meshes import contract, manifest, write_mesh, write_parquet

URL = "mesh://fleet/aircraft"
DAYS_COLUMNS = """
- {name: day, logicalType: date, physicalType: DATE, required: true}
- {name: n, logicalType: integer, physicalType: INTEGER, required: true}
"""


def test_a_run_publishes_and_says_so(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    done = mesh(root, "run", URL)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"{URL} published version 0: 2 rows"
    assert "passed" in done.stdout.splitlines()[1]
    assert f"{URL}: staged aircraft, 2 rows" in done.stderr
    again = mesh(root, "run", f"{URL}@1", "--rebuild", "--json")
    answer = json.loads(again.stdout)
    assert (answer["outcome"], answer["version"]) == ("published", 1)
    assert answer["ports"]["aircraft"]["rows"] == 2
    assert {v["outcome"] for v in answer["verdicts"]} == {"passed"}
    assert again.stderr == ""


def test_a_broken_promise_is_exit_code_1_with_rows_to_look_at(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    assert mesh(root, "run", URL).returncode == 0
    sql = root / "domains/fleet/aircraft/aircraft.sql"
    sql.write_text("SELECT 'N1' AS tail_number, -7 AS seats")
    done = mesh(root, "run", URL)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{URL} was not published; readers keep version 0\n")
    assert "failed aircraft.seats" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["N1", "-7"] in rows
    assert "Traceback" not in done.stderr
    answer = json.loads(mesh(root, "run", URL, "--json").stdout)
    assert (answer["outcome"], answer["version"]) == ("failed", 0)
    assert mesh(root, "run", URL, "--json").returncode == 1


def test_escape_sequences_in_data_do_not_reach_the_terminal(tmp_path: Path) -> None:
    query = "SELECT chr(27) || '[2J' || chr(7) || '[bold]' AS tail_number, 0 AS seats"
    root = write_mesh(tmp_path, aircraft_files(**{"aircraft.sql": query}))
    done = mesh(root, "run", URL)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert "\\x1b[2J\\x07[bold]" in done.stdout


def test_a_transform_that_fails_is_exit_code_3_with_its_reason(tmp_path: Path) -> None:
    root = write_mesh(tmp_path, aircraft_files(**{"aircraft.sql": "SELECT nothing FROM nowhere"}))
    done = mesh(root, "run", URL)
    assert done.returncode == 3
    assert "domains/fleet/aircraft/aircraft.sql" in done.stderr
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_manifest_is_exit_code_1_with_its_faults(tmp_path: Path) -> None:
    files = aircraft_files(**{"defs.yaml": manifest().replace("owner", "onwer")})
    done = mesh(write_mesh(tmp_path, files), "run", URL)
    assert done.returncode == 1
    assert "domains/fleet/aircraft/defs.yaml:5" in done.stderr
    assert "write 'owner' instead of 'onwer'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument 'URL'"),
        (("fleet/aircraft",), "is not a global URL"),
        (("mesh://fleet/aircarft",), "write 'mesh://fleet/aircraft' instead"),
        ((f"{URL}?version=3",), f"write {URL}"),
        ((f"{URL}?as_of=2026-01-01T00:00:00Z",), f"write {URL}"),
        ((f"{URL}@7",), f"allowed: @1, or none. Fix: write {URL}"),
        ((f"{URL}/aircraft@0",), "names major version 0"),
        ((URL, "--partition", "january"), "'january' is not a day"),
        ((URL, "--partition", "2023-01-02:2023-01-01"), "is not after"),
        ((URL, "--partition", "2023-01-01"), "no port with 'mode: partition'"),
    ],
)
def test_wrong_use(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = mesh(aircraft_mesh(tmp_path), "run", *arguments)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert done.stdout == ""


def partitioned(root: Path) -> Path:
    write_parquet(
        root,
        "days",
        "SELECT DATE '2023-01-01' + i::INTEGER AS day, i::INTEGER AS n FROM range(60) t(i)",
    )
    body = """
    inputs: {rows: "files://days"}
    outputs:
      days: {mode: partition, by: day, every: month, start: "2023-01-01"}
    """
    return write_mesh(
        root,
        {
            "domains/time/days/defs.yaml": manifest(body),
            "domains/time/days/contract.yaml": contract("days", DAYS_COLUMNS),
            "domains/time/days/days.sql": "SELECT day, n FROM rows",
        },
    )


def test_an_input_without_a_version_is_exit_code_1(tmp_path: Path) -> None:
    folder = "domains/fleet/seats"
    files = aircraft_files()
    text = files["domains/fleet/aircraft/contract.yaml"].replace("aircraft", "seats")
    reads = manifest(f"inputs: {{aircraft: '{URL}'}}", archetype="aggregate")
    query = "SELECT * FROM aircraft"
    more = {"defs.yaml": reads, "contract.yaml": text, "seats.sql": query}
    root = write_mesh(tmp_path, {**files, **{f"{folder}/{n}": t for n, t in more.items()}})
    done = mesh(root, "run", "mesh://fleet/seats")
    assert done.returncode == 1
    assert URL in done.stderr
    assert "Traceback" not in done.stderr


def test_one_period_alone(tmp_path: Path) -> None:
    root = partitioned(tmp_path)
    done = mesh(root, "run", "mesh://time/days", "--partition", "2023-02-01", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ports"]["days"]["rows"] == 28
    both = mesh(root, "run", "mesh://time/days", "--partition", "2023-01-01:2023-03-01", "--json")
    assert json.loads(both.stdout)["ports"]["days"]["rows"] == 59


def test_a_period_that_is_not_whole_names_the_whole_one(tmp_path: Path) -> None:
    done = mesh(partitioned(tmp_path), "run", "mesh://time/days", "--partition", "2023-02-03")
    assert done.returncode == 2
    assert "such as 2023-02-01:2023-03-01" in " ".join(done.stderr.split())


def test_dagster_is_not_imported(tmp_path: Path) -> None:
    modules = imported_by(aircraft_mesh(tmp_path), "run", URL)
    assert "deltalake" in modules
    assert "dagster" not in modules


def test_a_port_that_there_is_not_is_wrong_use(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    done = mesh(root, "run", "mesh://fleet/aircraft/nothing")
    assert done.returncode == 2
    assert "has no port 'nothing'" in " ".join(done.stderr.split())
    assert not (root / ".mesh/storage").exists()
