"""Column lineage: which columns of the inputs flow into each column of the outputs.

One JSON value, kept in the ledger's record as ``lineage``::

    {
      "key": "5f0c…",             # changes when the code or the inputs' columns change
      "assumed": false,           # true: by name alone, but for "declared" (Python transforms)
      "ports": {                  # port -> column -> where its values come from, sorted
        "flights": {
          "flight_id": [["ops/flights", "carrier"], ["ops/flights", "flight_date"]],
          "source": []            # made by a literal: known to come from no input
        }
      },
      "unknown": {                # port -> column -> why it is not known; "*" is the whole port
        "flights": {"payload": "relation 'x' is no input"}
      },
      "ways": {                   # port -> column -> "<asset path>#<column>" -> what is left of it
        "flights": {"mean_fare": {"sales/tickets/tickets#fare": "aggregated(20)"}}
      },
      "counted": {                # port -> column -> columns of the port that count the rows
        "flights": {"mean_delay": ["flights"]}        # behind each aggregate of its
      },
      "equal": {                  # port -> column -> "<asset path>#<column>" -> what it gives away
        "flights": {"day": {"sales/tickets/tickets#day": "direct"}}     # though it does not flow in
      },
      "declared": {"flights": ["score"]}  # port -> columns whose sources the contract declares
    }

A source is the asset's path and the column: ``<domain>/<product>/<port>`` for a product's port,
``<service>/<entity>`` for an operational system. Every column of a port's contract stands in
exactly one of the two, unless ``unknown`` has "*" for its port, which then stands for all that are
not known.
What is unknown may come from anywhere: who propagates something along lineage must assume the worst
of it. Of what Python makes, a property's ``transformSourceObjects`` (``input.column``) tell; what
is not known of SQL and dbt stays unknown whatever they say.

``ways`` has what `mesh_defs.policy.flow.ways` says of each source; one that is not listed there
flows directly. Rows that were kept from earlier versions were made by earlier code: lineage of a
port that keeps some holds for these as well.

A column flows into another when it stands in the expression that makes it, also as a condition, a
window's order or a filter of an aggregate there. What only decides which rows there are (WHERE, ON,
GROUP BY, HAVING, EXISTS) does not. But what a condition makes equal to a column that is shown, or
compares it with, shows through it: ``equal`` has such sources, and those of which more shows in
this way than ``ways`` tells (`mesh_defs.product.lineage.equal`). So does, as ``chosen``, an order
by which rows are kept (`mesh_defs.product.lineage.chosen`).
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, TypedDict

from mesh_defs.interrupts import is_interrupt
from mesh_defs.product.lineage.found import WHOLE_PORT, Found, by_name, by_sql, declare, short
from mesh_defs.product.lineage.kept import merge_kept
from mesh_defs.sql import quote
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import duckdb

    from mesh_defs.product.lineage.found import Columns, Reasons
    from mesh_defs.product.model import InputPort, Mesh, Product

_FORMAT = 5  # raise it when the same SQL is to give another lineage


class Lineage(TypedDict):
    """The JSON value that the module's docstring describes."""

    key: str
    assumed: bool
    ports: dict[str, Columns]
    unknown: dict[str, Reasons]
    ways: dict[str, dict[str, dict[str, str]]]
    counted: dict[str, dict[str, list[str]]]
    equal: dict[str, dict[str, dict[str, str]]]
    declared: dict[str, list[str]]


def run_lineage(
    product: Product,
    mesh: Mesh,
    connection: duckdb.DuckDBPyConnection,
    queries: Mapping[str, str],
    intermediate: Mapping[str, str] | None,
    previous: Mapping[str, object] | None,
    kept: Collection[str] = (),
) -> Lineage:
    """`column_lineage` of a run, on whose ``connection`` inputs are relations of their names.
    ``kept`` are ports with rows of the ``previous`` version's."""
    import duckdb

    columns: dict[str, dict[str, str]] = {}
    for port in product.inputs:
        try:
            described = connection.execute(f"DESCRIBE {quote(port.name)}").fetchall()
        except duckdb.Error:
            described = []  # The source is gone by now; columns that come from it become unknown.
        columns[port.name] = {str(row[0]): str(row[1]) for row in described}
    return column_lineage(product, mesh, queries, columns, intermediate, previous, kept)


def column_lineage(
    product: Product,
    mesh: Mesh,
    queries: Mapping[str, str],
    input_columns: Mapping[str, Mapping[str, str]],
    intermediate: Mapping[str, str] | None = None,
    previous: Mapping[str, object] | None = None,
    kept: Collection[str] = (),
) -> Lineage:
    """The lineage of every column in the contracts of ``product``.

    ``queries`` has each port's SELECT (empty for Python), ``input_columns`` the columns and their
    DuckDB types by input, ``intermediate`` the SQL of relations that dbt built, by quoted name;
    None when inputs are relations of their bare name. ``previous`` is returned as it is when its
    key fits; otherwise it holds for the rows of ``kept`` ports too. Raises nothing: what goes wrong
    is a reason in ``unknown``.
    """
    assets = {port.name: asset_path(mesh, port) for port in product.inputs}
    key = _key(product, assets, input_columns)
    if previous is not None and previous.get("key") == key:
        return previous  # type: ignore[return-value]
    assumed = product.transform.kind == "python"
    result = Lineage(
        key=key, assumed=assumed, ports={}, unknown={}, ways={}, counted={}, equal={}, declared={}
    )
    for output in product.outputs:
        columns = [column.name for column in output.promise.columns]
        try:
            if assumed:
                found = by_name(columns, input_columns, assets)
            else:
                query = queries.get(output.name)
                found = by_sql(columns, query, input_columns, intermediate, assets)
        except Exception as error:  # lineage informs; no run may fail for it
            if is_interrupt(error):
                raise
            found = Found(unknown={WHOLE_PORT: short(str(error) or type(error).__name__)})
        if assumed:
            declare(found, output, input_columns, assets)
        _add(result, output.name, found)
    if previous is not None and not assumed:
        merge_kept(result, previous, kept)
    return result


def _add(result: Lineage, port: str, found: Found) -> None:
    result["ports"][port] = found.known
    if found.unknown:
        result["unknown"][port] = found.unknown
    if found.ways:
        result["ways"][port] = found.ways
    if found.counted:
        result["counted"][port] = found.counted
    if found.equal:
        result["equal"][port] = found.equal
    if found.declared:
        result["declared"][port] = found.declared


def asset_path(mesh: Mesh, port: InputPort) -> str:
    """The path of the asset that an input reads."""
    source = port.source
    if not isinstance(source, MeshUrl):
        return f"{source.service}/{source.entity}"
    upstream = mesh.products.get(source.identity)
    ports = [output.name for output in upstream.outputs] if upstream is not None else []
    only = ports[0] if len(ports) == 1 else source.product
    return f"{source.identity}/{source.port or only}"


@cache
def _reader() -> str:
    return version("sqlglot")


def _key(
    product: Product, assets: Mapping[str, str], input_columns: Mapping[str, Mapping[str, str]]
) -> str:
    content = [
        _FORMAT,
        _reader(),
        product.digest,
        dict(assets),
        {name: list(columns.items()) for name, columns in input_columns.items()},
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
