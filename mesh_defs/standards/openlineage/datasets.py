"""What a discovery document says of ports and inputs, as OpenLineage's datasets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mesh_defs.product.described.open_columns import OPEN_TO_ALL
from mesh_defs.product.shown import OF_ONE_COLUMN, OF_TYPES
from mesh_defs.standards.openlineage.columns import column_fields
from mesh_defs.standards.openlineage.facets import facet
from mesh_defs.standards.openlineage.naming import dataset_of
from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mesh_defs.standards.openlineage.columns import Ways
    from mesh_defs.standards.openlineage.facets import Facet

    Document = Mapping[str, Any]

_NUMBERS = frozenset({"integer", "number"})
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*\Z")


def outputs(document: Document, ways: Ways, *, made: bool) -> list[dict[str, Any]]:
    """A dataset for each port; with what the version has where it was ``made``."""
    return [
        _output(document, port, ways.get(port["port"], {}), made=made) for port in _ports(document)
    ]


def inputs(document: Document) -> list[dict[str, Any]]:
    """A dataset for each input, with the version that was read and what was expected of it."""
    found = []
    for read in document["inputs"]:
        source = _source(document, read["source"])
        said = [each for each in document["expectations"] if each["subject"] == read["name"]]
        facets = {"dataSource": _data_source(document["mesh"], source)}
        if read["version"] is not None:
            facets["version"] = _version(read["version"])
        dataset: dict[str, Any] = {**dataset_of(document["mesh"], source).as_dict()}
        dataset["facets"] = facets
        if said:
            # Nothing is known here of how an input's columns are classified.
            dataset["inputFacets"] = {"dataQualityAssertions": _assertions(said, frozenset())}
        found.append(dataset)
    return found


def _ports(document: Document) -> list[Mapping[str, Any]]:
    return list(document["ports"])


def _source(document: Document, text: str) -> str:
    """The port that an input reads. A product's URL alone means its only port, which lineage names
    as far as it is known, or the port of its name."""
    if not is_mesh_url(text):
        return text
    url = parse(text)
    if url.port is not None:
        return f"mesh://{url.identity}/{url.port}"
    flows = (each for port in document["lineage"]["columns"].values() for each in port.values())
    named = {source.partition("#")[0] for sources in flows for source in sources}
    only = {source for source in named if source.startswith(f"mesh://{url.identity}/")}
    return only.pop() if len(only) == 1 else f"mesh://{url.identity}/{url.product}"


def _output(
    document: Document, port: Mapping[str, Any], ways: Mapping[str, Any], *, made: bool
) -> dict[str, Any]:
    mesh, columns = document["mesh"], port["columns"]
    told = frozenset(
        c["name"].lower()
        for c in columns
        if c["values_told"] and c["classification"] in OPEN_TO_ALL
    )
    facets = _declared(document, port)
    flows = document["lineage"]["columns"].get(port["port"])
    if flows:
        fields = column_fields(mesh, flows, ways)
        facets["columnLineage"] = facet("ColumnLineageDatasetFacet", fields=fields)
    if port["verdicts"]:
        facets["dataQualityAssertions"] = _assertions(port["verdicts"], told)
    dataset: dict[str, Any] = {**dataset_of(mesh, port["url"]).as_dict(), "facets": facets}
    if made:
        facets["version"] = _version(document["version"])
        facets["dataQualityMetrics"] = _metrics(document, port, told)
        statistics = facet(
            "OutputStatisticsOutputDatasetFacet",
            rowCount=port["rows"],
            size=port["bytes"],
            fileCount=port["files"],
        )
        dataset["outputFacets"] = {"outputStatistics": statistics}
    return dataset


def _declared(document: Document, port: Mapping[str, Any]) -> dict[str, Facet]:
    """What is known of a port before anything was published."""
    found = {
        "schema": facet("SchemaDatasetFacet", fields=[_field(n, c) for n, c in _numbered(port)]),
        "dataSource": _data_source(document["mesh"], port["url"]),
    }
    words = port["description"] or document["purpose"]
    if words:
        found["documentation"] = facet("DocumentationDatasetFacet", description=words)
    if document["owner"]:
        owners = [{"name": document["owner"], "type": "OWNER"}]
        found["ownership"] = facet("OwnershipDatasetFacet", owners=owners)
    return found


def _numbered(port: Mapping[str, Any]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    return enumerate(port["columns"], start=1)


def _field(number: int, column: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "name": column["name"],
        "type": column["type"],
        "description": column["description"],
        "ordinal_position": number,
    }
    return {name: value for name, value in told.items() if value is not None}


def _data_source(mesh: str, source: str) -> Facet:
    """The product or service that a dataset lies in."""
    scheme, _, rest = source.partition("://")
    name = f"{scheme}://{rest.rpartition('/')[0]}" if is_mesh_url(source) else f"{scheme}://{mesh}"
    uri = f"{scheme}://{quote(rest, safe='/')}" if _SCHEME.match(scheme) else None
    return facet("DatasourceDatasetFacet", name=name, uri=uri)


def _version(number: int) -> Facet:
    return facet("DatasetVersionDatasetFacet", datasetVersion=str(number))


def _metrics(document: Document, port: Mapping[str, Any], told: frozenset[str]) -> Facet:
    columns = {c["name"]: _column(c, port["profile_rows"], told) for c in port["columns"]}
    return facet(
        "DataQualityMetricsDatasetFacet",
        rowCount=port["rows"],
        bytes=port["bytes"],
        fileCount=port["files"],
        lastUpdated=document["published_at"],
        columnMetrics={name: metrics for name, metrics in columns.items() if metrics},
    )


def _column(column: Mapping[str, Any], rows: int | None, told: frozenset[str]) -> dict[str, Any]:
    """The profile of a column, of the rows that were looked at; values of numbers that every
    reader may see."""
    profile = column["profile"]
    if profile is None or rows is None:
        return {}
    metrics: dict[str, Any] = {"count": rows}
    if profile["nulls"] is not None:
        metrics["nullCount"] = round(profile["nulls"] * rows)
    if profile["distinct"] is not None:
        metrics["distinctCount"] = profile["distinct"]
    if column["logical_type"] in _NUMBERS and column["name"].lower() in told:
        for name, value in (("min", profile["least"]), ("max", profile["greatest"])):
            number = _number(value)
            if number is not None:
                metrics[name] = number
    return metrics


def _number(text: str | None) -> float | None:
    """A number that JSON has; None for another."""
    try:
        found = float(text) if text is not None else None
    except ValueError:
        return None
    return found if found is not None and abs(found) < float("inf") else None


def _assertions(verdicts: Iterable[Mapping[str, Any]], told: frozenset[str]) -> Facet:
    return facet(
        "DataQualityAssertionsDatasetFacet",
        assertions=[_assertion(verdict, told) for verdict in verdicts],
    )


def _assertion(verdict: Mapping[str, Any], told: frozenset[str]) -> dict[str, Any]:
    """A verdict. What a check observed is told where it says no more than every reader may see, as
    `mesh_defs.product.shown` has it: those who read events need not be readers."""
    column, how = verdict["column"], verdict["decided_by"]
    open_column = isinstance(column, str) and column.lower() in told and how in OF_ONE_COLUMN
    found = {
        "assertion": verdict["id"],
        "success": verdict["outcome"] == "passed",
        "severity": "error" if verdict["consequence"] == "stop" else "warn",
        "name": verdict["id"],
        "column": column,
        "expected": verdict["expected"],
        "actual": verdict["observed"] if how == OF_TYPES or open_column else None,
        "params": {
            "stage": verdict["stage"],
            "dimension": verdict["dimension"],
            "outcome": verdict["outcome"],
            "subject": verdict["subject"],
        },
    }
    return {name: value for name, value in found.items() if value is not None}
