"""Products as JSON-LD of the Data Product Ontology (DPROD) over DCAT 3.

Formats: github.com/EKGF/dprod, ``ontology/dprod/dprod-ontology.ttl`` and its shapes; W3C's Data
Catalog Vocabulary, version 3; columns as SHACL shapes, permitted purposes as an ODRL offer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mesh_defs.standards.shape import shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mesh_defs.product.described.said import Said
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
    "sh": "http://www.w3.org/ns/shacl#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_FORMATS = {
    "application/vnd.apache.parquet": "parquet",
    "application/vnd.apache.arrow.stream": "arrow",
    "text/csv": "csv",
}
_MEDIA_TYPES = "https://www.iana.org/assignments/media-types/"
_IRI_SAFE = "/:@?#=&%+-._~"


def dprod_document(facts: ProductFacts) -> dict[str, Any]:
    """The product as one JSON-LD node with the nodes that it has."""
    return {"@context": CONTEXT, **_product(facts)}


def catalog_document(mesh: str, base: str, products: Iterable[ProductFacts]) -> dict[str, Any]:
    """All ``products`` of a mesh as one DCAT catalog."""
    nodes = [_product(facts) for facts in products]
    datasets = [data for node in nodes for data in node["dprod:outputDataset"]]
    services = [{"@id": port["@id"]} for node in nodes for port in node["dprod:outputPort"]]
    return {
        "@context": CONTEXT,
        "@id": f"{base}/",
        "@type": "dcat:Catalog",
        "dct:title": mesh,
        "rdfs:label": mesh,
        "dcat:dataset": datasets,
        "dcat:service": services,
        "dcat:resource": nodes,
    }


def _product(facts: ProductFacts) -> dict[str, Any]:
    node: dict[str, Any] = {
        "@id": facts.page,
        "@type": "dprod:DataProduct",
        "rdfs:label": facts.product,
        "dct:title": facts.product,
        "dct:identifier": facts.url,
        "dcat:landingPage": {"@id": facts.page},
        "dprod:domain": {"@id": f"{facts.base}/{facts.domain}", "rdfs:label": facts.domain},
        "dprod:lifecycleStatus": {
            "@id": f"{facts.base}/-/status/{facts.status}",
            "@type": "dprod:DataProductLifecycleStatus",
            "rdfs:label": facts.status,
        },
        "dcat:version": facts.version,
    }
    if facts.said is not None:
        node |= _said(facts, facts.said)
    if facts.record is not None:
        node["dct:modified"] = _moment(facts.record.published_at)
    node["dprod:outputPort"] = [_port(facts, output) for output in facts.outputs]
    node["dprod:outputDataset"] = [{"@id": _dataset_id(facts, each)} for each in facts.outputs]
    if facts.inputs:
        node["dprod:inputDataset"] = [
            {"@id": quote(source, safe=_IRI_SAFE), "@type": "dcat:Dataset", "rdfs:label": name}
            for name, source in facts.inputs.items()
        ]
    return node


def _said(facts: ProductFacts, said: Said) -> dict[str, Any]:
    """What its owner says of it."""
    agent = {"@id": _agent(facts, said.owner)}
    node: dict[str, Any] = {
        "dct:description": said.purpose,
        "dprod:purpose": said.purpose,
        "dprod:dataProductOwner": {**agent, "@type": "prov:Agent", "rdfs:label": said.owner},
        "dct:publisher": agent,
        "dcat:keyword": list(said.tags),
        "dct:type": {
            "@id": f"{facts.base}/-/archetype/{said.archetype}",
            "@type": "skos:Concept",
            "skos:prefLabel": said.archetype,
        },
    }
    if said.licence:
        node["dct:license"] = said.licence
    if said.purposes:
        node["odrl:hasPolicy"] = _offer(facts, said.purposes)
    notes = [text for text in (said.usage, said.limitations) if text]
    if notes:
        node["skos:note"] = notes
    return node


def _offer(facts: ProductFacts, purposes: Iterable[str]) -> dict[str, Any]:
    """That the product may be used for these purposes (ODRL 2.2)."""
    return {
        "@id": f"{facts.page}#policy",
        "@type": ["odrl:Policy", "odrl:Offer"],
        "odrl:uid": {"@id": f"{facts.page}#policy"},
        "odrl:permission": {
            "@type": "odrl:Permission",
            "odrl:target": {"@id": facts.page},
            "odrl:action": {"@id": "odrl:use"},
            "odrl:constraint": {
                "@type": "odrl:Constraint",
                "odrl:leftOperand": {"@id": "odrl:purpose"},
                "odrl:operator": {"@id": "odrl:isAnyOf"},
                "odrl:rightOperand": list(purposes),
            },
        },
    }


def _port(facts: ProductFacts, output: OutputPort) -> dict[str, Any]:
    data = f"{facts.page}/{output.name}/data"
    dataset = _dataset(facts, output)
    return {
        "@id": f"{facts.page}/{output.name}",
        "@type": "dcat:DataService",
        "rdfs:label": output.name,
        "dct:title": output.name,
        "dcat:endpointURL": {"@id": data},
        "dcat:endpointDescription": {"@id": f"{facts.base}/-/openapi.json"},
        "dcat:servesDataset": {"@id": dataset["@id"]},
        "dprod:isAccessServiceOf": [
            {
                "@id": f"{data}?format={name}",
                "@type": "dcat:Distribution",
                "dct:format": media,
                "dcat:mediaType": {"@id": f"{_MEDIA_TYPES}{media}"},
                "dcat:accessURL": {"@id": f"{data}?format={name}"},
                "dcat:accessService": {"@id": f"{facts.page}/{output.name}"},
                "dprod:isDistributionOf": dataset,
            }
            for media, name in _FORMATS.items()
        ],
    }


def _dataset(facts: ProductFacts, output: OutputPort) -> dict[str, Any]:
    contract, data = output.contract, f"{facts.page}/{output.name}/data"
    word = facts.classification(output)
    node: dict[str, Any] = {
        "@id": _dataset_id(facts, output),
        "@type": "dcat:Dataset",
        "rdfs:label": output.name,
        "dct:title": output.name,
        "dct:identifier": f"{facts.url}/{output.name}",
        "dcat:version": facts.version,
        "dct:conformsTo": [
            {"@id": f"urn:odcs:{quote(contract.id, safe='')}:{quote(contract.version, safe='')}"},
            shape(f"{facts.page}/{output.name}", output),
        ],
        "dcat:distribution": [{"@id": f"{data}?format={name}"} for name in _FORMATS.values()],
        "dprod:informationSensitivityClassification": {
            "@id": f"{facts.base}/-/classification/{word}",
            "@type": "dprod:InformationSensitivityClassification",
            "rdfs:label": word,
        },
    }
    if output.promise.description:
        node["dct:description"] = output.promise.description
    if facts.record is not None:
        node["dct:modified"] = _moment(facts.record.published_at)
    return node


def _moment(text: str) -> dict[str, str]:
    return {"@value": text, "@type": "xsd:dateTime"}


def _dataset_id(facts: ProductFacts, output: OutputPort) -> str:
    return f"{facts.page}/{output.name}#dataset"


def _agent(facts: ProductFacts, owner: str) -> str:
    if "@" in owner:
        return f"mailto:{quote(owner, safe='@')}"
    return f"{facts.base}/-/agents/{quote(owner, safe='')}"
