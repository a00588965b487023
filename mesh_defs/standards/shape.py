"""The columns of a port as a SHACL node shape, which its dataset conforms to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from mesh_defs.contract.model import Column
    from mesh_defs.product.model import OutputPort

_TYPES = {
    "string": "xsd:string",
    "integer": "xsd:integer",
    "number": "xsd:decimal",
    "boolean": "xsd:boolean",
    "date": "xsd:date",
    "timestamp": "xsd:dateTime",
    "time": "xsd:time",
}


def shape(page: str, output: OutputPort) -> dict[str, Any]:
    """The shape, as a JSON-LD node; ``page`` is the port's address."""
    return {
        "@id": f"{page}#shape",
        "@type": "sh:NodeShape",
        "rdfs:label": output.name,
        "sh:property": [_column(page, n, c) for n, c in enumerate(output.promise.columns)],
    }


def _column(page: str, order: int, column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {
        "@id": f"{page}#shape/{quote(column.name, safe='')}",
        "@type": "sh:PropertyShape",
        "sh:path": {"@id": f"{page}#{quote(column.name, safe='')}"},
        "sh:name": column.name,
        "sh:order": order,
        "sh:maxCount": 1,
    }
    if column.description:
        told["sh:description"] = column.description
    if column.logical_type in _TYPES:
        told["sh:datatype"] = {"@id": _TYPES[column.logical_type]}
    if column.required:
        told["sh:minCount"] = 1
    return told
