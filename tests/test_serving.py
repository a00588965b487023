"""What is around the servers: free ports, private sockets, the workspace that they share."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path

import pytest
from commands import aircraft_mesh
from meshes import load, write

from mesh_defs.errors import InvalidMesh, MeshError
from mesh_defs.serving import HOST, check_port, serve, shut_down, supervisor_of
from mesh_defs.workspace import read_workspace

FORMS = """
load_from:
  - python_module: {module_name: m, attribute: a, location_name: one}
  - autoload_defs_module: {module_name: domains.two, location_name: two}
  - python_file: {relative_path: three.py, working_directory: src, location_name: three}
  - python_package: {package_name: p, location_name: four}
  - grpc_server: {host: example.org, port: 4266, location_name: five}
"""


def test_every_form_of_a_location_becomes_the_options_of_its_server(tmp_path: Path) -> None:
    write(tmp_path, {"workspace.yaml": FORMS})
    locations, faults = read_workspace(tmp_path, ["one", "two", "three", "four", "five"])
    assert faults == ()
    assert {location.name: location.arguments for location in locations} == {
        "one": ("--module-name", "m", "--attribute", "a"),
        "two": ("--autoload-defs-module-name", "domains.two"),
        "three": ("--python-file", "three.py", "-d", "src"),
        "four": ("--package-name", "p"),
        "five": (),
    }
    assert locations[4].external == {"host": "example.org", "port": 4266, "location_name": "five"}


def test_a_mesh_without_domains_needs_no_workspace(tmp_path: Path) -> None:
    assert read_workspace(tmp_path, []) == ((), ())


def test_a_faulty_workspace_starts_nothing(tmp_path: Path) -> None:
    root = write(aircraft_mesh(tmp_path), {"workspace.yaml": "load_from: []\n"})
    with pytest.raises(InvalidMesh, match="no location 'fleet'"):
        serve(load(root), tmp_path / "home", tell=lambda _: None)
    assert supervisor_of(root).recorded() == {}


def test_a_server_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    # Dagster's webserver and daemon refuse settings that they do not know.
    root = aircraft_mesh(tmp_path)
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("nonsense: {}\n")
    try:
        with pytest.raises(MeshError, match="webserver ended while it started") as caught:
            serve(load(root), home, tell=lambda _: None)
        assert "nonsense" in str(caught.value)
        assert "webserver.log" in str(caught.value)
    finally:
        shut_down(root)


def test_a_taken_port_is_told_and_a_free_one_is_fine(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(MeshError, match=f"port {port} of {HOST} is taken"):
            check_port(tmp_path, port)
    check_port(tmp_path, port)


def test_the_sockets_folder_is_private_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mesh_defs.serving import _socket_folder

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = _socket_folder(tmp_path / "mesh")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert _socket_folder(tmp_path / "mesh") == folder
    assert _socket_folder(tmp_path / "other") != folder
    folder.chmod(0o777)
    with pytest.raises(MeshError, match="open to others"):
        _socket_folder(tmp_path / "mesh")
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises((MeshError, FileExistsError)):
        _socket_folder(tmp_path / "mesh")


def test_the_shared_workspace_is_yaml_that_dagster_reads(tmp_path: Path) -> None:
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    entry = {"location_name": "a", "socket": "/tmp/a.sock"}
    file = tmp_path / "workspace.yaml"
    file.write_text(json.dumps({"load_from": [{"grpc_server": entry}]}))
    (origin,) = location_origins_from_yaml_paths([str(file)])
    assert origin.location_name == "a"
