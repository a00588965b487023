"""Whose values may be shown where a run speaks of rows: expectations' samples and errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mesh_defs.contract.expect import as_classified
from mesh_defs.contract.model import PERSONAL
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mesh_defs.contract.model import Column, PortContract
    from mesh_defs.product.model import InputPort, Mesh, Product

MASK = "***"
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")


def as_classified_upstream(mesh: Mesh, port: InputPort, expected: PortContract) -> PortContract:
    """``expected`` with the columns of the upstream contract, each as protected as the stricter of
    the two says. What neither names is masked by verification itself."""
    return as_classified(expected, upstream_columns(mesh, port))


def handles_personal_data(mesh: Mesh, product: Product) -> bool:
    """Whether a contract of ``product``, or of a product that it reads, has personal columns."""
    columns = [column for output in product.outputs for column in output.promise.columns]
    for port in product.inputs:
        columns += upstream_columns(mesh, port)
        columns += port.expectations.columns if port.expectations is not None else ()
    return any(column.classification in PERSONAL for column in columns)


def without_values(text: str, names: Iterable[str]) -> str:
    """An engine's message in which quoted texts are masked, except ``names`` (tables, columns)."""
    known = set(names)
    return _QUOTED.sub(
        lambda quoted: quoted.group() if quoted.group()[1:-1] in known else f"'{MASK}'", text
    )


def upstream_columns(mesh: Mesh, port: InputPort) -> Iterator[Column]:
    """The columns that the contract of ``port``'s source names; none of a service's."""
    if isinstance(port.source, MeshUrl) and port.source.identity in mesh.products:
        upstream = mesh.products[port.source.identity]
        names = {output.name: output for output in upstream.outputs}
        output = names.get(port.source.port or upstream.main_port)
        if output is not None:
            yield from output.promise.columns
