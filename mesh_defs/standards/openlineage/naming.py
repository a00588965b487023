"""How OpenLineage knows what is in a mesh: namespaces, names, ids of runs.

A product is a job ``<domain>.<product>`` and a port a dataset ``<domain>.<product>.<port>``, both
in the namespace ``mesh://<mesh>``; an entity of an operational system is a dataset in
``<service>://<mesh>``. None of these names has a dot, so that what is joined can be taken apart.
Source: OpenLineage's ``spec/Naming.md``, which leaves names of new kinds to their producers.
"""

from __future__ import annotations

import uuid
from typing import NamedTuple
from urllib.parse import quote

_PRODUCT_SOURCE_PARTS = 3  # <domain>/<product>/<port>
_MESH = "mesh://"


class Name(NamedTuple):
    """What OpenLineage calls a job or dataset."""

    namespace: str
    name: str

    def as_dict(self) -> dict[str, str]:
        """The two keys of a job or dataset."""
        return {"namespace": self.namespace, "name": self.name}


def namespace_of(mesh: str) -> str:
    """The namespace of a mesh's jobs and datasets."""
    return _MESH + quote(mesh, safe="")


def job_of(mesh: str, identity: str) -> Name:
    """The job of the product ``<domain>/<product>``."""
    return Name(namespace_of(mesh), identity.replace("/", "."))


def dataset_of(mesh: str, source: str) -> Name:
    """The dataset of a port's URL without port version (``mesh://d/p/port``), or of an entity of an
    operational system (``ops://flights``)."""
    if source.startswith(_MESH):
        return Name(namespace_of(mesh), source.removeprefix(_MESH).replace("/", "."))
    service, _, entity = source.partition("://")
    return Name(f"{service}://{quote(mesh, safe='')}", entity)


def run_uuid(mesh: str, identity: str, run_id: str) -> str:
    """The id of a product's run, which must be a UUID and this job's alone: a run of Dagster may be
    that of several products. The same for the same run, whoever asks (RFC 9562, version 5)."""
    run = f"{_MESH}{quote(mesh, safe='')}/{identity}/runs/{run_id}"
    return str(uuid.uuid5(uuid.NAMESPACE_URL, run))
