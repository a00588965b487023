"""Whether a version of a Delta table reads as its files do.

Readers of the log believe what it says beyond its list of files: which columns there are and which
column of a file each is, which rows of a file are deleted, which values a whole file has.
Publishing writes none of that but the schema of the files (Delta protocol, "Change Metadata",
"Column Mapping", "Deletion Vectors", "Partition Value Serialization").
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from deltalake import DeltaTable

# What publishing may set, whatever its value: it changes nothing for who reads.
CHECKPOINTS = "delta.checkpointInterval"
# What a table needs that has a timestamp without a zone; every other feature reads files otherwise.
_NTZ = "timestampNtz"
_FEATURES = frozenset({_NTZ})
_NTZ_TYPE = re.compile(r'[tT]ype": *"timestamp_ntz"')
# 2 is that of column mapping alone, 3 of features that are named.
_READERS = frozenset({1, 3})
_SHOWN = 3


def foreign(table: DeltaTable, files: Sequence[Path]) -> Iterator[str]:
    """What the log of ``table``, opened at a version, says that publishing ``files``, which are
    that version's, does not. Each in words that follow the table's name. Files that cannot be read
    are passed over."""
    yield from _metadata(table)
    protocol = table.protocol()
    features = sorted(set(protocol.reader_features or ()) - _FEATURES)
    if features or protocol.min_reader_version not in _READERS:
        named = f": {', '.join(features)}" if features else ""
        yield f"needs readers of version {protocol.min_reader_version}{named}"
    if any(batch.num_rows for batch in table.deletion_vectors()):
        yield "leaves rows of its files out"
    yield from _schema(table, files)


def needs_more(table: DeltaTable, schema: str) -> bool:
    """Whether ``table`` must say of itself that it has timestamps without a zone before it can have
    ``schema`` (JSON): delta-rs 1.6 says so of a table that it creates, not of one that it
    overwrites, and cannot read that one any more."""
    has = _NTZ in (table.protocol().reader_features or ())
    return not has and _NTZ_TYPE.search(schema) is not None


def _metadata(table: DeltaTable) -> Iterator[str]:
    told = table.metadata()
    if told.partition_columns:
        yield f"takes columns from elsewhere than its files: {_some(told.partition_columns)}"
    settings = sorted(set(told.configuration) - {CHECKPOINTS})
    if settings:
        yield f"has settings that publishing does not make: {_some(settings)}"
    if told.name is not None or told.description is not None:
        yield "has a name or a description"


def _schema(table: DeltaTable, files: Sequence[Path]) -> Iterator[str]:
    """One schema is enough: all files of a version have the same columns."""
    told = json.loads(table.schema().to_json())["fields"]
    first: list[dict[str, Any]] | None = None
    for file in files:
        found = _columns(file)
        if found == told:
            return
        first = first if first is not None else found
    if first is not None:
        yield f"has another schema than its files{_differences(told, first)}"


def _columns(file: Path) -> list[dict[str, Any]] | None:
    """The columns of ``file`` as a Delta schema has them; None when it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from deltalake import Schema

    try:
        found: list[dict[str, Any]] = json.loads(Schema.from_arrow(pq.read_schema(file)).to_json())[
            "fields"
        ]
    except (OSError, pa.ArrowException):
        return None
    return found


def _differences(told: list[dict[str, Any]], found: list[dict[str, Any]]) -> str:
    """The columns in which they differ; it may be their order alone."""
    there = {column["name"]: column for column in found}
    names = [column["name"] for column in told if there.get(column["name"]) != column]
    named = {column["name"] for column in told}
    names += [name for name in there if name not in named]
    return f": {_some(names)}" if names else ": the order of its columns"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
