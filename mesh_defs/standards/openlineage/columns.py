"""Column lineage as OpenLineage has it: which columns flow into each, and what happened on the way.

What a ledger's lineage calls a way (`mesh_defs.policy.flow.ways`) becomes a transformation: types
``DIRECT`` and ``INDIRECT`` with the subtypes of ``ColumnLineageDatasetFacet``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mesh_defs.standards.openlineage.naming import dataset_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    # port -> column -> "<asset path>#<column>" -> the words of what is left of it
    Ways = Mapping[str, Mapping[str, Mapping[str, str]]]

_MASKING = re.compile(r"\b(?:hashed|masked)\b")
_INDIRECT = {"condition": "CONDITIONAL", "chosen": "SORT"}


def column_fields(
    mesh: str, columns: Mapping[str, list[str]], ways: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The ``fields`` of the facet for one port. ``columns`` has the URLs of the columns that flow
    into each column, ``ways`` what happened to those that did not flow directly."""
    return {
        name: {"inputFields": [_field(mesh, url, ways.get(name, {})) for url in sources]}
        for name, sources in columns.items()
    }


def _field(mesh: str, url: str, ways: Mapping[str, str]) -> dict[str, Any]:
    source, _, column = url.partition("#")
    way = ways.get(_asset(url))
    return {
        **dataset_of(mesh, source).as_dict(),
        "field": column,
        "transformations": _transformations(way) if way is not None else [_direct("direct")],
    }


def _asset(url: str) -> str:
    """What a ledger's lineage calls the column that ``url`` names."""
    return url.removeprefix("mesh://").replace("://", "/", 1)


def _transformations(way: str) -> list[dict[str, Any]]:
    """One for each path of ``way``."""
    found: list[dict[str, Any]] = []
    for path in way.split(" or "):
        indirect = next((_INDIRECT[word] for word in _INDIRECT if word in path), None)
        made = _direct(path)
        if indirect is not None:
            made |= {"type": "INDIRECT", "subtype": indirect}
        if made not in found:
            found.append(made)
    return found


def _direct(path: str) -> dict[str, Any]:
    subtype = "AGGREGATION" if "aggregated" in path else "TRANSFORMATION"
    return {
        "type": "DIRECT",
        "subtype": subtype,
        "description": path,
        "masking": _MASKING.search(path) is not None,
    }
