"""Dagster's history in our SQLite storage: kept, shared between processes, watched."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
from dagster_meshes import ORDERS, dagster_of, materialized, run, two_domains

from mesh_defs.orchestration.home import dagster_home
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
    with dagster_of(root, copied=False) as instance:
        assert run(root, instance, [ORDERS]).success
    with dagster_of(root) as instance:
        assert isinstance(instance.run_storage, PooledRunStorage)
        assert materialized(instance, ORDERS) == 1
        assert [r.status for r in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
    assert (root / ".mesh/dagster/events/event_log.db").is_file()


def test_a_new_history_is_made_once_when_processes_start_together(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    dagster_home(root)
    with ThreadPoolExecutor(5) as threads:
        for finished in list(threads.map(lambda _: child(root, 1), range(5))):
            assert finished.returncode == 0, finished.stderr
    with dagster_of(root) as instance:
        assert materialized(instance, dg.AssetKey("child")) == 5


def test_processes_and_threads_write_at_the_same_time_and_nothing_is_lost(tmp_path: Path) -> None:
    # Runs in processes, events without a run in threads: two runs in threads of one process can
    # deadlock in Dagster's own set-up of logging, whatever the storage.
    root = two_domains(tmp_path)
    with dagster_of(root) as instance, ThreadPoolExecutor(5) as threads:
        children = [threads.submit(child, root, 4) for _ in range(2)]
        told = [
            threads.submit(instance.report_runless_asset_event, dg.AssetMaterialization("told"))
            for _ in range(60)
        ]
        for event in told:
            event.result()
        for finished in children:
            assert finished.result().returncode == 0, finished.result().stderr
        assert materialized(instance, dg.AssetKey("told")) == 60
        assert materialized(instance, dg.AssetKey("child")) == 8
        assert {r.status for r in instance.get_runs()} == {dg.DagsterRunStatus.SUCCESS}
        assert len(instance.get_runs()) == 8


def test_events_of_a_run_reach_who_watches_it(tmp_path: Path) -> None:
    root = two_domains(tmp_path)
    ended = threading.Event()
    with dagster_of(root) as instance:
        job = dg.Definitions(assets=[here]).resolve_implicit_global_asset_job_def()
        created = instance.create_run_for_job(job)

        def hear(entry: dg.EventLogEntry, cursor: str) -> None:
            event = entry.dagster_event
            if event is not None and event.event_type is dg.DagsterEventType.PIPELINE_FAILURE:
                ended.set()

        instance.watch_event_logs(created.run_id, None, hear)
        instance.report_run_failed(created)
        assert ended.wait(60)
        instance.end_watch_event_logs(created.run_id, hear)
