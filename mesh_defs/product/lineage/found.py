"""The lineage of one port: as its SQL tells, as its contract declares, or as names suggest."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh_defs.policy.annotations import annotations_of
from mesh_defs.policy.flow.ways import DIRECT, source_key, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from mesh_defs.policy.flow.ways import Path, Way
    from mesh_defs.product.lineage.steps import Source
    from mesh_defs.product.model import OutputPort

    Inputs: TypeAlias = Mapping[str, Mapping[str, str]]

WHOLE_PORT = "*"

_REASON = 300
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

Columns = dict[str, list[list[str]]]
Reasons = dict[str, str]


@dataclass
class Found:
    """What is found of one port, by column; see `mesh_defs.product.lineage.record`."""

    known: Columns = field(default_factory=dict)
    unknown: Reasons = field(default_factory=dict)
    ways: dict[str, dict[str, str]] = field(default_factory=dict)
    counted: dict[str, list[str]] = field(default_factory=dict)
    equal: dict[str, dict[str, str]] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)


def declare(found: Found, output: OutputPort, inputs: Inputs, assets: Mapping[str, str]) -> None:
    """Put into ``found``, what names suggest, what the contract of ``output`` says of columns."""
    places = {
        f"{name}.{column}".lower(): [assets[name], column]
        for name, columns in inputs.items()
        for column in columns
    }
    annotations = annotations_of(output)
    for column in output.promise.columns:
        objects = annotations.source_objects(column.name)
        if not objects:
            continue
        found.known.pop(column.name, None)
        missing = [name for name in objects if name.lower() not in places]
        if missing:
            reason = f"transformSourceObjects names '{missing[0]}', which is no <input>.<column>"
            found.unknown[column.name] = short(reason)
            continue
        found.known[column.name] = _unique([places[name.lower()] for name in objects])
        found.unknown.pop(column.name, None)
        found.declared.append(column.name)


def by_name(columns: list[str], inputs: Inputs, assets: Mapping[str, str]) -> Found:
    """Each column is taken to come from all columns of the inputs that have its name."""
    found = Found()
    for column in columns:
        sources = [
            [assets[name], candidate]
            for name, candidates in inputs.items()
            for candidate in candidates
            if candidate.lower() == column.lower()
        ]
        if sources:
            found.known[column] = _unique(sources)
        else:
            found.unknown[column] = "made in Python, and no input has a column of this name"
    return found


def by_sql(
    columns: list[str],
    query: str | None,
    inputs: Inputs,
    intermediate: Mapping[str, str] | None,
    assets: Mapping[str, str],
) -> Found:
    """What ``query`` tells of ``columns``. Raises `sqlglot.errors.SqlglotError`, `ValueError`."""
    if query is None:
        return Found(unknown={WHOLE_PORT: "it is not made by SQL"})
    from mesh_defs.product.lineage.sql import Tracer

    traced = Tracer(inputs, intermediate).trace(query)
    names = {column.lower(): column for column in columns}
    found = Found()
    for column in columns:
        flow = traced.get(column.lower())
        if flow is None:
            found.unknown[column] = "no column of this name is written in the query"
        elif flow.reason is not None:
            found.unknown[column] = short(flow.reason)
        else:
            found.known[column] = _unique([[assets[name], source] for name, source in flow.sources])
            ways = {key: words for key, words in _words(flow.ways, assets) if words != str(DIRECT)}
            if ways:
                found.ways[column] = ways
            if flow.equal:
                found.equal[column] = dict(_words(flow.equal, assets))
            if flow.counters & names.keys():
                found.counted[column] = sorted(names[name] for name in flow.counters & names.keys())
    return found


def _words(ways: Mapping[Source, Way], assets: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The paths of each source, as text. Two inputs may read the same asset."""
    paths: dict[str, list[Path]] = defaultdict(list)
    for (name, source), found in ways.items():
        paths[source_key(assets[name], source)] += found
    for key, each in sorted(paths.items()):
        yield key, text(each)


def _unique(sources: list[list[str]]) -> list[list[str]]:
    return sorted([asset, column] for asset, column in {(s[0], s[1]) for s in sources})


def short(text: str) -> str:
    """The first line of ``text``, without colours and not longer than a record should hold."""
    first = next(iter(_ESCAPES.sub("", text).strip().splitlines()), "")
    return first if len(first) <= _REASON else first[:_REASON] + "…"
