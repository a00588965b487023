"""Column lineage: which columns of the inputs flow into each column of the outputs.

One JSON value, kept in the ledger's record as ``lineage``::

    {
      "key": "5f0c…",             # changes when the code or the inputs' columns change
      "assumed": false,           # true: matched by name alone (Python transforms)
      "ports": {                  # port -> column -> where its values come from, sorted
        "flights": {
          "flight_id": [["ops/flights", "carrier"], ["ops/flights", "flight_date"]],
          "source": []            # made by a literal: known to come from no input
        }
      },
      "unknown": {                # port -> column -> why it is not known; "*" is the whole port
        "flights": {"payload": "relation 'x' is no input"}
      }
    }

A source is the asset's path and the column: ``<domain>/<product>/<port>`` for a product's port,
``<service>/<entity>`` for an operational system. Every column of a port's contract stands in
exactly one of the two, unless ``unknown`` has "*" for its port, which then stands for all of them.
What is unknown may come from anywhere: who propagates something along lineage must assume the worst
of it.

A column flows into another when it stands in the expression that makes it, also as a condition, a
window's order or a filter of an aggregate there. What only decides which rows there are (WHERE, ON,
GROUP BY, HAVING, EXISTS) does not.
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, TypedDict

from mesh_defs.sql import quote
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from mesh_defs.product.model import InputPort, Mesh, Product

WHOLE_PORT = "*"

_FORMAT = 1  # raise it when the same SQL is to give another lineage
_REASON = 300
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

Columns = dict[str, list[list[str]]]
Reasons = dict[str, str]


class Lineage(TypedDict):
    """The JSON value that the module's docstring describes."""

    key: str
    assumed: bool
    ports: dict[str, Columns]
    unknown: dict[str, Reasons]


def run_lineage(
    product: Product,
    mesh: Mesh,
    connection: duckdb.DuckDBPyConnection,
    queries: Mapping[str, str],
    intermediate: Mapping[str, str] | None,
    previous: Mapping[str, object] | None,
) -> Lineage:
    """`column_lineage` of a run, on whose ``connection`` inputs are relations of their names."""
    import duckdb

    columns: dict[str, dict[str, str]] = {}
    for port in product.inputs:
        try:
            described = connection.execute(f"DESCRIBE {quote(port.name)}").fetchall()
        except duckdb.Error:
            described = []  # The source is gone by now; columns that come from it become unknown.
        columns[port.name] = {str(row[0]): str(row[1]) for row in described}
    return column_lineage(product, mesh, queries, columns, intermediate, previous)


def column_lineage(
    product: Product,
    mesh: Mesh,
    queries: Mapping[str, str],
    input_columns: Mapping[str, Mapping[str, str]],
    intermediate: Mapping[str, str] | None = None,
    previous: Mapping[str, object] | None = None,
) -> Lineage:
    """The lineage of every column in the contracts of ``product``.

    ``queries`` has each port's SELECT (empty for Python), ``input_columns`` the columns and their
    DuckDB types by input, ``intermediate`` the SQL of relations that dbt built, by quoted name;
    None when inputs are relations of their bare name. ``previous`` is returned as it is when its
    key fits. Raises nothing: what goes wrong is a reason in ``unknown``.
    """
    assets = {port.name: asset_path(mesh, port) for port in product.inputs}
    key = _key(product, assets, input_columns)
    if previous is not None and previous.get("key") == key:
        return previous  # type: ignore[return-value]
    result = Lineage(key=key, assumed=product.transform.kind == "python", ports={}, unknown={})
    for output in product.outputs:
        columns = [column.name for column in output.promise.columns]
        try:
            if result["assumed"]:
                known, unknown = _by_name(columns, input_columns, assets)
            else:
                query = queries.get(output.name)
                known, unknown = _by_sql(columns, query, input_columns, intermediate, assets)
        except Exception as error:  # noqa: BLE001  lineage informs; no run may fail for it
            known, unknown = {}, {WHOLE_PORT: _reason(str(error) or type(error).__name__)}
        result["ports"][output.name] = known
        if unknown:
            result["unknown"][output.name] = unknown
    return result


def asset_path(mesh: Mesh, port: InputPort) -> str:
    """The path of the asset that an input reads."""
    source = port.source
    if not isinstance(source, MeshUrl):
        return f"{source.service}/{source.entity}"
    upstream = mesh.products.get(source.identity)
    ports = [output.name for output in upstream.outputs] if upstream is not None else []
    only = ports[0] if len(ports) == 1 else source.product
    return f"{source.identity}/{source.port or only}"


def _key(
    product: Product, assets: Mapping[str, str], input_columns: Mapping[str, Mapping[str, str]]
) -> str:
    content = [
        _FORMAT,
        version("sqlglot"),
        product.digest,
        dict(assets),
        {name: list(columns.items()) for name, columns in input_columns.items()},
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _by_name(
    columns: list[str],
    input_columns: Mapping[str, Mapping[str, str]],
    assets: Mapping[str, str],
) -> tuple[Columns, Reasons]:
    known: Columns = {}
    unknown: Reasons = {}
    for column in columns:
        sources = [
            [assets[name], candidate]
            for name, candidates in input_columns.items()
            for candidate in candidates
            if candidate.lower() == column.lower()
        ]
        if sources:
            known[column] = sorted(sources)
        else:
            unknown[column] = "made in Python, and no input has a column of this name"
    return known, unknown


def _by_sql(
    columns: list[str],
    query: str | None,
    input_columns: Mapping[str, Mapping[str, str]],
    intermediate: Mapping[str, str] | None,
    assets: Mapping[str, str],
) -> tuple[Columns, Reasons]:
    if query is None:
        return {}, {WHOLE_PORT: "it is not made by SQL"}
    from mesh_defs.product.lineage.sql import Tracer

    traced = Tracer(input_columns, intermediate).trace(query)
    known: Columns = {}
    unknown: Reasons = {}
    for column in columns:
        flow = traced.get(column.lower())
        if flow is None:
            unknown[column] = "no column of this name is written in the query"
        elif flow.reason is not None:
            unknown[column] = _reason(flow.reason)
        else:
            known[column] = sorted([assets[name], source] for name, source in flow.sources)
    return known, unknown


def _reason(text: str) -> str:
    first = next(iter(_ESCAPES.sub("", text).strip().splitlines()), "")
    return first if len(first) <= _REASON else first[:_REASON] + "…"
