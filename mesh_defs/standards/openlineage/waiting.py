"""Events that could not be sent, kept until they can: a file each, in a folder of this machine that
only its user can look into, sent again in the order in which they came."""

from __future__ import annotations

import fcntl
import json
import time
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mesh_defs.private_files import make_private, touch_private, write_private
from mesh_defs.product.tell import NotTold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mesh_defs.settings import Settings
    from mesh_defs.standards.openlineage.send import Transport

MOST = 1_000
FOLDER = "openlineage"
_LOCK, _ENDING = "lock", ".json"
# What a run may wait for events that are not its own.
_SECONDS = 10.0
AGAIN = "mesh export --send-waiting"


class Rejected(NotTold):
    """The server answered that it will not take an event, now or later."""


class Waiting:
    """The events that wait below ``folder``: at most ``most``, the oldest go first. They carry no
    key, and what ``redact`` takes out of texts. Processes may share it."""

    def __init__(self, folder: Path, redact: Callable[[str], str], most: int = MOST) -> None:
        self.folder = folder
        self.redact = redact
        self.most = most

    @classmethod
    def of(cls, settings: Settings) -> Waiting:
        """Those of one mesh in one profile."""
        return cls(settings.state / FOLDER / settings.profile_name, settings.redact)

    def files(self) -> list[Path]:
        """The events' files, the oldest first."""
        return sorted(self.folder.glob(f"*{_ENDING}"))

    def add(self, event: Mapping[str, Any]) -> str:
        """Keep ``event``; what became of it, in words. Raises OSError."""
        self._make()
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        beside = self.folder / f"{name}.new"
        text = self.redact(json.dumps(event, separators=(",", ":"), ensure_ascii=False))
        write_private(beside, text.encode("utf-8", "replace"))
        beside.replace(beside.with_suffix(_ENDING))
        files = self.files()
        dropped = files[: max(0, len(files) - self.most)]
        for file in dropped:
            file.unlink(missing_ok=True)
        lost = f"; the oldest {len(dropped)} lost, as {self.most} are kept" if dropped else ""
        left = len(files) - len(dropped)
        return f"{left} wait{lost}; they are sent with the next run, or by: {AGAIN}"

    def send(self, transport: Transport, seconds: float | None = _SECONDS) -> int:
        """Send what waits, the oldest first, for ``seconds`` at most; how many were. One that the
        server rejects, or that cannot be read, is dropped. Nothing is sent while another process
        does it. Raises `NotTold` when one cannot be sent, which goes on waiting."""
        if not self.files():
            return 0
        sent = 0
        until = time.monotonic() + seconds if seconds is not None else None
        with self._alone() as mine:
            for file in self.files() if mine else []:
                if until is not None and time.monotonic() >= until:
                    break
                event = _read(file)
                if event is not None:
                    try:
                        transport.send(event)
                        sent += 1
                    except Rejected:
                        pass  # it never will be: those behind it need not wait for it
                file.unlink(missing_ok=True)
        return sent

    def _make(self) -> None:
        make_private(self.folder.parent)
        make_private(self.folder)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        touch_private(self.folder / _LOCK)
        with (self.folder / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True


class PatientTransport:
    """Sends by ``transport``, after what waits; what cannot be sent waits from then on."""

    def __init__(self, transport: Transport, waiting: Waiting) -> None:
        self.transport = transport
        self.waiting = waiting

    def send(self, event: Mapping[str, Any]) -> None:
        """Send ``event``, or keep it. Raises `NotTold`, which says that it is kept."""
        try:
            self.waiting.send(self.transport)
            self.transport.send(event)
        except Rejected:
            raise
        except NotTold as error:
            self._keep(event, error)

    def _keep(self, event: Mapping[str, Any], error: NotTold) -> None:
        try:
            told = self.waiting.add(event)
        except OSError as problem:
            why = problem.strerror or problem
            raise NotTold(f"{error}; the event is lost: it cannot be kept either ({why})") from None
        raise NotTold(f"{error}; {told}") from None


def _read(file: Path) -> dict[str, Any] | None:
    try:
        event = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None
