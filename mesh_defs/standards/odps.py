"""Products as documents of the Open Data Product Standard 1.0.0.

Format: github.com/bitol-io/open-data-product-standard, ``schema/odps-json-schema-v1.0.0.json``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mesh_defs.urls import is_mesh_url, parse

if TYPE_CHECKING:
    from mesh_defs.product.model import OutputPort
    from mesh_defs.standards.facts import ProductFacts

VERSION = "v1.0.0"
MEDIA_TYPE = "application/odps+yaml;version=1.0.0"

# What the standard has no keys for stands in custom properties.
ARCHETYPE, LICENCE, PURPOSES, OF = "archetype", "licence", "permittedPurposes", "of"
OWNER = "owner"
# How versions of a port follow each other (keys of a manifest's output).
KEPT_OF_PORTS = ("mode", "cursor", "key", "by", "every", "start", "end", "actual_time")


def odps_document(facts: ProductFacts) -> dict[str, Any]:
    """The product as an ODPS document (JSON values)."""
    manifest = facts.manifest
    document: dict[str, Any] = {
        "apiVersion": VERSION,
        "kind": "DataProduct",
        "id": facts.url,
        "name": facts.product,
        "version": facts.version,
        "status": facts.status,
        "domain": facts.domain,
        "tenant": facts.mesh,
    }
    if manifest is not None:
        said = (("purpose", manifest.purpose), ("limitations", manifest.limitations))
        texts = {name: text for name, text in (*said, ("usage", manifest.usage)) if text}
        document["description"] = texts
        document["tags"] = list(manifest.tags)
        document["team"] = {"members": [{"username": manifest.owner, "role": OWNER}]}
        if "@" in manifest.owner:
            document["support"] = [_support(manifest.owner)]
        custom: dict[str, object] = {
            ARCHETYPE: manifest.archetype,
            LICENCE: manifest.licence,
            PURPOSES: list(manifest.purposes),
        }
        document["customProperties"] = [
            {"property": name, "value": value} for name, value in custom.items() if value
        ]
    document["authoritativeDefinitions"] = [{"type": "canonicalUrl", "url": facts.page}]
    inputs = [_input(facts, name, source) for name, source in facts.inputs.items()]
    if inputs:
        document["inputPorts"] = inputs
    document["outputPorts"] = [_output(facts, output) for output in facts.outputs]
    document["managementPorts"] = [
        {
            "name": "discovery",
            "content": "discoverability",
            "type": "rest",
            "url": f"{facts.page}/discovery",
            "description": "The product as it describes itself.",
        }
    ]
    return document


def _support(owner: str) -> dict[str, str]:
    return {"channel": "owner", "url": f"mailto:{quote(owner, safe='@')}", "tool": "email"}


def _input(facts: ProductFacts, name: str, source: str) -> dict[str, Any]:
    """An input; the contract of another product's port is known by that port's address."""
    major = parse(source).major if is_mesh_url(source) else None
    return {
        "name": name,
        "version": str(major) if major is not None else "1",
        "contractId": source,
        "customProperties": [{"property": OF, "value": facts.url}],
    }


def _output(facts: ProductFacts, output: OutputPort) -> dict[str, Any]:
    contract = output.contract
    port: dict[str, Any] = {"name": output.name}
    if output.promise.description:
        port["description"] = output.promise.description
    port |= {"type": "table", "version": contract.version, "contractId": contract.id}
    port["authoritativeDefinitions"] = [
        {"type": "dataAccess", "url": f"{facts.page}/{output.name}/data"}
    ]
    declared = facts.manifest.outputs.get(output.name) if facts.manifest is not None else None
    if declared is not None:
        said = declared.model_dump(include=set(KEPT_OF_PORTS), exclude_defaults=True)
        custom = [{"property": name, "value": said[name]} for name in KEPT_OF_PORTS if name in said]
        if custom:
            port["customProperties"] = custom
    return port
