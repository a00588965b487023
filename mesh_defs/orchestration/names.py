"""How things of the mesh are called in Dagster: asset keys, ops, checks, tags."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import dagster as dg

from mesh_defs.product.manifest import ServiceInput

if TYPE_CHECKING:
    from mesh_defs.contract.verdicts import Severity, Verdict
    from mesh_defs.product.model import InputPort, Mesh, Product
    from mesh_defs.urls import MeshUrl

KIND = "mesh/kind"
PRODUCT = "mesh/product"
PORT = "mesh/port"
PORTAL = "portal"
STUB = "mesh/stub"
VERSION = "mesh/version"
RUN = "mesh/run"
REASON = "mesh/reason"

_UNFIT = re.compile(r"[^A-Za-z0-9_]+")
_UNFIT_TAG = re.compile(r"[^A-Za-z0-9_.-]+")
_TAG_LENGTH = 63


def port_key(identity: str, port: str) -> dg.AssetKey:
    """``<domain>/<product>/<port>``."""
    return dg.AssetKey([*identity.split("/"), port])


def entity_key(source: ServiceInput) -> dg.AssetKey:
    """``<service>/<entity>``."""
    return dg.AssetKey([source.service, source.entity])


def upstream_key(mesh: Mesh, url: MeshUrl) -> dg.AssetKey:
    """The key of the port that ``url`` names; a broken product's port has its likely key."""
    product = mesh.products.get(url.identity)
    if product is not None:
        return port_key(url.identity, product.output(url.port).name)
    return port_key(url.identity, url.port or url.product)


def input_key(mesh: Mesh, port: InputPort) -> dg.AssetKey:
    """The key of what ``port`` reads."""
    if isinstance(port.source, ServiceInput):
        return entity_key(port.source)
    return upstream_key(mesh, port.source)


def port_keys(product: Product) -> list[dg.AssetKey]:
    """The keys of all ports of ``product``, in the manifest's order."""
    return [port_key(product.identity, output.name) for output in product.outputs]


def op_name(product: Product) -> str:
    """The name of the one op that runs ``product``."""
    return f"{product.domain}__{product.name}"


def promise_check(dimension: str, severity: Severity) -> str:
    """The check that gathers a port's rules of one quality dimension and severity."""
    name = _UNFIT.sub("_", dimension).strip("_") or "quality"
    return name if severity == "error" else f"{name}__warning"


def expectation_check(name: str) -> str:
    """The check that gathers what a product expects of its input ``name``."""
    return f"expectations__{_UNFIT.sub('_', name)}"


def policy_check(policy_id: str) -> str:
    """The check that shows what the policy ``policy_id`` says of a port."""
    return f"policy__{_UNFIT.sub('_', policy_id).strip('_')}"


def check_of(verdict: Verdict) -> str:
    """The check in which ``verdict`` is shown."""
    if verdict.stage == "expectation":
        return expectation_check(verdict.subject)
    if verdict.stage == "policy":
        return policy_check(verdict.rule)
    return promise_check(verdict.dimension, verdict.severity)


def tag_value(text: str) -> str:
    """``text`` as Dagster allows it in a tag: letters, digits, ``_.-``, at most 63 of them."""
    return _UNFIT_TAG.sub("-", text)[:_TAG_LENGTH].strip("-._")
