"""Where products, ports and columns come from, and what is made of them, over the whole mesh.

`facts` is what one product tells, `graph` puts all of them together, `kept` keeps that true, `walk`
follows it one way or the other as far as somebody may know of it, `impact` says what breaks.
"""

from mesh_defs.discovery.lineage.graph import LineageGraph
from mesh_defs.discovery.lineage.kept import Catalogue, KeptGraph, MeshCatalogue
from mesh_defs.discovery.lineage.model import Edge, Place, place_of
from mesh_defs.discovery.lineage.walk import Found, walk

__all__ = [
    "Catalogue",
    "Edge",
    "Found",
    "KeptGraph",
    "LineageGraph",
    "MeshCatalogue",
    "Place",
    "place_of",
    "walk",
]
