"""SHA-256 of files, made while something else reads the same files: they come from the page cache,
and hashing keeps no lock of the interpreter."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Self

_BUFFER = 1 << 20  # bytes
_THREADS = 2


def sha256_of(path: Path, going_on: Callable[[int], bool] | None = None) -> str:
    """The digest of a file, in hex. ``going_on`` is told how many bytes were read since it was last
    asked; when it says no, what was read so far is returned. Raises OSError."""
    digest = hashlib.sha256()
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
            if going_on is not None and not going_on(count):
                break
    return digest.hexdigest()


class Hashing:
    """Digests in the making; a context manager, at whose end nothing is hashed any more."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(_THREADS, "hash")
        self._digests: dict[str, Future[str]] = {
            path: self._pool.submit(sha256_of, Path(path), self._going_on) for path in paths
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)

    def digest(self, path: str) -> str:
        """The digest of a file, which is waited for. Raises `StorageFailed`."""
        if path not in self._digests:
            self._digests[path] = self._pool.submit(sha256_of, Path(path), self._going_on)
        try:
            return self._digests[path].result()
        except OSError as error:
            raise StorageFailed(
                f"'{path}' cannot be read: {error.strerror or error}. Fix: restore it from a "
                "backup, or run the product with --rebuild"
            ) from None

    def _going_on(self, _: int) -> bool:
        return not self._stopped.is_set()
