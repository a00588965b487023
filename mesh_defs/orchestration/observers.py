"""Who watches a run in this process: progress while it goes, its report when it ends.

Dagster's own result carries events only, so a caller that runs products through Dagster in its own
process (``mesh up``) leaves a `Watch` under the run's id.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.report import Observer, RunReport


@dataclass(slots=True)
class Watch:
    """One watched run. ``report`` is set when the container returned one, ``error`` when it
    raised what a person can act on, ``stopped`` when a signal ended it."""

    observer: Observer | None = None
    report: RunReport | None = None
    error: str | None = None
    stopped: bool = False


_watches: dict[str, Watch] = {}


@contextmanager
def watching(run_id: str, observer: Observer | None = None) -> Iterator[Watch]:
    """Watch the run ``run_id`` of this process."""
    watch = Watch(observer)
    _watches[run_id] = watch
    try:
        yield watch
    finally:
        del _watches[run_id]


def watch_of(run_id: str) -> Watch | None:
    """The watch on ``run_id``, when somebody in this process left one."""
    return _watches.get(run_id)
