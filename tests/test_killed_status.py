"""What ``mesh status`` says of a run that goes on, and of one that ended without a word."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from commands import aircraft_files, mesh
from meshes import write_mesh
from stopping import SLOW, started, until

from mesh_defs.drivers.storage.objects import LocalObjects
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.stores import product_store
from mesh_defs.settings import load_settings

URL = "mesh://fleet/aircraft"
SLOW_SQL = f"SELECT n::VARCHAR AS tail_number, 4 AS seats FROM ({SLOW})"


def told(root: Path) -> tuple[str, str]:
    """The last run's result, and the word in the table."""
    answer = json.loads(mesh(root, "status", URL, "--json").stdout)
    shown = mesh(root, "status").stdout.splitlines()
    row = next(line for line in shown if line.startswith("fleet/aircraft"))
    return answer["last_run"]["result"], row.split()[1]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("lock_file", [True, False], ids=["whole", "its lock's file is gone"])
def test_a_run_is_running_until_it_is_killed(tmp_path: Path, lock_file: bool) -> None:
    root = write_mesh(tmp_path, aircraft_files(**{"aircraft.sql": SLOW_SQL}))
    product = root / ".mesh/storage/fleet/aircraft"
    process = started(root, "run", URL)
    try:
        until(process, lambda: list((product / "ports").rglob("*.parquet")))
        if not lock_file:
            (product / "lock").unlink()
        assert told(root) == ("running", "running")
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finally:
        process.kill()
        process.wait()
    assert told(root) == ("killed", "killed")
    assert "the process ended without a word" in mesh(root, "status").stdout
    store = product_store(load_settings(root), "fleet", "aircraft")
    latest = Attempts(store).latest()
    assert latest is not None
    assert latest.result == "running"  # status only looks


def test_a_run_that_ends_while_it_is_looked_at_is_not_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_mesh(tmp_path, aircraft_files())
    assert mesh(root, "run", URL).returncode == 0
    attempts = Attempts(product_store(load_settings(root), "fleet", "aircraft"))
    (sound,) = attempts.all()
    (file,) = (root / ".mesh/storage/fleet/aircraft/runs").glob("*.json")
    ended = file.read_bytes()
    file.write_text(json.dumps({**json.loads(ended), "result": "running"}))

    def ends(_: LocalObjects) -> bool:
        file.write_bytes(ended)
        return False

    monkeypatch.setattr(LocalObjects, "locked", ends)
    assert attempts.last() == sound


def test_looking_at_a_lock_keeps_nobody_out(tmp_path: Path) -> None:
    store = LocalObjects(tmp_path / "product")
    assert not store.locked()
    with store.lock(0):
        assert store.locked()
        assert store.locked()
    assert not store.locked()
    with store.lock(0):
        pass
