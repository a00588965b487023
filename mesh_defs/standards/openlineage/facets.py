"""Facets of OpenLineage, each with the address of the schema that it is written by.

Versions are those of openlineage-python 1.54 (``openlineage.client.generated``).
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

SPEC = "2-0-2"
SCHEMA = f"https://openlineage.io/spec/{SPEC}/OpenLineage.json#/$defs/"
_VERSIONS = {
    "SchemaDatasetFacet": "1-2-0",
    "ColumnLineageDatasetFacet": "1-2-0",
    "DataQualityMetricsDatasetFacet": "1-0-1",
    "DataQualityAssertionsDatasetFacet": "1-1-0",
    "DatasetVersionDatasetFacet": "1-0-1",
    "DatasourceDatasetFacet": "1-0-1",
    "DocumentationDatasetFacet": "1-1-0",
    "OwnershipDatasetFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "DocumentationJobFacet": "1-1-0",
    "OwnershipJobFacet": "1-0-1",
    "JobTypeJobFacet": "2-0-4",
    "ErrorMessageRunFacet": "1-0-1",
    "ProcessingEngineRunFacet": "1-1-1",
    "TagsRunFacet": "1-0-0",
}

Facet = dict[str, Any]


@cache
def producer() -> str:
    """Who writes events: this package and its version, as a URN."""
    return f"urn:mesh-defs:{own_version()}"


def own_version() -> str:
    """This package's version; ``0`` in a source tree that is not installed."""
    try:
        return version("mesh-defs")
    except PackageNotFoundError:
        return "0"


def facet(kind: str, **values: object) -> Facet:
    """A facet of a ``kind`` of `_VERSIONS`; values that are None are left out."""
    told = {name: value for name, value in values.items() if value is not None}
    address = f"https://openlineage.io/spec/facets/{_VERSIONS[kind]}/{kind}.json#/$defs/{kind}"
    return {"_producer": producer(), "_schemaURL": address, **told}


def job_facets(document: dict[str, Any]) -> dict[str, Facet]:
    """The facets of the product's job, of its discovery document."""
    found = {
        "jobType": facet(
            "JobTypeJobFacet", processingType="BATCH", integration="MESH", jobType="DATA_PRODUCT"
        )
    }
    if document["purpose"]:
        found["documentation"] = facet("DocumentationJobFacet", description=document["purpose"])
    if document["owner"]:
        owners = [{"name": document["owner"], "type": "OWNER"}]
        found["ownership"] = facet("OwnershipJobFacet", owners=owners)
    return found


def run_facets(run_id: str, error: str | None = None) -> dict[str, Facet]:
    """The facets of a run: what the mesh calls it, what ran it, and why it ended with nothing."""
    tags = [{"key": "run", "value": run_id, "source": "MESH"}]
    found = {
        "tags": facet("TagsRunFacet", tags=tags),
        "processing_engine": facet(
            "ProcessingEngineRunFacet", name="mesh-defs", version=own_version()
        ),
    }
    if error is not None:
        found["errorMessage"] = facet(
            "ErrorMessageRunFacet", message=error, programmingLanguage="PYTHON"
        )
    return found
