"""One small record per attempted run, so that a product can tell what broke and what was killed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.contract.verdicts import Verdict
from mesh_defs.product.ledger import InputRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.drivers.storage.protocol import ProductStore

FOLDER = "runs"
KEPT = 50

Result = Literal["running", "published", "unchanged", "failed", "error", "killed"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run: ``failed`` when a promise or expectation did, ``error`` when something broke,
    ``killed`` when it ended without a word. Times are ISO 8601 in UTC. ``digest`` is that of the
    code that ran, ``inputs`` what it read."""

    run_id: str
    started_at: str
    result: Result
    seconds: float = 0.0
    version: int | None = None
    message: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    digest: str = ""
    inputs: Mapping[str, InputRecord] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its object's name; names sort by time."""
        stamp = self.started_at.replace(":", "").replace("-", "").replace("+0000", "Z")
        return f"{FOLDER}/{stamp}-{self.run_id}.json"


class Attempts:
    """The attempts of one product."""

    def __init__(self, store: ProductStore) -> None:
        self.store = store

    def write(self, attempt: Attempt) -> None:
        """Create or replace the record of ``attempt``."""
        content = json.dumps(asdict(attempt), separators=(",", ":")).encode()
        self.store.replace(attempt.name, content)

    def all(self) -> list[Attempt]:
        """Every kept attempt, oldest first."""
        return [self._read(name) for name in self.store.names(FOLDER)]

    def latest(self) -> Attempt | None:
        """The last attempt, or None."""
        names = self.store.names(FOLDER)
        return self._read(names[-1]) if names else None

    def close_dead(self) -> list[Attempt]:
        """Mark what still says running as killed; the caller holds the product's lock, so nobody
        runs. Drops the oldest records beyond `KEPT`. Returns the killed ones."""
        names = self.store.names(FOLDER)
        killed = []
        for name in names:
            attempt = self._read(name)
            if attempt.result == "running":
                dead = replace(attempt, result="killed", message="the process ended without a word")
                self.write(dead)
                killed.append(dead)
        for name in names[:-KEPT]:
            self.store.remove(f"{FOLDER}/{name}")
        return killed

    def _read(self, name: str) -> Attempt:
        content = self.store.read(f"{FOLDER}/{name}") or b"{}"
        values: dict[str, Any] = json.loads(content)
        inputs = values.get("inputs", {})
        values["inputs"] = {port: InputRecord(**read) for port, read in inputs.items()}
        values["verdicts"] = tuple(Verdict.from_dict(v) for v in values.get("verdicts", []))
        return Attempt(**values)
