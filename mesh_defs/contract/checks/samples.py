"""The rows that a verdict shows. Those of many failing rules are found together: in a wide table
each query costs more for its columns' names than for their values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from mesh_defs.contract.checks.privacy import json_safe, shown
from mesh_defs.contract.verdicts import MAX_SAMPLES
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from mesh_defs.contract.checks.findings import Failing
    from mesh_defs.contract.checks.privacy import Plain
    from mesh_defs.contract.checks.table import Table

_MAX_COLUMNS = 30
# Fewer rules are asked one by one, so that row groups without a failing row are left out.
_WORTH_A_BATCH = 6
# As many rules share a scan, which bounds what one answer holds.
_BATCH = 64
# Rules that many rows break are done with so few rows; the others are asked again, for more.
_FIRST_ROWS = 10 * MAX_SAMPLES
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """A sample to take: rows of ``table`` that break a rule, of which there are ``count``."""

    table: Table
    failing: Failing
    count: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The first failing rows in the order of the data, or the ``problem`` why there are none."""

    rows: tuple[Mapping[str, Plain], ...]
    problem: str | None = None


def take(wanted: Sequence[Wanted], key: Sequence[str], hidden: AbstractSet[str]) -> list[Sample]:
    """One sample each, at most `MAX_SAMPLES` rows: all columns, or the ``key`` and the rule's own
    when there are many. Hidden values never leave the engine. Raises only
    `duckdb.InterruptException`."""
    found: dict[int, Sample] = {}
    together: dict[int, list[int]] = defaultdict(list)
    for index, each in enumerate(wanted):
        if each.failing.by_row:
            together[id(each.table)].append(index)
    for indexes in together.values():
        if len(indexes) < _WORTH_A_BATCH:
            continue
        for start in range(0, len(indexes), _BATCH):
            batch = {index: wanted[index] for index in indexes[start : start + _BATCH]}
            found.update(_together(batch, key, hidden))
    return [
        found[index] if index in found else _alone(each, key, hidden)
        for index, each in enumerate(wanted)
    ]


def _together(
    batch: Mapping[int, Wanted], key: Sequence[str], hidden: AbstractSet[str]
) -> dict[int, Sample]:
    """The samples of rules about rows of one table, as far as a few scans find them all."""
    found: dict[int, Sample] = {}
    few = sum(each.count for each in batch.values()) <= MAX_SAMPLES * len(batch)
    limit = MAX_SAMPLES * len(batch) if few else _FIRST_ROWS
    for _ in range(_ROUNDS):
        left = {index: each for index, each in batch.items() if index not in found}
        if not left:
            break
        try:
            found.update(_scan(left, limit, key, hidden))
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            break  # Alone, each rule gets its sample or the reason.
        # So many rows hold the whole sample of one rule at least.
        limit = MAX_SAMPLES * len(left)
    return found


def _scan(
    batch: Mapping[int, Wanted], limit: int, key: Sequence[str], hidden: AbstractSet[str]
) -> dict[int, Sample]:
    """The samples that are complete in the first ``limit`` rows that break any rule."""
    table = next(iter(batch.values())).table
    names = {index: _names(each, key) for index, each in batch.items()}
    places = {name: at for at, name in enumerate(dict.fromkeys(_flat(names.values())))}
    conditions = [f"({each.failing.condition})" for each in batch.values()]
    values = ", ".join(_cells(table, [*places], hidden))
    rows = table.connection.execute(
        f"SELECT {values}, {', '.join(conditions)} FROM {table.named('this')}"
        f" WHERE {' OR '.join(conditions)} LIMIT {limit}"
    ).fetchall()
    found: dict[int, Sample] = {}
    for flag, (index, each) in enumerate(batch.items(), start=len(places)):
        mine = [row for row in rows if row[flag]][:MAX_SAMPLES]
        if len(mine) < min(each.count, MAX_SAMPLES) and len(rows) == limit:
            continue
        found[index] = Sample(
            tuple({name: json_safe(row[places[name]]) for name in names[index]} for row in mine)
        )
    return found


def _alone(wanted: Wanted, key: Sequence[str], hidden: AbstractSet[str]) -> Sample:
    table, names = wanted.table, _names(wanted, key)
    try:
        rows = table.connection.execute(
            f"SELECT {', '.join(_cells(table, names, hidden))} FROM (SELECT *"
            f" FROM {table.named('this')} WHERE {wanted.failing.condition} LIMIT {MAX_SAMPLES})"
        ).fetchall()
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        return Sample((), f"the failing rows could not be shown: {error}".split("\n", 1)[0])
    return Sample(
        tuple(
            {name: json_safe(value) for name, value in zip(names, row, strict=True)} for row in rows
        )
    )


def _names(wanted: Wanted, key: Sequence[str]) -> list[str]:
    names = list(wanted.table.own)
    if len(names) <= _MAX_COLUMNS:
        return names
    about = wanted.failing.columns
    own = {*key, *about, *(wanted.table.root(name) for name in about)}
    return [name for name in names if name in own] or names[:_MAX_COLUMNS]


def _cells(table: Table, names: Iterable[str], hidden: AbstractSet[str]) -> list[str]:
    return [shown(quote(name), table.own[name], hidden=name in hidden) for name in names]


def _flat(lists: Iterable[Iterable[str]]) -> Iterable[str]:
    return (name for names in lists for name in names)
