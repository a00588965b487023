"""Small files with atomic creation and replacement, and a lock, on a local file system."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import uuid
from typing import TYPE_CHECKING

from mesh_defs.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POLL_SECONDS = 0.05


class LocalObjects:
    """Named byte strings below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Write beside, then link: the name appears with all of its content, or not at all."""
        target = self.root / name
        if target.exists():
            return False
        beside = self._beside(target, content)
        try:
            os.link(beside, target)
        except FileExistsError:
            return False
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(target.parent)
        return True

    def replace(self, name: str, content: bytes) -> None:
        """Write beside, then rename."""
        target = self.root / name
        self._beside(target, content).replace(target)
        _sync_folder(target.parent)

    def read(self, name: str) -> bytes | None:
        """The content of ``name``, or None."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def names(self, folder: str) -> list[str]:
        """Names directly in ``folder``, sorted; none when there is no such folder."""
        try:
            entries = os.listdir(self.root / folder)  # noqa: PTH208  names alone, without a stat
        except FileNotFoundError:
            return []
        return sorted(name for name in entries if not name.startswith("."))

    def remove(self, name: str) -> None:
        """Remove ``name``; fine when it is gone."""
        (self.root / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self, wait_seconds: float) -> Iterator[None]:
        """An flock on ``<root>/lock``: the kernel frees it however the process ends."""
        self.root.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + wait_seconds
        with (self.root / "lock").open("a+") as handle:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise Busy(
                            f"another run of this product is under way (it holds "
                            f"{self.root / 'lock'}, process {_holder(self.root / 'lock')}); "
                            f"waited {wait_seconds:g} s; try again when it has ended"
                        ) from None
                    time.sleep(_POLL_SECONDS)
            handle.seek(0)
            handle.truncate()
            handle.write(str(os.getpid()))
            handle.flush()
            try:
                yield
            finally:
                handle.seek(0)
                handle.truncate()
                fcntl.flock(handle, fcntl.LOCK_UN)

    def _beside(self, target: Path, content: bytes) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.parent / f".{target.name}.{uuid.uuid4().hex}"
        with beside.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        return beside


def _holder(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip() or "unknown"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
