"""Step five of a run: staged files become the next version of every port, all or none.

The order is what makes it safe (docs/decisions/0002-publishing.md):

0. every port's table is where the ledger says, or nothing is written at all;
1. one *intent* holds the whole outcome: the next ledger record, every port's commit, and the
   documents that tell of the version;
2. each port's Delta log gets its commit;
3. the documents are written beside the data;
4. the ledger gets its record; only now do readers see the version;
5. the intent is removed.

A process that dies before 1 leaves files that nothing refers to: they are removed by the next run.
One that dies after 1 leaves everything that the next run needs to finish it: it rolls forward.
"""

from __future__ import annotations

import glob
import json
import re
import shutil
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from mesh_defs.drivers.storage.protocol import Commit
from mesh_defs.errors import CorruptRecord, PublishConflict
from mesh_defs.product.attempts import FOLDER as RUNS
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.attest.statement import FOLDER as ATTESTATIONS
from mesh_defs.product.described.document import FOLDER as DISCOVERY
from mesh_defs.product.ledger import FOLDER as LEDGER
from mesh_defs.product.ledger import NOT_A_RECORD, Ledger, Record, record_name
from mesh_defs.product.quarantine import FOLDER as QUARANTINE
from mesh_defs.stored import each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mesh_defs.drivers.storage.protocol import ProductStore

INTENTS = "intents"
# The folders of a product's store with what tells of each version, besides the ledger.
DOCUMENTS = (DISCOVERY, ATTESTATIONS)
_DOCUMENT = re.compile(r"[0-9]{12}\.json")

Step = str


@dataclass(frozen=True, slots=True)
class Intent:
    """A publish that was decided: everything that is needed to finish it."""

    record: Record
    commits: Mapping[str, Commit]
    documents: Mapping[str, str]


def publish(
    store: ProductStore,
    record: Record,
    commits: Mapping[str, Commit],
    step: Callable[[Step], None],
    documents: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Make ``record`` the product's next version. The caller holds the product's lock.

    ``documents`` are texts by their names in the store (`DOCUMENTS`), which are there as soon as
    the version is. ``step`` is called after each step with its name. Raises `PublishConflict`;
    `StorageFailed`, after which the next run finishes what was decided.
    """
    for port, commit in commits.items():
        # Afterwards some ports may be committed already when another turns out to be taken.
        store.expect(port, commit.version - 1)
    intent = {
        "record": json.loads(record.to_json()),
        "commits": {port: commit.as_dict() for port, commit in commits.items()},
        "documents": dict(documents),
    }
    content = json.dumps(intent, separators=(",", ":")).encode()
    if not store.put_if_absent(_name(record.version), content):
        raise PublishConflict(
            f"version {record.version} is being published by another run; run the product again"
        )
    step("intent")
    _finish(store, Intent(record, commits, documents), step)


def roll_forward(store: ProductStore, *, rebuild: bool = False) -> list[Record]:
    """Finish every publish that was interrupted; the caller holds the lock. Returns the versions
    that became visible by it.

    A ``rebuild`` replaces everything, so it gives up what can no longer be finished, because the
    intent cannot be read or a table was written from outside; otherwise that raises
    `CorruptRecord` and `PublishConflict`.
    """
    finished = []
    for name in _open_intents(store):
        try:
            found = _intent(store, name)
            if found is not None and _finish(store, found, lambda _: None):
                finished.append(found.record)
        except PublishConflict:
            if not rebuild:
                raise
        except CorruptRecord:
            if not rebuild and not _published(store, name):
                raise
            _give_up(store, name)
    return finished


def publishing(store: ProductStore, version: int) -> bool:
    """Whether a run makes ``version`` visible at this moment: what lies in the store may be ahead
    of the ledger then. Ask before the ledger is read."""
    return _name(version).rpartition("/")[2] in store.names(INTENTS) and store.locked()


def discard_staged(store: ProductStore, ports: Iterable[str], token: str) -> None:
    """Remove the files of ``ports`` that the attempt ``token`` wrote and that the newest version of
    their table does not refer to; none while a decided publish waits to be finished. The caller
    holds the lock. Raises `CorruptRecord` when a table cannot be read.
    """
    if not token or _open_intents(store):
        return
    for port in ports:
        folder = store.port_folder(port)
        # DuckDB writes beside a file's name before it takes it.
        patterns = (f"{glob.escape(token)}-*.parquet", f"tmp_{glob.escape(token)}-*.parquet")
        staged = [file for pattern in patterns for file in folder.glob(pattern)]
        if not staged:
            continue
        version = store.table_version(port)
        files = store.table_files(port, version) if version is not None else []
        kept = {folder / file.path for file in files}
        for file in staged:
            if file not in kept:
                file.unlink(missing_ok=True)


def clean_up(store: ProductStore, ports: Iterable[str], work: Path) -> list[str]:
    """Remove what dead runs left: staged files that no version refers to, their folder in ``work``
    and half-written objects; the ids of these runs. The caller holds the lock and has rolled
    forward."""
    names = list(ports)
    dead = Attempts(store).close_dead()
    for attempt in dead:
        shutil.rmtree(work / attempt.run_id, ignore_errors=True)
        discard_staged(store, names, attempt.token)
    refused = [f"{QUARANTINE}/{run}" for run in store.names(QUARANTINE)]
    store.sweep([LEDGER, INTENTS, RUNS, *DOCUMENTS, *refused])
    return [attempt.run_id for attempt in dead]


def _finish(store: ProductStore, intent: Intent, step: Callable[[Step], None]) -> bool:
    record, ledger = intent.record, Ledger(store)
    added = False
    published = ledger.record(record.version)
    if published is None:
        for port, commit in intent.commits.items():
            try:
                store.commit(port, commit)
            except PublishConflict:
                # The table was written from outside, so this outcome can never be reached.
                store.remove(_name(record.version))
                raise
            step(f"commit:{port}")
        for name, text in intent.documents.items():
            # One of this name that is there already tells of a publish that was given up.
            store.replace(name, text.encode())
        step("documents")
        added = ledger.add(record)
        published = ledger.record(record.version)
        step("ledger")
    store.remove(_name(record.version))
    # A run's id may be used again; the time tells its attempts apart.
    if published is None or _maker(published) != _maker(record):
        raise PublishConflict(
            f"version {record.version} was published by another run "
            f"({published.run_id if published else 'unknown'}); run the product again"
        )
    step("clean")
    return added


def _maker(record: Record) -> tuple[str, str]:
    return record.run_id, record.published_at


def _open_intents(store: ProductStore) -> list[str]:
    return [name for name in store.names(INTENTS) if name.endswith(".json")]


def _intent(store: ProductStore, name: str) -> Intent | None:
    """What the intent ``name`` decided; None when it is gone."""
    content = store.read(f"{INTENTS}/{name}")
    if content is None:
        return None
    try:
        intent = json.loads(content)
        record = Record.from_dict(intent["record"])
        if _name(record.version) != f"{INTENTS}/{name}":
            raise ValueError(f"it speaks of version {record.version}")
        commits = {port: Commit.from_dict(v) for port, v in intent["commits"].items()}
        return Intent(record, commits, _documents(intent.get("documents", {})))
    except NOT_A_RECORD as error:
        raise CorruptRecord(
            f"{store.location(f'{INTENTS}/{name}')} holds a publish that was decided and not "
            f"finished, and cannot be read ({error}). Fix: restore the file from a backup, or run "
            "the product with --rebuild to give it up and publish from its own sources again"
        ) from error


def _documents(values: object) -> dict[str, str]:
    """The documents of an intent; one that an earlier release wrote has none. Raises ValueError."""
    found: dict[str, str] = each(values, "documents", str)
    for name in found:
        folder, _, file = name.partition("/")
        if folder not in DOCUMENTS or not _DOCUMENT.fullmatch(file):
            raise ValueError(f"'{name}' in 'documents' cannot be a document's name")
    return found


def _published(store: ProductStore, name: str) -> bool:
    """Whether the ledger has the version of the intent ``name``, which then has nothing to add."""
    return name in store.names(LEDGER)


def _give_up(store: ProductStore, name: str) -> None:
    """Put the intent aside, for whoever wants to know what it was."""
    content = store.read(f"{INTENTS}/{name}")
    if content is not None:
        store.replace(f"{INTENTS}/{name}.corrupt", content)
        store.remove(f"{INTENTS}/{name}")


def _name(version: int) -> str:
    return f"{INTENTS}/{record_name(version).rpartition('/')[2]}"
