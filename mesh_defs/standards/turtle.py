"""JSON-LD as Turtle (RDF 1.1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mesh_defs.unseen import spelled_out

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "text/turtle"


def turtle(node: Mapping[str, Any]) -> str:
    """The Turtle of a JSON-LD ``node`` whose context is written out; nothing is fetched."""
    from rdflib import Graph

    graph = Graph(bind_namespaces="none")
    graph.parse(data=json.dumps(node), format="json-ld")
    for prefix, namespace in node["@context"].items():
        graph.bind(prefix, namespace)
    return spelled_out(graph.serialize(format="turtle"))
