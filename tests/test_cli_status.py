"""``mesh status``: what is published, how old, under which verdicts, and what broke."""

from __future__ import annotations

import json
from pathlib import Path

from commands import aircraft_files, aircraft_mesh, mesh
from meshes import manifest, write, write_mesh

URL = "mesh://fleet/aircraft"


def test_a_product_that_was_never_published_says_so(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    done = mesh(root, "status")
    assert done.returncode == 0
    row = next(line for line in done.stdout.splitlines() if "fleet/aircraft" in line)
    assert "never published" in row
    (product,) = json.loads(mesh(root, "status", "--json").stdout)["products"]
    assert (product["state"], product["version"], product["rows"]) == (
        "never published",
        None,
        None,
    )
    assert f"mesh run {URL}" in mesh(root, "status", URL).stdout


def test_a_published_product_with_its_last_failure(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    assert mesh(root, "run", URL).returncode == 0
    write(root, {"domains/fleet/aircraft/aircraft.sql": "SELECT 'N1' AS tail_number, 0 AS seats"})
    assert mesh(root, "run", URL).returncode == 1
    (product,) = json.loads(mesh(root, "status", "--json").stdout)["products"]
    assert (product["state"], product["version"], product["rows"]) == ("published", 0, 2)
    assert product["verdicts"]["failed"] == 0
    assert product["last_run"]["result"] == "failed"
    assert product["last_run"]["verdicts"]["failed"] == 1
    shown = mesh(root, "status").stdout
    row = next(line for line in shown.splitlines() if "fleet/aircraft" in line)
    assert "ago" in row
    assert row.rstrip().endswith("failed")
    assert "readers keep version 0" in shown


def test_a_broken_product_is_shown_with_what_it_still_serves(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    assert mesh(root, "run", URL).returncode == 0
    write(root, {"domains/fleet/aircraft/defs.yaml": manifest().replace("owner", "onwer")})
    (product,) = json.loads(mesh(root, "status", "--json").stdout)["products"]
    assert (product["state"], product["version"], product["rows"]) == ("broken", 0, 2)
    assert {fault["found"] for fault in product["faults"]} == {"nothing", "unknown key 'onwer'"}
    shown = mesh(root, "status").stdout
    assert "broken" in shown
    assert "domains/fleet/aircraft/defs.yaml:5" in mesh(root, "status", URL).stdout


def test_one_product_in_full(tmp_path: Path) -> None:
    files = aircraft_files()
    names = "domains/fleet/seats"
    text = files["domains/fleet/aircraft/contract.yaml"].replace("aircraft", "seats")
    root = write_mesh(
        tmp_path,
        {
            **files,
            f"{names}/defs.yaml": manifest(f"inputs: {{aircraft: '{URL}'}}", archetype="aggregate"),
            f"{names}/contract.yaml": text,
            f"{names}/seats.sql": "SELECT * FROM aircraft",
        },
    )
    for url in (URL, URL, "mesh://fleet/seats"):
        assert mesh(root, "run", url, "--rebuild").returncode == 0
    answer = json.loads(mesh(root, "status", "mesh://fleet/seats", "--json").stdout)
    assert answer["inputs"] == {"aircraft": {"from": URL, "version": 1, "fingerprint": None}}
    assert answer["ports"]["seats"]["rows"] == 2
    assert answer["ports"]["seats"]["contract"] == "seats-contract 1.0.0"
    assert len(answer["every_verdict"]) == sum(answer["verdicts"].values())
    history = json.loads(mesh(root, "status", URL, "--json").stdout)["history"]
    assert [version["version"] for version in history] == [1, 0]
    shown = mesh(root, "status", "mesh://fleet/seats").stdout
    for word in ("A product of a test.", "team:test", URL, "seats-contract 1.0.0", "primary_key"):
        assert word in shown


def test_a_mesh_without_products(tmp_path: Path) -> None:
    done = mesh(write_mesh(tmp_path, {}), "status")
    assert done.returncode == 0
    assert "mesh new product DOMAIN/NAME" in done.stdout


def test_wrong_use(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    for text, words in (
        ("aircraft", "is not a global URL"),
        ("mesh://fleet/aircarft", "write 'mesh://fleet/aircraft' instead"),
    ):
        done = mesh(root, "status", text)
        assert done.returncode == 2
        assert words in " ".join(done.stderr.split())


def test_what_broke_under_other_code_is_past(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    path = root / "domains/fleet/aircraft/aircraft.sql"
    sound = path.read_text()
    assert mesh(root, "run", URL).returncode == 0
    path.write_text("SELECT nothing AS tail_number, 1 AS seats")
    assert mesh(root, "run", URL).returncode != 0
    assert "nothing" in mesh(root, "status").stdout
    path.write_text(sound)
    assert "nothing" not in mesh(root, "status").stdout


def test_a_narrow_terminal_keeps_the_names_whole(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    assert mesh(root, "run", URL).returncode == 0
    shown = mesh(root, "status", COLUMNS="80").stdout
    assert any(line.strip().startswith("fleet/aircraft ") for line in shown.splitlines())
