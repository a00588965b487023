"""dbt in this process: one invocation after the other, quiet, and nothing of it left behind."""

from __future__ import annotations

import contextvars
import json
import logging
import os
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.product.transforms.dbt_errors import DbtGaveUp
from mesh_defs.settings import hide_variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dbt.adapters.sql.connections import SQLConnectionManager
    from dbt.artifacts.schemas.run import RunResult
    from dbt.cli.main import dbtRunnerResult
    from dbt.contracts.graph.manifest import Manifest
    from duckdb import DuckDBPyConnection

# dbt keeps its flags, adapters, events and its DuckDB in module globals.
_ONE_AT_A_TIME = threading.RLock()

_GLOBAL_FLAGS = (
    "--no-use-colors",
    "--no-use-colors-file",
    "--no-send-anonymous-usage-stats",
    "--no-print",
    "--no-write-json",
    "--no-fail-fast",
    "--partial-parse",
    "--log-level=none",
    "--log-format-file=text",
)
# What dbt writes of data: errors, and the SQL into which macros paste values.
_TELLING = ("logs", "target/compiled", "target/run")
_PAUSE_SECONDS = 0.05
_LOGGERS = ("file_log", "stdout_log")
_ENGINE_VARIABLES = ("DBT_ENGINE_", "DBT_RECORDER_")


class Dbt:
    """dbt on one project, for one product. Made by `session`.

    ``kept`` stays between runs (parsed project, log), ``scratch`` holds the run's database and
    profile; ``log_level`` is that of its log. Each method raises `DbtGaveUp` when dbt itself gives
    up.
    """

    def __init__(self, project: Path, kept: Path, scratch: Path, log_level: str) -> None:
        self.project = project
        self.kept = kept
        self.scratch = scratch
        self.log_level = log_level

    def parse(self, profiles: Path) -> Manifest:
        """The project's manifest. ``profiles`` and variables must not differ from run to run, or
        dbt parses everything again."""
        manifest: Manifest = self._invoke(None, "parse", profiles).result  # type: ignore[assignment]
        return manifest

    def run(
        self, manifest: Manifest, command: str, tag: str, variables: Mapping[str, str]
    ) -> Sequence[RunResult]:
        """``command`` (build, test) on the nodes of ``manifest`` that carry ``tag``; one result per
        node, whatever its outcome."""
        more: tuple[str, ...] = ("--select", f"tag:{tag}", "--indirect-selection", "empty")
        if command == "build":
            more += ("--resource-type", "model", "--resource-type", "seed")
        told = self._invoke(manifest, command, self.scratch, *more, "--vars", json.dumps(variables))
        results: Sequence[RunResult] = getattr(told.result, "results", ())
        return results

    def _invoke(
        self, manifest: Manifest | None, command: str, profiles: Path, *more: str
    ) -> dbtRunnerResult:
        from dbt.cli.main import dbtRunner

        arguments = [
            *_GLOBAL_FLAGS,
            f"--log-level-file={self.log_level}",
            command,
            f"--project-dir={self.project}",
            f"--profiles-dir={profiles}",
            f"--target-path={self.kept / 'target'}",
            f"--log-path={self.kept / 'logs'}",
            *more,
        ]
        # dbt sets context variables; a copy keeps them from whoever called.
        told = contextvars.copy_context().run(dbtRunner(manifest=manifest).invoke, arguments)
        if told.exception is not None:
            if not isinstance(told.exception, Exception):
                raise told.exception  # An interrupt, which dbt turns into a result.
            raise DbtGaveUp(str(told.exception)) from told.exception
        return told


@contextmanager
def session(
    project: Path,
    kept: Path,
    scratch: Path,
    statements: Sequence[str],
    *,
    install: Callable[[DuckDBPyConnection], None],
    hidden: str | None,
    private: bool,
) -> Iterator[Dbt]:
    """dbt, alone in this process. ``statements`` are run on the database that it opens, and
    ``install`` adds functions to it; ``hidden`` is an environment variable that it does not see.
    ``private`` leaves no file behind in which it tells of data.

    Afterwards its database is closed and the process is as it was: environment, working folder,
    loggers and their handlers.
    """
    with _ONE_AT_A_TIME, _logging(), _environment(), hide_variable(hidden):
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.adapters.factory import reset_adapters
        from dbt_common.events.event_manager_client import cleanup_event_logger

        from mesh_defs.product.transforms import dbt_plugin

        dbt_plugin.configure(statements, install)
        try:
            with _stoppable():
                yield Dbt(project, kept, scratch, "none" if private else "info")
        finally:
            reset_adapters()  # type: ignore[no-untyped-call]
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
            dbt_plugin.release()
            cleanup_event_logger()
            for name in _TELLING if private else ():
                shutil.rmtree(kept / name, ignore_errors=True)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C ends a query that dbt only starts after it, too.

    dbt cancels once what runs at that moment, and then waits for its threads: one that was between
    two queries would go on with the next for as long as that takes.
    """
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    from mesh_defs.product.transforms import dbt_plugin

    ended = threading.Event()
    cancel_once = DuckDBConnectionManager.cancel_open

    def interrupt() -> None:
        while not ended.wait(_PAUSE_SECONDS):
            dbt_plugin.interrupt()

    def cancel_open(self: SQLConnectionManager) -> list[str]:
        threading.Thread(target=interrupt, name="dbt-interrupt", daemon=True).start()
        return cancel_once(self)

    DuckDBConnectionManager.cancel_open = cancel_open  # type: ignore[method-assign]
    try:
        yield
    finally:
        ended.set()
        DuckDBConnectionManager.cancel_open = cancel_once  # type: ignore[method-assign]


@contextmanager
def _environment() -> Iterator[None]:
    """Without the variables that would set dbt's own flags; a project's variables stay."""
    import dbt.cli.main  # noqa: F401  dbt.env_vars cannot be the first of dbt that is imported
    from dbt.env_vars import KNOWN_ENGINE_ENV_VARS

    known = {name for v in KNOWN_ENGINE_ENV_VARS for name in (v.name, v.old_name) if name}
    hidden = {
        name: value
        for name, value in os.environ.items()
        if name in known or name.startswith(_ENGINE_VARIABLES)
    }
    folder = Path.cwd()
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)
        os.chdir(folder)


@contextmanager
def _logging() -> Iterator[None]:
    """Loggers as they were, with dbt's files closed. A library of dbt's calls basicConfig."""
    root = logging.getLogger()
    handlers, level, disabled = list(root.handlers), root.level, root.manager.disable
    try:
        yield
    finally:
        for name in _LOGGERS:
            logger = logging.getLogger(name)
            for handler in list(logger.handlers):
                logger.removeHandler(handler)
                handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)
