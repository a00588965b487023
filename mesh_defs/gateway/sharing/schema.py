"""The columns of a table in Delta's form (protocol: "Schema Object")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mesh_defs.gateway.changes.compare import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.gateway.reads.reading import Reading

Fields = list[dict[str, Any]]
_INSIDE = ("fields", "elementType", "keyType", "valueType")
_NO_ZONE, _MOMENT = "timestamp_ntz", "timestamp"


def fields(reading: Reading, file: str | None = None) -> Fields:
    """The columns that ``reading`` sees, as it sees them, with what the contract says of them.
    ``file`` is one that has them (default: one of all that it sees)."""
    import pyarrow.parquet as pq
    from deltalake import Schema

    schema = pq.read_schema(file or reading.rows().files[0])
    listed: Fields = json.loads(Schema.from_arrow(schema).to_json())["fields"]
    found = [each for each in listed if each["name"] not in OWN]
    columns = reading.opened.output.promise.columns
    described = {column.name.lower(): column.description for column in columns}
    for each in found:
        comment = described.get(each["name"].lower())
        each["nullable"] = True
        each["metadata"] = {"comment": comment} if comment else {}
    return found


def schema_text(columns: Fields, *, delta: bool) -> str:
    """The schema as one JSON text. The Parquet form of the protocol (``delta`` False) has no type
    for times without a zone, and calls them timestamps."""
    shown = columns if delta else _zoned(columns)
    return json.dumps({"type": "struct", "fields": shown}, separators=(",", ":"))


def _zoned(kind: Any) -> Any:  # noqa: ANN401  a type in JSON
    """``kind`` with moments in place of times without a zone, at any depth."""
    if isinstance(kind, list):
        return [{**each, "type": _zoned(each["type"])} for each in kind]
    if isinstance(kind, dict):
        return {name: _zoned(part) if name in _INSIDE else part for name, part in kind.items()}
    return _MOMENT if kind == _NO_ZONE else kind


def types(columns: Fields) -> Mapping[str, str]:
    """Delta's type of every column whose values are no structures, by its name in lower case."""
    return {each["name"].lower(): each["type"] for each in columns if isinstance(each["type"], str)}


def has_no_zone(columns: Fields) -> bool:
    """Whether there are times without a zone, which are a feature of a Delta table of their own."""
    return f'"{_NO_ZONE}"' in json.dumps([each["type"] for each in columns])
