"""Dagster's history in our SQLite storage: kept, shared between processes, watched."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
from dagster_meshes import ORDERS, dagster_of, materialized, run, two_domains

from mesh_defs.orchestration.storage import PooledRunStorage

_CHILD = """
import sys
from pathlib import Path
import dagster as dg
from mesh_defs.orchestration.home import open_instance

@dg.asset
def child(context: dg.AssetExecutionContext) -> None: ...

with open_instance(Path(sys.argv[1])) as instance:
    for _ in range(int(sys.argv[2])):
        assert dg.materialize([child], instance=instance).success
"""


@dg.asset
def here() -> None:
    """Something to record."""


def child(root: Path, runs: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _CHILD, str(root), str(runs)],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_the_mesh_keeps_its_history_in_this_storage(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance:
        assert run(root, instance, [ORDERS]).success
    with dagster_of(root) as instance:
        assert isinstance(instance.run_storage, PooledRunStorage)
        assert materialized(instance, ORDERS) == 1
        assert [r.status for r in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
    assert (root / ".mesh/dagster/events/event_log.db").is_file()


def test_processes_and_threads_write_at_the_same_time_and_nothing_is_lost(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    with dagster_of(root) as instance, ThreadPoolExecutor(4) as threads:
        children = [threads.submit(child, root, 4) for _ in range(2)]
        ours = [threads.submit(dg.materialize, [here], instance=instance) for _ in range(6)]
        assert all(result.result().success for result in ours)
        for finished in children:
            assert finished.result().returncode == 0, finished.result().stderr
        assert materialized(instance, dg.AssetKey("here")) == 6
        assert materialized(instance, dg.AssetKey("child")) == 8
        statuses = {r.status for r in instance.get_runs()}
        assert statuses == {dg.DagsterRunStatus.SUCCESS}
        assert len(instance.get_runs()) == 14


def test_events_of_a_run_reach_who_watches_it(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    ended = threading.Event()
    with dagster_of(root) as instance:
        job = dg.Definitions(assets=[here]).resolve_implicit_global_asset_job_def()
        created = instance.create_run_for_job(job)

        def hear(entry: dg.EventLogEntry, cursor: str) -> None:
            event = entry.dagster_event
            if event is not None and event.event_type is dg.DagsterEventType.PIPELINE_SUCCESS:
                ended.set()

        instance.watch_event_logs(created.run_id, None, hear)
        from dagster._core.definitions.job_base import InMemoryJob
        from dagster._core.execution.api import execute_run

        assert execute_run(InMemoryJob(job), created, instance).success
        assert ended.wait(60)
        instance.end_watch_event_logs(created.run_id, hear)
