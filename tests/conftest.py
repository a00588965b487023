"""What every test shares."""

from __future__ import annotations

import compileall
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

IN_MEMORY = Path("/dev/shm")
ROOM = 8 << 30  # bytes; tests that run at the same time need less than 1 GB


def pytest_configure(config: pytest.Config) -> None:
    """Once, before there are workers: what hundreds of processes would each do again."""
    # No example is timed: a machine that is busy makes none of them wrong.
    settings.register_profile(
        "mesh", settings.get_profile(settings.get_current_profile_name()), deadline=None
    )
    settings.load_profile("mesh")
    if hasattr(config, "workerinput"):
        return
    # Commands in processes of their own read it compiled, also where Python may not write that.
    compileall.compile_dir(str(Path(__file__).parents[1] / "mesh_defs"), quiet=1)
    # Databases wait for the disk at every commit; no test is about the loss of power.
    if _roomy(IN_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))


def pytest_xdist_auto_num_workers() -> int | None:
    """One worker more than there are cores: tests of servers, sensors and killed processes wait for
    most of their time and compute nothing."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None  # xdist reads it
    return (os.cpu_count() or 1) + 1


def _roomy(folder: Path) -> bool:
    if not os.access(folder, os.W_OK) or os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return False
    return shutil.disk_usage(folder).free > ROOM


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the mesh or the profile of the shell that started it."""
    for name in ("MESH_ROOT", "MESH_PROFILE", "MESH_PRINCIPAL", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
