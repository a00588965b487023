"""Files of what changed, each computed once for the same versions and decisions."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Rows
from mesh_defs.errors import AccessDenied
from mesh_defs.gateway.changes.compare import OWN, changed, side, usable_key
from mesh_defs.gateway.changes.steps import seen
from mesh_defs.gateway.errors import BadRequest
from mesh_defs.gateway.limits import Slots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.gateway.changes.steps import Step

MOST_FOLLOWERS = 512  # that wait for new versions at once
_MOST_BYTES = 5_000_000_000
_MEMORY_GB = 0.25


@dataclass(frozen=True, slots=True)
class Change:
    """What changed in one step: ``count`` rows in ``rows``. ``plain`` tells that all are new, as
    the port has them; else a column ``_change_type`` tells of each what happened to it. ``digest``
    (16 hex digits) is the same for the same rows in the same order."""

    rows: Rows
    count: int
    plain: bool
    digest: str


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    file: Path | None = None
    bytes: int = 0
    readers: int = 0


class ChangeFiles:
    """What changed, in files below ``home``. Those that nobody holds make room when all together
    are over ``most_bytes``. ``followers`` are those who wait for more. Used by all threads."""

    def __init__(self, home: Path, most_bytes: int = _MOST_BYTES) -> None:
        self._home = home
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self.followers = Slots(MOST_FOLLOWERS, 0, each=MOST_FOLLOWERS // 2)

    @contextlib.contextmanager
    def held(self, step: Step) -> Iterator[Change | None]:
        """What changed in ``step``, None when nothing did that its reader may see; its files stay
        as long as the block lasts. Raises `AccessDenied`, `BadRequest` when a column of the port
        has a name of this feed's own."""
        with contextlib.ExitStack() as stack:
            if step.unchanged:
                yield None
                return
            _check_names(step)
            new = seen(step.reading, step.added, stack) if step.added else None
            old = None
            if step.removed and step.previous is not None:
                old = seen(step.previous, step.removed, stack)
            if new is not None and old is None:
                yield _change(new, plain=True)
                return
            yield _change(stack.enter_context(self._compared(step, old, new)), plain=False)

    @contextlib.contextmanager
    def _compared(self, step: Step, old: Rows | None, new: Rows | None) -> Iterator[Rows]:
        key = _key(step)
        name = hashlib.sha256(
            repr((old and old.files, new and new.files, key)).encode()
        ).hexdigest()
        with self._lock:
            kept = self._kept.setdefault(name, _Kept())
            self._kept.move_to_end(name)
            kept.readers += 1
        try:
            with kept.lock:
                if kept.file is None:
                    kept.file = _write(step, old, new, key, self._home / name)
                    kept.bytes = kept.file.stat().st_size
                file = kept.file
            yield Rows.parquet([str(file)])
        finally:
            with self._lock:
                kept.readers -= 1
                if kept.file is None and not kept.readers:
                    self._kept.pop(name, None)
                for target in self._surplus():
                    target.unlink(missing_ok=True)

    def _surplus(self) -> list[Path]:
        total = sum(each.bytes for each in self._kept.values())
        gone: list[Path] = []
        for name, kept in list(self._kept.items()):
            if total <= self._most_bytes:
                break
            if not kept.readers and kept.file is not None:
                del self._kept[name]
                total -= kept.bytes
                gone.append(kept.file)
        return gone


def _change(rows: Rows, *, plain: bool) -> Change | None:
    import pyarrow.parquet as pq

    count = sum(int(pq.read_metadata(file).num_rows) for file in rows.files)
    if not count:
        return None
    digest = hashlib.sha256("\0".join(rows.files).encode()).hexdigest()[:16]
    return Change(rows, count, plain, digest)


def _check_names(step: Step) -> None:
    taken = [name for name in step.reading.opened.types if name.lower() in OWN]
    if taken:
        raise BadRequest(
            f"{step.reading.url} has a column '{taken[0]}', which is one of a change feed's own. "
            "Fix: read its versions instead; its owner renames the column"
        )


def _key(step: Step) -> tuple[str, ...]:
    """The primary key, where its reader sees it in clear in both versions; else nothing."""
    readings = [each for each in (step.reading, step.previous) if each is not None]
    key = step.reading.opened.output.promise.primary_key
    for reading in readings:
        for name in key:
            decided = reading.decision.column(name)
            if decided is None or not decided.clear:
                return ()
    return key


def _write(
    step: Step, old: Rows | None, new: Rows | None, key: tuple[str, ...], target: Path
) -> Path:
    import duckdb

    from mesh_defs.drivers.compute.duckdb import DuckDBCompute

    files = [file for rows in (old, new) if rows is not None for file in rows.files]
    with tempfile.TemporaryDirectory(prefix="mesh-changes-") as scratch:
        compute = DuckDBCompute(Path(scratch), memory_gb=_MEMORY_GB)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            compute.lock(files, [target.parent])
            before, after = (
                side(compute.connection, rows.sql) if rows is not None else None
                for rows in (old, new)
            )
            keyed: tuple[str, ...] = ()
            if before is not None and after is not None:
                keyed = key if usable_key(compute.connection, before, after, key) else ()
            return Path(compute.stage(changed(before, after, keyed), target)[0].path)
        except duckdb.Error as error:
            # Only its kind: the text may quote values.
            raise AccessDenied(
                f"what changed in {step.reading.url} cannot be told ({type(error).__name__}). "
                "Fix: read its versions instead"
            ) from None
        finally:
            compute.close()
