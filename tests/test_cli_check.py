"""``mesh check``: all faults of all files at once, grouped, with their lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import REPOSITORY, aircraft_files, aircraft_mesh, mesh
from meshes import MESH_YAML, manifest, write, write_mesh


def faults(root: Path, *arguments: str) -> list[dict[str, object]]:
    done = mesh(root, "check", "--json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    answer = json.loads(done.stdout)
    assert set(answer) == {"faults", "warnings", "products"}
    assert done.returncode == (1 if answer["faults"] else 0)
    return list(answer["faults"])


def test_a_sound_mesh_has_no_faults(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    done = mesh(root, "check")
    assert (done.returncode, done.stdout) == (0, "1 product, no faults\n")
    assert faults(root) == []
    assert not (root / ".mesh").exists()


def test_the_reference_mesh_is_sound() -> None:
    done = mesh(REPOSITORY, "check", "--json")
    answer = json.loads(done.stdout)
    assert answer["faults"] == []
    assert answer["products"] >= 10


def test_faults_of_every_kind_come_at_once_with_their_places(tmp_path: Path) -> None:
    root = write_mesh(
        tmp_path,
        {
            **aircraft_files(**{"aircraft.sql": "-- planes\nSELECT 1 AS seats\nFROM planez\n"}),
            "domains/crew/rosters/defs.yaml": manifest().replace("owner", "onwer"),
            "domains/crew/rosters/rosters.sql": "SELECT 1 AS a,\nFRM nothing",
        },
    )
    found = {(f["file"], f["line"], f["found"]) for f in faults(root)}
    assert ("domains/crew/rosters/defs.yaml", 5, "unknown key 'onwer'") in found
    assert ("domains/fleet/aircraft/aircraft.sql", 3, "unknown relation 'planez'") in found
    assert ("workspace.yaml", 1, "no location 'crew'") in found
    syntax = [f for f in found if f[0] == "domains/crew/rosters/rosters.sql"]
    assert [line for _, line, _ in syntax] == [2]
    done = mesh(root, "check")
    assert done.returncode == 1
    headings = [line for line in done.stdout.splitlines() if line and line[0] != " "]
    assert headings[:3] == ["mesh://crew/rosters", "mesh://fleet/aircraft", "workspace.yaml"]
    assert headings[-1].endswith("faults in 2 products")
    assert "    fix      write 'owner' instead of 'onwer'" in done.stdout


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT 1; SELECT 2", "SELECT, SELECT"),
        ("DROP TABLE x", "DROP"),
        ("-- nothing but words", "no statement"),
    ],
)
def test_a_transform_is_one_select(tmp_path: Path, query: str, found: str) -> None:
    root = write_mesh(tmp_path, aircraft_files(**{"aircraft.sql": query}))
    (fault,) = faults(root)
    assert fault["file"] == "domains/fleet/aircraft/aircraft.sql"
    assert fault["found"] == found
    assert "one SELECT" in str(fault["allowed"])


def test_common_table_expressions_and_inputs_are_known_relations(tmp_path: Path) -> None:
    files = aircraft_files(
        **{
            "aircraft.sql": "WITH p AS (SELECT * FROM planes) SELECT tail_number, seats FROM p",
            "defs.yaml": manifest("inputs: {planes: 'files://planes'}"),
        }
    )
    assert faults(write_mesh(tmp_path, files)) == []


def test_a_service_and_a_hook_that_are_not_there(tmp_path: Path) -> None:
    files = aircraft_files(**{"defs.yaml": manifest("inputs: {planes: 'opps://planes'}")})
    settings = MESH_YAML + "      ops: {driver: sqlite, path: x.db, prepare: 'nowhere:make'}\n"
    root = write_mesh(tmp_path, {**files, "mesh.yaml": settings})
    found = faults(root)
    hook = next(f for f in found if f["file"] == "mesh.yaml")
    assert hook["key"] == "profiles.local.services.ops.prepare"
    assert hook["found"] == "no module 'nowhere'"
    service = next(f for f in found if f["key"] == "attributes.inputs.planes")
    assert "opps" in str(service["found"])
    assert "ops" in str(service["fix"])


def test_a_broken_mesh_yaml_is_a_fault_too(tmp_path: Path) -> None:
    root = write(aircraft_mesh(tmp_path), {"mesh.yaml": "nmae: x\n"})
    assert {f["found"] for f in faults(root)} >= {"unknown key 'nmae'"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("load_from: [{python_module: {module_name: mesh_defs.locations}}]", "nothing"),
        ("load_from: [fleet]", "'fleet' (text)"),
        ("load_form: []", "unknown key 'load_form'"),
        ("a: [", ""),
    ],
)
def test_a_workspace_of_another_form(tmp_path: Path, text: str, found: str) -> None:
    root = write_mesh(tmp_path, {**aircraft_files(), "workspace.yaml": text})
    mine = [f for f in faults(root) if f["file"] == "workspace.yaml"]
    assert any(found in str(f["found"]) for f in mine)


def test_a_domain_served_twice_or_not_there(tmp_path: Path) -> None:
    entry = "  - python_module: {module_name: m, attribute: a, location_name: %s}\n"
    text = "load_from:\n" + entry % "fleet" + entry % "fleet" + entry % "flete"
    root = write_mesh(tmp_path, {**aircraft_files(), "workspace.yaml": text})
    found = {f["found"]: f for f in faults(root)}
    assert "location 'fleet' twice" in found
    assert (
        found["location 'flete', which is no domain"]["fix"] == "write 'fleet' instead of 'flete'"
    )


def test_one_product_folder_or_file_alone(tmp_path: Path) -> None:
    root = write_mesh(
        tmp_path,
        {
            **aircraft_files(**{"aircraft.sql": "SELECT"}),
            "domains/crew/rosters/defs.yaml": manifest().replace("owner", "onwer"),
        },
    )
    everything = faults(root)
    crew = faults(root, "mesh://crew/rosters")
    assert {str(f["file"]).split("/")[1] for f in crew} == {"crew"}
    assert faults(root, "domains/crew") == crew
    assert faults(root / "domains/crew", "rosters/defs.yaml") == crew
    assert faults(root, ".") == everything
    assert [f["file"] for f in faults(root, "workspace.yaml")] == ["workspace.yaml"]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("mesh://fleet/aircarft", "write 'mesh://fleet/aircraft' instead"),
        ("mesh://crew/aircraft", "the nearest are mesh://fleet/aircraft"),
        ("mesh://nope/x", "the nearest are mesh://fleet/aircraft"),
        ("mesh://fleet", "needs a domain and a product"),
        ("nowhere", "no file or folder 'nowhere'"),
        ("/", "is not in the mesh"),
        ("mesh://fleet/aircraft?version=1", "write mesh://fleet/aircraft"),
    ],
)
def test_a_target_that_is_none_is_wrong_use(tmp_path: Path, target: str, words: str) -> None:
    done = mesh(aircraft_mesh(tmp_path), "check", target)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_drivers_that_there_are_not_are_found_without_running(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    path = root / "mesh.yaml"
    path.write_text(path.read_text().replace("driver: files", "driver: filez"))
    (fault,) = faults(root)
    assert (fault["file"], fault["fix"]) == ("mesh.yaml", "write 'files' instead of 'filez'")
