"""Events of OpenLineage 2-0-2: that a run began and how it ended, and what a product is like that
has not run yet.

Format: github.com/OpenLineage/OpenLineage, ``spec/OpenLineage.json``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.standards.openlineage.datasets import inputs, outputs
from mesh_defs.standards.openlineage.facets import SCHEMA, job_facets, producer, run_facets
from mesh_defs.standards.openlineage.naming import job_of, run_uuid

if TYPE_CHECKING:
    from mesh_defs.standards.openlineage.columns import Ways

MEDIA_TYPE = "application/openlineage+json"
Kind = Literal["START", "COMPLETE", "FAIL", "ABORT"]
_NO_WAYS: Ways = MappingProxyType({})

Event = dict[str, Any]


def run_event(
    kind: Kind,
    document: dict[str, Any],
    run_id: str,
    time: str,
    *,
    ways: Ways = _NO_WAYS,
    made: bool = False,
    error: str | None = None,
) -> Event:
    """An event of the run ``run_id`` of the product that the discovery ``document`` is of, at
    ``time`` (ISO 8601, UTC). ``made`` tells that the run published the document's version;
    ``error`` why it ended with none. ``ways`` are those of a ledger's lineage."""
    identity = _identity(document)
    return {
        **_head("RunEvent", time),
        "eventType": kind,
        "run": {
            "runId": run_uuid(document["mesh"], identity, run_id),
            "facets": run_facets(run_id, error),
        },
        "job": _job(document),
        "inputs": inputs(document),
        "outputs": outputs(document, ways, made=made),
    }


def version_event(document: dict[str, Any], time: str, ways: Ways = _NO_WAYS) -> Event:
    """The event that tells of the version of ``document``: that its run completed; of a product
    that has none a job's, of what is declared, at ``time``."""
    run_id, published = document["run_id"], document["published_at"]
    if document["version"] is None or run_id is None:
        return {
            **_head("JobEvent", time),
            "job": _job(document),
            "inputs": inputs(document),
            "outputs": outputs(document, ways, made=False),
        }
    return run_event("COMPLETE", document, run_id, published, ways=ways, made=True)


def _head(kind: str, time: str) -> Event:
    return {"eventTime": time, "producer": producer(), "schemaURL": f"{SCHEMA}{kind}"}


def _job(document: dict[str, Any]) -> dict[str, Any]:
    name = job_of(document["mesh"], _identity(document))
    return {**name.as_dict(), "facets": job_facets(document)}


def _identity(document: dict[str, Any]) -> str:
    return f"{document['domain']}/{document['product']}"
