"""How all products stand, kept up to date, and in a file from one start to the next: reading all
records anew takes ten times as long as looking whether they are the same."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.portal.standing import (
    OUTCOMES,
    UNKNOWN,
    VERSIONS,
    Past,
    Standing,
    standing_of,
)
from mesh_defs.private_files import make_private, write_private
from mesh_defs.product.ledger import NOT_A_RECORD
from mesh_defs.stored import each, fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mesh_defs.gateway.reads.catalog import Catalog

FILE = "standings.json"
# Of what is written, and of how it is made of records: another one is not read.
FORMAT = 1
_AGAIN_SECONDS = 30.0
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A standing, the stamp of the product that it is of, and when it was looked at."""

    stamp: str
    looked: float
    standing: Standing


class Standings:
    """How each product of the mesh of ``catalog`` stands. What is in ``file`` is taken for what has
    not changed since. One thread looks and saves, others may ask meanwhile."""

    def __init__(self, catalog: Catalog, file: Path) -> None:
        self._catalog = catalog
        self._file = file
        self._kept: dict[str, _Kept] = {}
        self._written: Mapping[str, Standing] = {}

    def of(self, identity: str) -> Standing:
        """How ``<domain>/<product>`` stands, as far as it is known."""
        kept = self._kept.get(identity)
        return kept.standing if kept is not None else UNKNOWN

    def load(self) -> None:
        """Take what was saved; nothing where there is no such file, or another one."""
        found = _read(self._file)
        self._kept = {name: _Kept(stamp, _NEVER, one) for name, (stamp, one) in found.items()}
        self._written = {name: one for name, (_, one) in found.items()}

    def look(self, stamps: Mapping[str, str], versions: int, going_on: Callable[[], bool]) -> None:
        """Read how the products of ``stamps`` stand by their newest ``versions``, of which that is
        not known, or that for a while. ``going_on`` is asked after each. Raises as storage does."""
        now = time.monotonic()
        for identity, stamp in stamps.items():
            kept = self._kept.get(identity)
            before = kept.standing if kept is not None and kept.stamp == stamp else UNKNOWN
            known = before.asked >= versions
            if kept is not None and known and now - kept.looked < _AGAIN_SECONDS:
                continue
            # Whoever read more of it reads as much again.
            asked = max(versions, before.asked)
            standing = standing_of(self._catalog, identity, before, asked)
            same = standing == before
            kept = _Kept(stamp, time.monotonic(), before if same else standing)
            self._kept[identity] = kept
            if not going_on():
                return
        for gone in self._kept.keys() - stamps.keys():
            del self._kept[gone]

    def save(self) -> None:
        """Write what is known into the file, if it is not what stands there. Raises OSError."""
        sound = {name: one for name, one in self._kept.items() if _sound(one.standing)}
        known = {name: one.standing for name, one in sound.items()}
        same = known.keys() == self._written.keys() and all(
            one is self._written[name] for name, one in known.items()
        )
        if same:
            return
        # One by one: meanwhile others get their turn.
        lines = (
            f"{json.dumps(name)}:{json.dumps([one.stamp, asdict(one.standing)])}"
            for name, one in sound.items()
        )
        text = f'{{"format":{FORMAT},"products":{{{",".join(lines)}}}}}'
        make_private(self._file.parent)
        beside = self._file.with_suffix(f".{os.getpid()}.new")
        write_private(beside, text.encode())
        beside.replace(self._file)
        self._written = known


def _sound(standing: Standing) -> bool:
    """Whether it can be told at the next start that it is still true."""
    marks = standing.records.split()
    sure = bool(marks) and not any(mark.endswith(":") for mark in marks)
    return sure and not standing.problem and standing.asked >= VERSIONS


def _read(file: Path) -> dict[str, tuple[str, Standing]]:
    try:
        told = json.loads(file.read_bytes())
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            return {}
        products = each(told["products"], "products", list)
        return {name: (str(stamp), _standing(one)) for name, (stamp, one) in products.items()}
    except (OSError, *NOT_A_RECORD):
        return {}


def _standing(values: dict[str, Any]) -> Standing:
    known = dict(fitting(Standing, values))
    for of_port in each(known["policies"], "policies", dict).values():
        if not set(each(of_port, "policy", str).values()) <= set(OUTCOMES):
            raise ValueError("an outcome is none")
    known["warned"] = tuple((str(port), str(rule)) for port, rule in known["warned"])
    known["past"] = tuple(_past(one) for one in known["past"])
    return Standing(**known)


def _past(values: dict[str, Any]) -> Past:
    known = fitting(Past, values)
    ports = each(known["ports"], "ports", list)
    datetime.fromisoformat(known["published_at"])
    return Past(
        known["published_at"],
        {port: (int(passed), int(others)) for port, (passed, others) in ports.items()},
    )
