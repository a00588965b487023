"""A data mesh operating system on Dagster.

::

    import mesh_defs as mesh

    flights = mesh.open("mesh://operations/flights")
    flights.arrow(columns=["carrier", "dep_delay"], where="dep_delay > 60")

The names below are the whole public surface; everything is imported when it is first used, so that
``import mesh_defs`` costs nothing. ``DataProduct`` and ``Domain`` are the Dagster components.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mesh_defs.client.gateway import Connection, connect
    from mesh_defs.client.local import open  # noqa: A004  mesh.open
    from mesh_defs.client.port import RemotePort
    from mesh_defs.contract.load import load_contract
    from mesh_defs.contract.model import Contract
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.errors import (
        AccessDenied,
        Busy,
        CorruptRecord,
        InvalidMesh,
        InvalidRequest,
        MeshError,
        MissingDriver,
        NoMesh,
        NotPublished,
        PromiseBroken,
        PublishConflict,
        RunFailed,
        SourceUnavailable,
        StorageFailed,
        TransformFailed,
        Unauthenticated,
        UnknownAddress,
        UnknownProfile,
        UnknownRecord,
        WrongState,
    )
    from mesh_defs.faults import Fault
    from mesh_defs.orchestration.component import DataProduct
    from mesh_defs.orchestration.domain import Domain
    from mesh_defs.policy.model import DataPolicy, DeclaredPolicy, Finding, parameter
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.container import run_product
    from mesh_defs.product.load import load_mesh
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.reader import Port
    from mesh_defs.product.report import RunReport
    from mesh_defs.urls import MeshUrl

_HOMES = {
    "AccessDenied": "mesh_defs.errors",
    "Busy": "mesh_defs.errors",
    "Connection": "mesh_defs.client.gateway",
    "Contract": "mesh_defs.contract.model",
    "CorruptRecord": "mesh_defs.errors",
    "DataPolicy": "mesh_defs.policy.model",
    "DataProduct": "mesh_defs.orchestration.component",
    "DeclaredPolicy": "mesh_defs.policy.model",
    "Domain": "mesh_defs.orchestration.domain",
    "Fault": "mesh_defs.faults",
    "Finding": "mesh_defs.policy.model",
    "InvalidMesh": "mesh_defs.errors",
    "InvalidRequest": "mesh_defs.errors",
    "Mesh": "mesh_defs.product.model",
    "MeshError": "mesh_defs.errors",
    "MeshUrl": "mesh_defs.urls",
    "MissingDriver": "mesh_defs.errors",
    "NoMesh": "mesh_defs.errors",
    "NotPublished": "mesh_defs.errors",
    "Port": "mesh_defs.product.reader",
    "Product": "mesh_defs.product.model",
    "PromiseBroken": "mesh_defs.errors",
    "PublishConflict": "mesh_defs.errors",
    "RemotePort": "mesh_defs.client.port",
    "RunFailed": "mesh_defs.errors",
    "RunReport": "mesh_defs.product.report",
    "SourceUnavailable": "mesh_defs.errors",
    "StagedPort": "mesh_defs.policy.subject",
    "StorageFailed": "mesh_defs.errors",
    "TransformFailed": "mesh_defs.errors",
    "Unauthenticated": "mesh_defs.errors",
    "UnknownAddress": "mesh_defs.errors",
    "UnknownProfile": "mesh_defs.errors",
    "UnknownRecord": "mesh_defs.errors",
    "Verdict": "mesh_defs.contract.verdicts",
    "WrongState": "mesh_defs.errors",
    "connect": "mesh_defs.client.gateway",
    "load_contract": "mesh_defs.contract.load",
    "load_mesh": "mesh_defs.product.load",
    "open": "mesh_defs.client.local",
    "parameter": "mesh_defs.policy.model",
    "run_product": "mesh_defs.product.container",
}

__all__ = [
    "AccessDenied",
    "Busy",
    "Connection",
    "Contract",
    "CorruptRecord",
    "DataPolicy",
    "DataProduct",
    "DeclaredPolicy",
    "Domain",
    "Fault",
    "Finding",
    "InvalidMesh",
    "InvalidRequest",
    "Mesh",
    "MeshError",
    "MeshUrl",
    "MissingDriver",
    "NoMesh",
    "NotPublished",
    "Port",
    "Product",
    "PromiseBroken",
    "PublishConflict",
    "RemotePort",
    "RunFailed",
    "RunReport",
    "SourceUnavailable",
    "StagedPort",
    "StorageFailed",
    "TransformFailed",
    "Unauthenticated",
    "UnknownAddress",
    "UnknownProfile",
    "UnknownRecord",
    "Verdict",
    "WrongState",
    "connect",
    "load_contract",
    "load_mesh",
    "open",
    "parameter",
    "run_product",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  a module's attributes have no common type
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mesh_defs' has no attribute '{name}'")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
