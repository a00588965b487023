"""Products as JSON-LD of the Data Product Ontology (DPROD) over DCAT 3.

Format: github.com/EKGF/dprod, ``ontology/dprod/dprod-ontology.ttl`` and its shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mesh_defs.product.model import OutputPort
    from mesh_defs.standards.facts import ProductFacts

MEDIA_TYPE = "application/ld+json"
# Written out, so that nothing has to be fetched to read a document.
CONTEXT = {
    "dprod": "https://ekgf.github.io/dprod/",
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "prov": "http://www.w3.org/ns/prov#",
    "odrl": "http://www.w3.org/ns/odrl/2/",
}
_FORMATS = {
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
    "text/csv": "csv",
}


def dprod_document(facts: ProductFacts) -> dict[str, Any]:
    """The product as one JSON-LD node with the nodes that it has."""
    manifest = facts.manifest
    node: dict[str, Any] = {
        "@context": CONTEXT,
        "@id": facts.page,
        "@type": "dprod:DataProduct",
        "rdfs:label": facts.product,
        "dct:identifier": facts.url,
        "dprod:domain": {"@id": f"{facts.base}/{facts.domain}", "rdfs:label": facts.domain},
        "dprod:lifecycleStatus": {
            "@id": f"{facts.base}/-/status/{facts.status}",
            "@type": "dprod:DataProductLifecycleStatus",
            "rdfs:label": facts.status,
        },
        "dcat:version": facts.version,
    }
    if manifest is not None:
        node |= {
            "dct:description": manifest.purpose,
            "dprod:purpose": manifest.purpose,
            "dprod:dataProductOwner": {
                "@id": _agent(facts, manifest.owner),
                "@type": "prov:Agent",
                "rdfs:label": manifest.owner,
            },
            "dcat:keyword": list(manifest.tags),
        }
        if manifest.licence:
            node["dct:license"] = manifest.licence
    node["dprod:outputPort"] = [_port(facts, output) for output in facts.outputs]
    node["dprod:outputDataset"] = [{"@id": _dataset(facts, output)} for output in facts.outputs]
    if facts.inputs:
        node["dprod:inputDataset"] = [
            {"@id": source, "@type": "dcat:Dataset", "rdfs:label": name}
            for name, source in facts.inputs.items()
        ]
    return node


def _port(facts: ProductFacts, output: OutputPort) -> dict[str, Any]:
    data = f"{facts.page}/{output.name}/data"
    dataset: dict[str, Any] = {
        "@id": _dataset(facts, output),
        "@type": "dcat:Dataset",
        "rdfs:label": output.name,
        "dct:identifier": f"{facts.url}/{output.name}",
        "dct:conformsTo": {"@id": f"urn:odcs:{output.contract.id}:{output.contract.version}"},
    }
    if output.promise.description:
        dataset["dct:description"] = output.promise.description
    if facts.record is not None:
        dataset["dct:modified"] = facts.record.published_at
    return {
        "@id": f"{facts.page}/{output.name}",
        "@type": "dcat:DataService",
        "rdfs:label": output.name,
        "dcat:endpointURL": {"@id": data},
        "dprod:isAccessServiceOf": [
            {
                "@id": f"{data}?format={name}",
                "@type": "dcat:Distribution",
                "dct:format": media,
                "dprod:isDistributionOf": dataset,
            }
            for media, name in _FORMATS.items()
        ],
    }


def _dataset(facts: ProductFacts, output: OutputPort) -> str:
    return f"{facts.page}/{output.name}#dataset"


def _agent(facts: ProductFacts, owner: str) -> str:
    from urllib.parse import quote

    return f"mailto:{owner}" if "@" in owner else f"{facts.base}/-/agents/{quote(owner, safe='')}"
