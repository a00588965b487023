"""How one product stands: what became of each rule and policy, version by version, and whether its
last run ended well. Words of ours and names of rules alone: no value of anybody's data."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mesh_defs.errors import MeshError
from mesh_defs.product.attempts import FOLDER as RUNS
from mesh_defs.product.attempts import Attempts
from mesh_defs.product.ledger import Ledger, recent, record_name
from mesh_defs.product.model import BrokenProduct
from mesh_defs.product.stores import product_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.gateway.reads.catalog import Catalog
    from mesh_defs.product.ledger import Record

VERSIONS = 12
_RUNNING = "running"
_ENDED_BADLY = frozenset({"failed", "error", "killed"})
# The worst last.
OUTCOMES = ("passed", "waived", "warned", "failed", "error")


@dataclass(frozen=True, slots=True)
class Past:
    """One version: when it was published (ISO 8601, UTC), and for each port how many of its rules
    passed, and did not."""

    published_at: str
    ports: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Standing:
    """``result`` of the last run, at ``ran_at``; ``policies`` by port, each with its worst outcome;
    ``warned`` are ports and rules that did not pass; ``past`` the newest versions, oldest first;
    ``problem`` tells that what it published cannot be read. ``records`` changes with those
    versions, of which at most ``asked`` are read; ``run`` when its last run goes on, or another
    begins."""

    result: str = ""
    ran_at: str = ""
    policies: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    warned: tuple[tuple[str, str], ...] = ()
    past: tuple[Past, ...] = ()
    problem: bool = False
    records: str = ""
    asked: int = 0
    run: str = ""

    @property
    def broken(self) -> bool:
        """Whether its last run ended badly, or what it published cannot be read."""
        return self.problem or self.result in _ENDED_BADLY


UNKNOWN = Standing()


def standing_of(
    catalog: Catalog, identity: str, before: Standing = UNKNOWN, versions: int = VERSIONS
) -> Standing:
    """How ``<domain>/<product>`` stands, by its newest ``versions``. ``before`` is how it stood, as
    long as no version has come since. Raises as storage does."""
    # Not the catalog's ledger, which keeps what it reads: nobody needs these records again.
    ledger = Ledger(product_store(catalog.settings, *identity.split("/")))
    known = ledger.versions()[-versions:]
    marks = (f"{number}:{_changed(ledger.store, record_name(number))}" for number in known)
    records = " ".join(marks)
    told = before
    if not known and isinstance(catalog.declared(identity), BrokenProduct):
        # Nothing was ever published, and nothing can be.
        return Standing(problem=True, asked=versions)
    if records != before.records or before.problem or not before.asked:
        told = _published(ledger, versions)
    run = _run(ledger.store)
    if run and run == before.run and before.result != _RUNNING:
        result, ran_at = before.result, before.ran_at
    else:
        last = Attempts(ledger.store).last()
        result, ran_at = (last.result, last.started_at) if last is not None else ("", "")
    return replace(told, result=result, ran_at=ran_at, records=records, asked=versions, run=run)


def _published(ledger: Ledger, versions: int) -> Standing:
    try:
        records = recent(ledger, versions)
    except MeshError:
        return Standing(problem=True)
    if not records:
        return UNKNOWN
    newest = records[0]
    past = tuple(_past(record) for record in reversed(records))
    return Standing("", "", _policies(newest), tuple(_warned(newest)), past)


def _run(store: ProductStore) -> str:
    """What changes when the last run goes on, or another begins."""
    for name in store.names(RUNS)[-1:]:
        changed = _changed(store, f"{RUNS}/{name}")
        return f"{name}:{changed}" if changed else ""
    return ""


def _changed(store: ProductStore, name: str) -> str:
    """What changes when an object does; nothing where that cannot be known."""
    with suppress(OSError):
        status = os.stat(store.location(name))  # noqa: PTH116  of all products
        return f"{status.st_mtime_ns:x}:{status.st_ctime_ns:x}:{status.st_size:x}:{status.st_ino:x}"
    return ""


def outcome_of(verdict: Verdict) -> str:
    """The outcome in one word, ``waived`` where a waiver let its findings pass."""
    return "waived" if verdict.outcome == "warned" and verdict.waivers else verdict.outcome


def worst(one: str, other: str) -> str:
    """The worse of two outcomes."""
    return max(one, other, key=OUTCOMES.index)


def _policies(record: Record) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, port in record.ports.items():
        of_port = found.setdefault(name, {})
        for verdict in port.verdicts:
            if verdict.stage == "policy":
                before = of_port.get(verdict.rule, "passed")
                of_port[verdict.rule] = worst(before, outcome_of(verdict))
    return found


def _warned(record: Record) -> list[tuple[str, str]]:
    return [
        (name, verdict.rule)
        for name, port in record.ports.items()
        for verdict in port.verdicts
        if outcome_of(verdict) not in ("passed", "waived")
    ]


def _past(record: Record) -> Past:
    counts = {}
    for name, port in record.ports.items():
        passed = sum(verdict.ok for verdict in port.verdicts)
        counts[name] = (passed, len(port.verdicts) - passed)
    return Past(record.published_at, counts)
