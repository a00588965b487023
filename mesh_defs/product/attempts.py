"""One small record per attempted run, so that a product can tell what broke and what was killed."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, get_args

from mesh_defs.product.ledger import NOT_A_RECORD, inputs_of, verdicts_of
from mesh_defs.stored import fitting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.ledger import InputRecord

FOLDER = "runs"
KEPT = 50
_ASIDE = ".corrupt"
_KILLED = "the process ended without a word"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

Result = Literal["running", "published", "unchanged", "failed", "error", "killed"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run: ``failed`` when a promise or expectation did, ``error`` when something broke,
    ``killed`` when it ended without a word. Times are ISO 8601 in UTC. ``digest`` is that of the
    code that ran, ``inputs`` what it read; ``token`` begins the names of its files."""

    run_id: str
    started_at: str
    result: Result
    seconds: float = 0.0
    version: int | None = None
    message: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    digest: str = ""
    inputs: Mapping[str, InputRecord] = field(default_factory=dict)
    token: str = ""

    @property
    def name(self) -> str:
        """Its object's name; names sort by time."""
        stamp = self.started_at.replace(":", "").replace("-", "").replace("+0000", "Z")
        return f"{FOLDER}/{stamp}-{self.run_id}.json"


class Attempts:
    """The attempts of one product. They are notes beside what is published: one that cannot be read
    is left out and reported by `corrupt`, and stops nothing."""

    def __init__(self, store: ProductStore) -> None:
        self.store = store

    def write(self, attempt: Attempt) -> None:
        """Create or replace the record of ``attempt``. Raises `StorageFailed`."""
        content = json.dumps(asdict(attempt), separators=(",", ":")).encode()
        self.store.replace(attempt.name, content)

    def all(self) -> list[Attempt]:
        """Every kept attempt, oldest first."""
        found = [self._read(name) for name in self._names()]
        return [attempt for attempt in found if attempt is not None]

    def latest(self) -> Attempt | None:
        """The last attempt, or None."""
        read = (self._read(name) for name in reversed(self._names()))
        return next((attempt for attempt in read if attempt is not None), None)

    def last(self) -> Attempt | None:
        """As `latest`; one that says running while nobody holds the product's lock was killed."""
        attempt = self.latest()
        if attempt is None or attempt.result != "running" or self.store.locked():
            return attempt
        again = self.latest()  # It may have ended, and another begun, in between.
        return replace(attempt, result="killed", message=_KILLED) if again == attempt else again

    def corrupt(self) -> list[str]:
        """Where the records lie that cannot be read and are newer than `latest`; those that
        `close_dead` put aside are told until a later run has a record that can be read."""
        latest = next((n for n in reversed(self._names()) if self._read(n) is not None), "")
        found = [
            name
            for name in self.store.names(FOLDER)
            if name > latest
            and name.endswith((".json", _ASIDE))
            and self.store.read(f"{FOLDER}/{name}") is not None
        ]
        return [self.store.location(f"{FOLDER}/{name}") for name in found]

    def close_dead(self) -> list[Attempt]:
        """Mark what still says running as killed; the caller holds the product's lock, so nobody
        runs. Puts aside what cannot be read and drops the oldest records beyond `KEPT`. Returns the
        killed ones."""
        killed = []
        for name in self._names():
            attempt = self._read(name)
            if attempt is None:
                self._put_aside(name)
            elif attempt.result == "running":
                dead = replace(attempt, result="killed", message=_KILLED)
                self.write(dead)
                killed.append(dead)
        for name in self.store.names(FOLDER)[:-KEPT]:
            self.store.remove(f"{FOLDER}/{name}")
        return killed

    def _names(self) -> list[str]:
        return [name for name in self.store.names(FOLDER) if name.endswith(".json")]

    def _put_aside(self, name: str) -> None:
        content = self.store.read(f"{FOLDER}/{name}")
        if content is not None:
            self.store.replace(f"{FOLDER}/{name}{_ASIDE}", content)
            self.store.remove(f"{FOLDER}/{name}")

    def _read(self, name: str) -> Attempt | None:
        """None when the record is gone meanwhile, or is none."""
        content = self.store.read(f"{FOLDER}/{name}")
        if content is None:
            return None
        try:
            attempt = _from_json(content)
        except NOT_A_RECORD:
            return None
        # Its run's folder and files are removed by these names.
        sound = attempt.name == f"{FOLDER}/{name}" and is_name(attempt.run_id)
        return attempt if sound and (not attempt.token or is_name(attempt.token)) else None


def is_name(text: str) -> bool:
    """Whether ``text`` can be a run's id or token, of which names of files and folders are made."""
    return _NAME.fullmatch(text) is not None


def _from_json(content: bytes) -> Attempt:
    values = fitting(Attempt, json.loads(content))
    values["inputs"] = inputs_of(values.get("inputs", {}))
    values["verdicts"] = verdicts_of(values.get("verdicts", []))
    attempt = Attempt(**values)
    if attempt.result not in get_args(Result):
        raise ValueError(f"'result' is '{attempt.result}'")
    datetime.fromisoformat(attempt.started_at)
    return attempt
