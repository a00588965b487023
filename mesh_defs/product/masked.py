"""Masked snapshots: what a decision lets be seen of a version, as Parquet files of their own.

Masks and row filters are computed once, on a connection that no reader gets, and written down. What
a reader's condition is then put to are the masked values: no engine can be made to evaluate it on
rows or values that are not there. The hash's key stands in no query and no file. The rows have an
order of their own: that of the version may go by what is masked.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Rows
from mesh_defs.errors import AccessDenied
from mesh_defs.policy.access.masking import masked_query
from mesh_defs.policy.access.masks import install_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.policy.access.decide import HashKey
    from mesh_defs.policy.access.decision import Decision


@dataclass(slots=True)
class _Snapshot:
    """One snapshot: ``rows`` None until it is written, ``bytes`` on disk, how many read it now."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: Rows | None = None
    bytes: int = 0
    readers: int = 0


class Snapshots:
    """Masked snapshots below ``home``, each made once for the same version and decision.

    Those that nobody holds make room when all together are over ``most_bytes`` (None: all are
    kept). ``memory_gb`` caps what making one takes. May be used from several threads.
    """

    def __init__(
        self, home: Path, *, most_bytes: int | None = None, memory_gb: float | None = None
    ) -> None:
        self._home = home
        self._most_bytes = most_bytes
        self._memory_gb = memory_gb
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Snapshot] = OrderedDict()

    @contextlib.contextmanager
    def held(self, decision: Decision, files: Sequence[str], key: HashKey) -> Iterator[Rows]:
        """What ``decision`` lets be seen of the Parquet ``files`` of its port; it stays as long as
        the block lasts. Raises `AccessDenied` when that is no column at all, or when the row filter
        fails on the data."""
        name = snapshot_name(decision, files, key)
        with self._lock:
            snapshot = self._kept.setdefault(name, _Snapshot())
            self._kept.move_to_end(name)
            snapshot.readers += 1
        try:
            yield self._made(snapshot, name, decision, files, key)
        finally:
            with self._lock:
                snapshot.readers -= 1
                if snapshot.rows is None and not snapshot.readers:
                    self._kept.pop(name, None)
                for target in self._surplus():
                    with contextlib.suppress(FileNotFoundError):
                        target.unlink()

    def _made(
        self,
        snapshot: _Snapshot,
        name: str,
        decision: Decision,
        files: Sequence[str],
        key: HashKey,
    ) -> Rows:
        with snapshot.lock:
            if snapshot.rows is None:
                target = self._home / name
                snapshot.rows = _write(decision, files, key, target, self._memory_gb)
                snapshot.bytes = sum(Path(file).stat().st_size for file in snapshot.rows.files)
            return snapshot.rows

    def _surplus(self) -> list[Path]:
        """Take out what is over the limit, the longest unused first; their files."""
        if self._most_bytes is None:
            return []
        total = sum(each.bytes for each in self._kept.values())
        gone: list[Path] = []
        for name, snapshot in list(self._kept.items()):
            if total <= self._most_bytes:
                break
            if not snapshot.readers and snapshot.rows is not None:
                del self._kept[name]
                total -= snapshot.bytes
                gone += map(Path, snapshot.rows.files)
        return gone


def masked_rows(decision: Decision, files: Sequence[str], key: HashKey) -> Rows:
    """What ``decision`` lets be seen of the Parquet ``files`` of its port.

    It is written to a temporary folder of this process on first use and kept to its end, so that
    the same version and decision cost once. Raises `AccessDenied` when that is no column at all, or
    when the row filter fails on the data.
    """
    with _own().held(decision, files, key) as rows:
        return rows


_start = threading.Lock()
_process: Snapshots | None = None


def _own() -> Snapshots:
    global _process
    with _start:
        if _process is None:
            folder = Path(tempfile.mkdtemp(prefix="mesh-masked-"))
            atexit.register(_remove, folder, os.getpid())
            _process = Snapshots(folder)
        return _process


def _write(
    decision: Decision,
    files: Sequence[str],
    key: HashKey,
    target: Path,
    memory_gb: float | None,
) -> Rows:
    import duckdb

    from mesh_defs.drivers.compute.duckdb import DuckDBCompute

    rows = Rows.parquet(files)
    with tempfile.TemporaryDirectory(prefix="mesh-masking-") as scratch:
        compute = DuckDBCompute(Path(scratch), memory_gb=memory_gb)
        try:
            described = compute.connection.execute(f"DESCRIBE SELECT * FROM {rows.sql}").fetchall()
            present = {str(row[0]): str(row[1]) for row in described}
            query = masked_query(decision, rows.sql, present)
            if query is None:
                reason = "the contract that it was published under names none of its columns"
                raise AccessDenied(f"{decision.subject.url} cannot be read: {reason}")
            if key.key is not None:
                install_hash(compute.connection, key.key)
            compute.lock(files, [target.parent])
            return Rows.parquet([file.path for file in compute.stage(query, target)])
        except duckdb.Error as error:
            # Only its kind: the text may quote values that the reader must not see.
            raise AccessDenied(
                f"{decision.subject.url} cannot be read: its masks or row filter failed on the "
                f"data ({type(error).__name__}); the domain {decision.subject.domain} mends its "
                "access.cedar"
            ) from None
        finally:
            compute.close()


def snapshot_name(decision: Decision, files: Sequence[str], key: HashKey) -> str:
    """What tells one snapshot from all others: the files of the version, what is decided on its
    rows and columns, the hash's key."""
    digest = hashlib.sha256(hashlib.sha256(key.key or b"").digest())
    seen = [
        (column.name, [(grant.mask, grant.to, grant.rows) for grant in column.grants])
        for column in decision.columns
    ]
    for part in (list(files), decision.row_filter, seen):
        digest.update(b"\0" + repr(part).encode())
    return digest.hexdigest()


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child leaves its parent's files alone
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
