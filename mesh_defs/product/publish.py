"""Step five of a run: staged files become the next version of every port, all or none.

The order is what makes it safe (docs/decisions/0002-publishing.md):

1. one *intent* holds the whole outcome: the next ledger record and every port's commit;
2. each port's Delta log gets its commit;
3. the ledger gets its record; only now do readers see the version;
4. the intent is removed.

A process that dies before 1 leaves files that nothing refers to: they are removed by the next run.
One that dies after 1 leaves everything that the next run needs to finish it: it rolls forward.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from mesh_defs.drivers.storage.protocol import Commit
from mesh_defs.errors import PublishConflict
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.ledger import Ledger, Record, record_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mesh_defs.drivers.storage.protocol import ProductStore

INTENTS = "intents"

Step = str


def publish(
    store: ProductStore,
    record: Record,
    commits: Mapping[str, Commit],
    step: Callable[[Step], None],
) -> None:
    """Make ``record`` the product's next version. The caller holds the product's lock.

    ``step`` is called after each step with its name. Raises `PublishConflict`.
    """
    intent = {
        "record": json.loads(record.to_json()),
        "commits": {port: commit.as_dict() for port, commit in commits.items()},
    }
    content = json.dumps(intent, separators=(",", ":")).encode()
    if not store.put_if_absent(_name(record.version), content):
        raise PublishConflict(
            f"version {record.version} is being published by another run; run the product again"
        )
    step("intent")
    _finish(store, record, commits, step)


def roll_forward(store: ProductStore) -> list[Record]:
    """Finish every publish that was interrupted; the caller holds the lock. Returns the versions
    that became visible by it."""
    finished = []
    for name in store.names(INTENTS):
        content = store.read(f"{INTENTS}/{name}")
        if content is None:
            continue
        intent = json.loads(content)
        record = Record.from_json(json.dumps(intent["record"]).encode())
        commits = {port: Commit.from_dict(v) for port, v in intent["commits"].items()}
        if _finish(store, record, commits, lambda _: None):
            finished.append(record)
    return finished


def _finish(
    store: ProductStore,
    record: Record,
    commits: Mapping[str, Commit],
    step: Callable[[Step], None],
) -> bool:
    ledger = Ledger(store)
    added = False
    published = ledger.record(record.version)
    if published is None:
        for port, commit in commits.items():
            try:
                store.commit(port, commit)
            except PublishConflict:
                # The table was written from outside, so this outcome can never be reached.
                store.remove(_name(record.version))
                raise
            step(f"commit:{port}")
        added = ledger.add(record)
        published = ledger.record(record.version)
        step("ledger")
    if published is None or published.run_id != record.run_id:
        store.remove(_name(record.version))
        raise PublishConflict(
            f"version {record.version} was published by another run "
            f"({published.run_id if published else 'unknown'}); run the product again"
        )
    store.remove(_name(record.version))
    step("clean")
    return added


def clean_up(store: ProductStore, folders: Iterable[Path], work: Path) -> None:
    """Remove what dead runs left: staged files that no version refers to, and their folder in
    ``work``. The caller holds the lock and has rolled forward."""
    for attempt in Attempts(store).close_dead():
        shutil.rmtree(work / attempt.run_id, ignore_errors=True)
        if not _unpublished(store, attempt.run_id):
            continue
        for folder in folders:
            for file in folder.glob(f"{attempt.run_id}-*.parquet"):
                file.unlink()


def _unpublished(store: ProductStore, run_id: str) -> bool:
    return all(record.run_id != run_id for record in Ledger(store).newest_first())


def _name(version: int) -> str:
    return f"{INTENTS}/{record_name(version).rpartition('/')[2]}"
