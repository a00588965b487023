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
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Rows
from mesh_defs.errors import AccessDenied
from mesh_defs.policy.access.masking import masked_query
from mesh_defs.policy.access.masks import install_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mesh_defs.policy.access.decide import HashKey
    from mesh_defs.policy.access.decision import Decision

_lock = threading.Lock()
_made: dict[str, Rows] = {}
_folder: Path | None = None


def masked_rows(decision: Decision, files: Sequence[str], key: HashKey) -> Rows:
    """What ``decision`` lets be seen of the Parquet ``files`` of its port.

    It is written to a temporary folder of this process on first use and kept to its end, so that
    the same version and decision cost once. Raises `AccessDenied` when that is no column at all, or
    when the row filter fails on the data.
    """
    import duckdb

    from mesh_defs.drivers.compute.duckdb import DuckDBCompute

    rows = Rows.parquet(files)
    with _lock, tempfile.TemporaryDirectory(prefix="mesh-masking-") as scratch:
        compute = DuckDBCompute(Path(scratch))
        try:
            described = compute.connection.execute(f"DESCRIBE SELECT * FROM {rows.sql}").fetchall()
            query = masked_query(
                decision, rows.sql, {str(row[0]): str(row[1]) for row in described}
            )
            if query is None:
                reason = "the contract that it was published under names none of its columns"
                raise AccessDenied(f"{decision.subject.url} cannot be read: {reason}")
            name = _name(query, key)
            if name not in _made:
                target = _home() / name
                if key.key is not None:
                    install_hash(compute.connection, key.key)
                compute.lock(files, [target.parent])
                staged = compute.stage(query, target)
                _made[name] = Rows.parquet([file.path for file in staged])
            return _made[name]
        except duckdb.Error as error:
            # Only its kind: the text may quote values that the reader must not see.
            raise AccessDenied(
                f"{decision.subject.url} cannot be read: its masks or row filter failed on the "
                f"data ({type(error).__name__}); the domain {decision.subject.domain} mends its "
                "access.cedar"
            ) from None
        finally:
            compute.close()


def _name(query: str, key: HashKey) -> str:
    """What tells one snapshot from all others: the query names the files of the version."""
    digest = hashlib.sha256(query.encode())
    digest.update(b"\0" + hashlib.sha256(key.key or b"").digest())
    return digest.hexdigest()


def _home() -> Path:
    global _folder
    if _folder is None:
        _folder = Path(tempfile.mkdtemp(prefix="mesh-masked-"))
        atexit.register(_remove, _folder, os.getpid())
    return _folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child leaves its parent's files alone
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
