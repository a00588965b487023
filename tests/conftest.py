"""What every test shares."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the mesh or the profile of the shell that started it."""
    for name in ("MESH_ROOT", "MESH_PROFILE", "MESH_PRINCIPAL", "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
