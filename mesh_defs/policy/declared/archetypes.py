"""Who reads what: archetypes keep their order, and nobody reads what is retired, unfinished or a
circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.declared.places import manifest_file
from mesh_defs.policy.model import DeclaredPolicy, Finding
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.product.model import InputPort, Mesh, Product

_RANK = {"source-aligned": 0, "aggregate": 1, "consumer-aligned": 2}
_UNFINISHED = ("proposed", "draft")


class ArchetypesInOrder(DeclaredPolicy):
    """Source-aligned products read operational systems and no products, aggregates no
    consumer-aligned ones, consumer-aligned ones no operational system of another domain."""

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per input that is out of order."""
        file = manifest_file(product, mesh)
        for port in product.inputs:
            found = _product_input(product, port, mesh) or _service_input(product, port, mesh)
            if found is not None:
                message, fix = found
                yield Finding(message, fix=fix, file=file, line=port.line or product.line)


def _product_input(product: Product, port: InputPort, mesh: Mesh) -> tuple[str, str] | None:
    if not isinstance(port.source, MeshUrl):
        return None
    archetype = product.manifest.archetype
    if archetype == "source-aligned":
        return (
            f"a source-aligned product reads {port.source}, which is no operational system",
            "read the operational system itself, or make it an aggregate",
        )
    upstream = mesh.products.get(port.source.identity)
    if upstream is not None and _RANK[upstream.manifest.archetype] > _RANK[archetype]:
        return (
            f"an {archetype} product reads {port.source}, which is {upstream.manifest.archetype}",
            "read what that product is made from, or become consumer-aligned",
        )
    return None


def _service_input(product: Product, port: InputPort, mesh: Mesh) -> tuple[str, str] | None:
    if isinstance(port.source, MeshUrl) or product.manifest.archetype != "consumer-aligned":
        return None
    service = mesh.settings.services.get(port.source.service, {})
    owner = service.get("domain")
    if owner == product.domain:
        return None
    whose = f"of the domain {owner}" if owner else "of no domain that mesh.yaml names"
    return (
        f"a consumer-aligned product reads {port.source}, an operational system {whose}",
        "read a source-aligned product of that domain instead"
        if owner
        else f"say whose it is: 'domain:' of the service '{port.source.service}' in mesh.yaml",
    )


class NoRetiredInput(DeclaredPolicy):
    """No product reads one that is retired."""

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per input from a retired product."""
        for port, upstream in _upstream(product, mesh):
            if upstream.manifest.status == "retired":
                yield Finding(
                    f"the input '{port.name}' reads {port.source}, which is retired",
                    fix="read what replaces it, or remove the input",
                    file=manifest_file(product, mesh),
                    line=port.line or product.line,
                )


class NoDraftInput(DeclaredPolicy):
    """No product reads a draft, or one that is only proposed, unless it is unfinished itself.

    Policies that ask active products alone let a draft pass, and so what is made of it.
    """

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding per input from an unfinished product."""
        own = product.manifest.status
        if own in _UNFINISHED:
            return
        for port, upstream in _upstream(product, mesh):
            status = upstream.manifest.status
            if status in _UNFINISHED:
                yield Finding(
                    f"the product is {own}, and its input '{port.name}' reads {port.source}, "
                    f"whose status is {status}",
                    fix=f"ask {upstream.manifest.owner} for 'status: active' there, or write "
                    "'status: draft' here as well",
                    file=manifest_file(product, mesh),
                    line=port.line or product.line,
                )


def _upstream(product: Product, mesh: Mesh) -> Iterator[tuple[InputPort, Product]]:
    """Inputs that read a product of the mesh, with it."""
    for port in product.inputs:
        if isinstance(port.source, MeshUrl):
            upstream = mesh.products.get(port.source.identity)
            if upstream is not None:
                yield port, upstream


class NoCycle(DeclaredPolicy):
    """No product reads itself by way of others, nor what comes out of such a circle."""

    def findings(self, product: Product, mesh: Mesh) -> Iterator[Finding]:
        """One finding when a circle can be reached upstream; its path goes once around."""
        circle = _circle(product, mesh)
        if circle is not None:
            yield Finding(
                "what it reads goes around in a circle",
                fix="move what both need into a product that reads neither",
                file=manifest_file(product, mesh),
                line=product.line,
                path=tuple(f"mesh://{identity}" for identity in circle),
            )


def _circle(product: Product, mesh: Mesh) -> list[str] | None:
    """The shortest way found from ``product`` upstream that ends where it has been before."""
    seen: set[str] = set()
    ways = [[product.identity]]
    while ways:
        way = ways.pop()
        for upstream in _reads(way[-1], mesh):
            if upstream in way:
                return [*way, upstream]
            if upstream not in seen:
                ways.append([*way, upstream])
        seen.add(way[-1])
    return None


def _reads(identity: str, mesh: Mesh) -> list[str]:
    found = mesh.products.get(identity) or mesh.broken.get(identity)
    inputs = found.inputs if found is not None else ()
    return [port.source.identity for port in inputs if isinstance(port.source, MeshUrl)]
