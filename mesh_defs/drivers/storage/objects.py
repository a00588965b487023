"""Small files with atomic creation and replacement, and a lock, on a local file system."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import time
import uuid
from typing import TYPE_CHECKING

from mesh_defs.errors import Busy, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_POLL_SECONDS = 0.05
_LOCK = "lock"
_BACKTRACE = re.compile(r"\n\s*(?:stack backtrace:\s*)?0: .*", re.DOTALL | re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_HALF_WRITTEN = re.compile(r"\..+\.[0-9a-f]{32}")


class LocalObjects:
    """Named byte strings below ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put_if_absent(self, name: str, content: bytes) -> bool:
        """Write beside, then link: the name appears with all of its content, or not at all."""
        target = self.root / name
        with storing(target):
            if target.exists():
                return False
            beside = _beside(target, content)
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
        with storing(target):
            beside = _beside(target, content)
            try:
                beside.replace(target)
            except OSError:
                beside.unlink(missing_ok=True)
                raise
            _sync_folder(target.parent)

    def read(self, name: str) -> bytes | None:
        """The content of ``name``, or None."""
        target = self.root / name
        try:
            return target.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed(f"cannot read {target}: {_reason(error)}") from error

    def names(self, folder: str) -> list[str]:
        """Names directly in ``folder``, sorted; none when there is no such folder."""
        return sorted(name for name in _entries(self.root / folder) if not name.startswith("."))

    def remove(self, name: str) -> None:
        """Remove ``name``; fine when it is gone."""
        with storing(self.root / name):
            (self.root / name).unlink(missing_ok=True)

    def location(self, name: str) -> str:
        """The absolute path of ``name``."""
        return str(self.root / name)

    def sweep(self, folders: Iterable[str]) -> None:
        """Remove files that were written beside their names and never took them."""
        for folder in folders:
            for name in _entries(self.root / folder):
                if _HALF_WRITTEN.fullmatch(name):
                    self.remove(f"{folder}/{name}")

    @contextlib.contextmanager
    def lock(self, wait_seconds: float) -> Iterator[None]:
        """An flock on ``root`` and on ``<root>/lock``, which tells the holder's process: the kernel
        frees both however the process ends."""
        file, until = self.root / _LOCK, time.monotonic() + wait_seconds
        with contextlib.ExitStack() as held:
            try:
                # A file that somebody deletes keeps nobody out, the folder with the data does.
                self._hold(held, self.root, os.O_RDONLY, until)
                handle = self._hold(held, file, os.O_RDWR | os.O_CREAT, until)
            except BlockingIOError:
                raise Busy(
                    f"another run of this product is under way (it holds {file}, process "
                    f"{_holder(file)}); waited {wait_seconds:g} s; try again when it has ended"
                ) from None
            with storing(file):
                os.ftruncate(handle, 0)
                os.write(handle, str(os.getpid()).encode())
            try:
                yield
            finally:
                os.ftruncate(handle, 0)

    def locked(self) -> bool:
        """A shared flock is refused on what another holds alone."""
        return any(_is_locked(path) for path in (self.root, self.root / _LOCK))

    def _hold(self, held: contextlib.ExitStack, path: Path, flags: int, until: float) -> int:
        """Lock ``path``; ``held`` unlocks it. Raises BlockingIOError at ``until``."""
        while True:
            with storing(path):
                try:
                    self.root.mkdir(parents=True, exist_ok=True)
                    descriptor = os.open(path, flags, 0o666)
                except (FileExistsError, FileNotFoundError):
                    # The folder was moved away in between; the next turn makes it again.
                    if time.monotonic() >= until:
                        raise
                    continue
            with contextlib.ExitStack() as closing:
                closing.callback(os.close, descriptor)
                _lock_before(descriptor, until)
                if _is_at(descriptor, path):
                    held.push(closing.pop_all())
                    return descriptor


@contextlib.contextmanager
def storing(target: Path) -> Iterator[None]:
    """Raise `StorageFailed` when the operating system refuses to write ``target``."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"cannot write {target}: {_reason(error)}. Fix: make room or give the rights, then run "
            "the product again, which first finishes what was decided"
        ) from error


def _lock_before(descriptor: int, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(_POLL_SECONDS)
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            return  # NFS locks what is open for writing alone, which a folder never is.
        else:
            return


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # Nobody may look.
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return False  # As above: a folder on NFS, beside which the file is asked.
    else:
        return False
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether ``path`` still is the file that is open; another may have replaced it meanwhile."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _beside(target: Path, content: bytes) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.parent / f".{target.name}.{uuid.uuid4().hex}"
    try:
        with beside.open("xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    return beside


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  names alone, without a stat
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageFailed(f"cannot read {folder}: {_reason(error)}") from error


def _holder(file: Path) -> str:
    try:
        process = file.read_bytes().strip()
    except OSError:  # What it says is only a hint for a person.
        return "unknown"
    return process.decode() if process.isdigit() else "unknown"


def _reason(error: OSError) -> str:
    if error.strerror:
        return error.strerror
    # delta-rs draws a coloured tree of its causes; the last one is the system's.
    return said(error).rpartition("\n")[2].strip(" ↳")


def said(error: BaseException) -> str:
    """What delta-rs says of ``error``: no colours, and no frames of its own, which it adds when
    RUST_BACKTRACE is set."""
    return _BACKTRACE.sub("", _COLOUR.sub("", str(error))).strip()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
