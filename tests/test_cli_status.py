"""``mesh status``: what is published, how old, under which verdicts, and what broke."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import termios
from contextlib import suppress
from pathlib import Path

import pytest
from commands import (
    AIRCRAFT_COLUMNS,
    COMMAND,
    aircraft_files,
    aircraft_mesh,
    environment,
    mesh,
)
from meshes import contract, manifest, write, write_mesh

URL = "mesh://fleet/aircraft"


def test_a_product_that_was_never_published_says_so(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    done = mesh(root, "status")
    assert done.returncode == 0
    row = next(line for line in done.stdout.splitlines() if "fleet/aircraft" in line)
    assert row.split() == ["fleet/aircraft", "new", "none", "-", "-", "-"]
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
    assert row.split()[1:3] == ["refused", "0"]
    assert "readers keep version 0" in shown
    assert "failed aircraft: seats.minimum" in shown


def test_a_version_knows_the_environment_that_it_was_published_in(tmp_path: Path) -> None:
    root = aircraft_mesh(tmp_path)
    settings = root / "mesh.yaml"
    named = settings.read_text().replace("  local:\n", "  local:\n    environment: acceptance\n", 1)
    settings.write_text(named)
    assert mesh(root, "run", URL).returncode == 0
    (product,) = json.loads(mesh(root, "status", "--json").stdout)["products"]
    assert product["environment"] == "acceptance"
    # A record of before it was kept.
    (file,) = (root / ".mesh/storage/fleet/aircraft/ledger").glob("*.json")
    record = json.loads(file.read_text())
    assert (record.pop("environment"), record.pop("status")) == ("acceptance", "active")
    file.chmod(0o644)
    file.write_text(json.dumps(record))
    found = json.loads(mesh(root, "status", URL, "--json").stdout)
    assert (found["state"], found["environment"]) == ("published", None)
    assert found["history"][0]["environment"] is None


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
    shown = mesh(root, "status", "mesh://fleet/seats", "--all").stdout
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


def test_checks_that_passed_are_counted_and_the_others_shown_in_full(tmp_path: Path) -> None:
    file = "domains/fleet/aircraft/contract.yaml"
    text = aircraft_files()[file] + (
        "    quality:\n      - {name: many, metric: rowCount, mustBeGreaterThan: 5, "
        "severity: warning}\n"
    )
    root = write_mesh(tmp_path, {**aircraft_files(), file: text})
    assert mesh(root, "run", URL).returncode == 0
    total = len(json.loads(mesh(root, "status", URL, "--json").stdout)["every_verdict"])
    some = mesh(root, "status", URL).stdout
    assert f"verdicts: {total - 1} passed, 1 warned\n" in some
    assert "  warned aircraft: many\n    expected more than 5 rows, found 2 rows\n" in some
    assert "  passed " not in some
    assert "--all" in some
    every = mesh(root, "status", URL, "--all").stdout
    assert every.count("\n  passed ") == total - 1
    assert every.count("\n  warned ") == 1


LONG = "punctuality/on_time_performance"  # the longest name of the reference mesh


def long_mesh(root: Path) -> Path:
    """One product with a long name and a wide row that breaks its promise."""
    folder, port = f"domains/{LONG}", LONG.partition("/")[2]
    names = ", ".join(f"'{letter * 30}' AS a_long_name_{letter}" for letter in "abcdef")
    columns = [f"- {{name: a_long_name_{letter}, logicalType: string}}" for letter in "abcdef"]
    return write_mesh(
        root,
        {
            f"{folder}/defs.yaml": manifest(),
            f"{folder}/contract.yaml": contract(port, "\n".join([AIRCRAFT_COLUMNS, *columns])),
            f"{folder}/{port}.sql": f"SELECT 'N1' AS tail_number, 4 AS seats, {names}",
        },
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_a_terminal_and_lose_nothing(tmp_path: Path, columns: int) -> None:
    root = long_mesh(tmp_path)
    url = f"mesh://{LONG}"
    assert mesh(root, "run", url).returncode == 0
    file = root / f"domains/{LONG}/on_time_performance.sql"
    file.write_text(file.read_text().replace("4 AS seats", "0 AS seats"))
    assert mesh(root, "run", url).returncode == 1
    for arguments in (("status",), ("status", url)):
        shown = on_terminal(root, columns, *arguments)
        table = [line for line in shown if set(line.strip()) == {"─"} or line.startswith(LONG)]
        assert table, shown
        assert max(map(len, table)) <= columns
    row = next(line for line in on_terminal(root, columns, "status") if line.startswith(LONG))
    assert row.split()[1:3] == ["refused", "0"]
    run = on_terminal(root, columns, "run", url)
    assert any(line.split() == ["a_long_name_a", "a" * 30] for line in run)


def test_a_pipe_gets_the_same_whatever_the_terminal_is(tmp_path: Path) -> None:
    root = long_mesh(tmp_path)
    url = f"mesh://{LONG}"
    assert mesh(root, "run", url).returncode == 0
    shown = [mesh(root, "status", url, COLUMNS=n, TERM="xterm").stdout for n in ("20", "200")]
    # Ages move on between the two.
    lines = [[line for line in text.splitlines() if " ago " not in line] for text in shown]
    assert lines[0] == lines[1]
    assert "…" not in shown[0]


def on_terminal(root: Path, columns: int, *arguments: str) -> list[str]:
    """The lines that ``mesh`` writes to a terminal ``columns`` wide, without colours."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=root,
        env=environment(NO_COLOR="1", TERM="dumb"),
        stdin=subprocess.DEVNULL,
        stdout=follower,
        stderr=subprocess.DEVNULL,
    )
    os.close(follower)
    found = b""
    with suppress(OSError):  # a terminal whose other end is closed ends with EIO
        while part := os.read(leader, 65536):
            found += part
    os.close(leader)
    process.wait()
    return [line.rstrip() for line in found.decode().splitlines()]
