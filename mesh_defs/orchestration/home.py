"""Dagster's own folder below ``.mesh/``: its settings, history and logs."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from mesh_defs.settings import find_root

_SETTINGS = """\
# Written by mesh once; change it as you like. https://docs.dagster.io/deployment/oss/dagster-yaml
telemetry:
  enabled: false

# No sign-up form over the first page.
nux:
  enabled: false

# SQLite files beside this one. For PostgreSQL: storage: {{postgres: {{postgres_url: ...}}}}
storage:
  custom:
    module: mesh_defs.orchestration.storage
    class: MeshStorage
    config:
      base_dir: {{env: DAGSTER_HOME}}

# A run is a process of its own and its product uses all cores while it works.
concurrency:
  runs:
    max_concurrent_runs: {runs}

# A run whose process died is marked as failed.
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 120
  max_resume_run_attempts: 0
  poll_interval_seconds: 30

freshness:
  enabled: true

sensors:
  use_threads: true
  num_workers: 4

code_servers:
  local_startup_timeout: 180

retention:
  sensor:
    purge_after_days:
      skipped: 2
      success: 30
      failure: 30
"""


def dagster_home(root: Path | None = None) -> Path:
    """``.mesh/dagster`` below ``root`` (default: the mesh around the working folder), made with its
    ``dagster.yaml`` when it is new. Settings that are there are kept."""
    home = (root or find_root()) / ".mesh" / "dagster"
    settings = home / "dagster.yaml"
    if not settings.exists():
        home.mkdir(parents=True, exist_ok=True)
        settings.write_text(_SETTINGS.format(runs=max(2, os.cpu_count() or 2)), encoding="utf-8")
    return home


def open_instance(root: Path | None = None) -> dg.DagsterInstance:
    """Dagster's instance in `dagster_home`; a context manager that closes it. Sets DAGSTER_HOME in
    this process, which its ``dagster.yaml`` and the processes that it starts refer to."""
    home = str(dagster_home(root))
    os.environ["DAGSTER_HOME"] = home
    return dg.DagsterInstance.from_config(home)
