"""What a product without a version tells of where it will come from: its inputs, the columns of
its contracts and, of SQL, the lineage of its queries, as far as these can be read without data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mesh_defs.discovery.lineage.facts import EVERYTHING, ProductFacts, Reading, told_by
from mesh_defs.discovery.lineage.model import place_of
from mesh_defs.product.access import read_manifest
from mesh_defs.product.broken import broken_ports
from mesh_defs.product.model import BrokenProduct, Mesh, Product
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mesh_defs.product.model import InputPort
    from mesh_defs.settings import Settings

NOT_PUBLISHED = "it has no published version yet"


def drafted(
    product: Product | BrokenProduct, settings: Settings, declared: Callable[[str], object]
) -> ProductFacts:
    """What ``product`` declares. ``declared`` gives what it reads, by ``<domain>/<product>``."""
    reads = tuple(
        Reading(port.name, place_of(port.source), declared=True) for port in product.inputs
    )
    if isinstance(product, BrokenProduct):
        ports = {port.name: port.columns for c in product.contracts for port in c.ports}
        problem = f"it cannot be read: {product.faults[0]}" if product.faults else NOT_PUBLISHED
        lineage: Mapping[str, Any] = {}
        manifest = read_manifest(product.folder, settings.root)
        if manifest is not None:
            ports = {**dict.fromkeys(broken_ports(product, manifest), ()), **ports}
    else:
        ports = {output.name: output.promise.columns for output in product.outputs}
        problem, manifest = None, product.manifest
        lineage = _lineage(product, settings, declared)
    names = {port: tuple(one.name for one in columns) for port, columns in ports.items()}
    return ProductFacts(
        product.identity, None, None, names, reads, lineage, told_by(manifest), problem
    )


def _lineage(
    product: Product, settings: Settings, declared: Callable[[str], object]
) -> Mapping[str, Any]:
    if product.transform.kind == "dbt":  # its SQL is compiled in a run
        return {"unknown": {output.name: {EVERYTHING: NOT_PUBLISHED} for output in product.outputs}}
    from mesh_defs.product.lineage import column_lineage

    above: dict[str, Product] = {}
    for url in product.upstream():
        found = declared(url.identity)
        if isinstance(found, Product):
            above[url.identity] = found
    queries: dict[str, str] = {}
    if product.transform.kind == "sql":
        files = zip(product.outputs, product.transform.files, strict=True)
        queries = {
            one.name: file.read_text("utf-8", "replace").strip().rstrip(";") for one, file in files
        }
    columns = {port.name: _columns(port, above) for port in product.inputs}
    mesh = Mesh(settings, (), above, {})
    return {**column_lineage(product, mesh, queries, columns)}


def _columns(port: InputPort, above: Mapping[str, Product]) -> dict[str, str]:
    """The columns of an input, with their types: of a product, those of its contract; of an
    operational system, those that something is expected of."""
    promise = port.expectations
    if isinstance(port.source, MeshUrl):
        upstream = above.get(port.source.identity)
        wanted = port.source.port or (upstream.main_port if upstream is not None else "")
        outputs = upstream.outputs if upstream is not None else ()
        promise = next((one.promise for one in outputs if one.name == wanted), None)
    columns = promise.columns if promise is not None else ()
    return {column.name: column.physical_type or "" for column in columns}
