"""Background processes of one mesh: started apart from the command, recorded, stopped exactly.

The record is ``.mesh/run/processes.json``, logs lie in ``.mesh/logs``. A process is known by its
number *and* its start, so that a number which another program has got since is never signalled.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.processes import group_runs, identity, signal_group

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

GRACE_SECONDS = 20.0
_PAUSE_SECONDS = 0.05
_KEPT_LOG_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Spec:
    """What to start. ``stamp`` changes whenever a running process is no longer good enough;
    ``address`` is where it answers; ``environment`` is added to that of the command."""

    name: str
    command: tuple[str, ...]
    stamp: str
    address: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started: its number (also of its process group), what identifies it, and
    its log's path. ``started_at`` is ISO 8601 in UTC."""

    name: str
    pid: int
    identity: str
    stamp: str
    address: str
    log: str
    started_at: str

    @property
    def runs(self) -> bool:
        """Whether this very process runs."""
        return identity(self.pid) == self.identity


class Supervisor:
    """The background processes of the mesh whose state lies in ``state`` (``.mesh``)."""

    def __init__(self, root: Path, state: Path) -> None:
        self.root = root
        self.folder = state / "run"
        self.logs = state / "logs"
        self._record = self.folder / "processes.json"

    @contextmanager
    def lock(self, waiting: Callable[[str], None]) -> Iterator[None]:
        """Hold the mesh's one lock for starting, stopping and removing.

        When another command holds it, ``waiting`` is told that command's number once, and this
        one waits.
        """
        said = False
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / "lock"
            with path.open("a+", encoding="utf-8") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    if not said:
                        file.seek(0)
                        waiting(file.read().strip() or "unknown")
                        said = True
                    fcntl.flock(file, fcntl.LOCK_EX)
                if not _is_still(path, file.fileno()):
                    continue  # the holder removed the state, and with it this file
                file.truncate(0)
                file.write(str(os.getpid()))
                file.flush()
                yield
                return

    def recorded(self) -> dict[str, Process]:
        """Every process that was started and not stopped since, by name, dead ones too."""
        try:
            values = json.loads(self._record.read_text(encoding="utf-8"))
            return {value["name"]: Process(**value) for value in values}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError) as error:
            raise MeshError(
                f"{self._record} is damaged ({error}); look for the processes it names, "
                "end them, and remove the file"
            ) from error

    def running(self) -> dict[str, Process]:
        """The recorded processes that run."""
        return {name: process for name, process in self.recorded().items() if process.runs}

    def start(self, spec: Spec) -> Process:
        """Start ``spec`` in a session of its own, with its output in its log."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{spec.name}.log"
        if log.exists() and log.stat().st_size > _KEPT_LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        with log.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603  the command is ours, no shell
                spec.command,
                cwd=self.root,
                env={**os.environ, **spec.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        who = identity(child.pid)
        if who is None:
            raise MeshError(f"{spec.name} ended at once\n{self.log_tail(spec.name)}")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        process = Process(spec.name, child.pid, who, spec.stamp, spec.address, str(log), now)
        self._write({**self.recorded(), spec.name: process})
        return process

    def stop(
        self, names: Collection[str] | None = None, *, grace_seconds: float = GRACE_SECONDS
    ) -> list[Process]:
        """End the recorded processes of ``names`` (None: all) and forget them; those that ran.

        Each process group is asked by SIGTERM, and killed when it still runs after
        ``grace_seconds``.
        """
        recorded = self.recorded()
        chosen = [p for name, p in recorded.items() if names is None or name in names]
        ran = [process for process in chosen if process.runs]
        for process in ran:
            signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        left = ran
        while left and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
            left = [process for process in left if group_runs(process.pid)]
        for process in left:
            signal_group(process.pid, signal.SIGKILL)
        stopped = {process.name for process in chosen}
        self._write({n: p for n, p in recorded.items() if n not in stopped})
        return ran

    def log_tail(self, name: str, lines: int = 20) -> str:
        """The last ``lines`` lines of a process's log, and where it lies."""
        log = self.logs / f"{name}.log"
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        return "\n".join([*text.splitlines()[-lines:], f"the whole log is {log}"])

    def _write(self, processes: Mapping[str, Process]) -> None:
        if not processes:
            self._record.unlink(missing_ok=True)
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self._record.with_suffix(".draft")
        draft.write_text(json.dumps([asdict(p) for p in processes.values()], indent=1))
        draft.replace(self._record)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether ``path`` still names the open file ``descriptor``."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
