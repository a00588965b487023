"""What a graph of lineage consists of: places and edges between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from mesh_defs.product.manifest import ServiceInput

# `serves`: a product and its port. `reads`: a port or an entity of an operational system, and the
# product that reads it. `flows`: a column and one that is made of it. `unknown`: something that may
# flow into a column of which nobody knows what it is made of.
EdgeKind = Literal["serves", "reads", "flows", "unknown"]
NodeKind = Literal["product", "port", "column", "source", "foreign"]


@dataclass(frozen=True, slots=True)
class Place:
    """A product (``<domain>/<product>``), one of its ports, or a column there. With ``source``, an
    entity of an operational system (``<service>://<entity>``), which has no ports, or a column."""

    owner: str
    port: str | None = None
    column: str | None = None
    source: bool = False

    @property
    def id(self) -> str:
        """Its URL, which no other place has."""
        text = self.owner if self.source else f"mesh://{self.owner}"
        text += f"/{self.port}" if self.port is not None else ""
        return text if self.column is None else f"{text}#{self.column}"

    @property
    def whole(self) -> Place:
        """The port or entity that a column is in; else the place itself."""
        return self if self.column is None else Place(self.owner, self.port, None, self.source)

    def with_column(self, column: str) -> Place:
        """A column of this port or entity."""
        return Place(self.owner, self.port, column, self.source)

    @property
    def url(self) -> MeshUrl:
        """The URL of a product or of a port, without a column."""
        domain, _, product = self.owner.partition("/")
        return MeshUrl(domain, product, self.port)


@dataclass(frozen=True, slots=True)
class Edge:
    """From what is read to what is made of it.

    Of ``reads``: the ``input``, and the ``version`` that was read; with ``declared`` nothing was
    read yet. Of ``flows``: the ``way``, in the words of `mesh_defs.policy.flow.ways`; ``assumed``
    by the columns' names; ``equal`` where it shows through a condition or an order. Of ``unknown``:
    the ``reason``.
    """

    source: Place
    target: Place
    kind: EdgeKind
    input: str = ""
    version: int | None = None
    declared: bool = False
    way: str = ""
    assumed: bool = False
    equal: bool = False
    reason: str = ""


def place_of(url: MeshUrl | ServiceInput) -> Place:
    """What ``url`` names, whatever version. Its port may be left open."""
    if isinstance(url, MeshUrl):
        return Place(url.identity, url.port, url.column)
    return Place(str(url), source=True)
