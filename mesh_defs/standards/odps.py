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


def odps_document(facts: ProductFacts) -> dict[str, Any]:
    """The product as an ODPS document (JSON values)."""
    said = facts.said
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
    if said is not None:
        texts = {name: getattr(said, name) for name in ("purpose", "limitations", "usage")}
        document["description"] = {name: text for name, text in texts.items() if text}
        document["tags"] = list(said.tags)
        document["team"] = {"members": [{"username": said.owner, "role": OWNER}]}
        if "@" in said.owner:
            document["support"] = [_support(said.owner)]
        custom: dict[str, object] = {
            ARCHETYPE: said.archetype,
            LICENCE: said.licence,
            PURPOSES: list(said.purposes),
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
    continues = facts.said.continues.get(output.name) if facts.said is not None else None
    if continues:
        custom = [{"property": name, "value": value} for name, value in continues.items()]
        port["customProperties"] = custom
    return port
