"""Whose values may be shown where a run speaks of rows: expectations' samples and errors."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from mesh_defs.contract.checks.engine_text import NOT_SHOWN
from mesh_defs.contract.checks.quiet import quiet, with_places
from mesh_defs.contract.expect import as_classified, closed
from mesh_defs.contract.model import PERSONAL
from mesh_defs.errors import MeshError, RunFailed
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mesh_defs.contract.model import Column, PortContract
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.lineage.record import Lineage
    from mesh_defs.product.model import InputPort, Mesh, Product


def as_classified_for(
    mesh: Mesh, product: Product, port: InputPort, expected: PortContract
) -> PortContract:
    """``expected`` of an input of ``product`` with the columns of the upstream contract, each as
    protected as the stricter of the two says. A service has none: there a column is as personal as
    the product's own contracts call one of its name. Where the product handles personal data, what
    nobody has classified is taken for personal; what nobody names is masked by verification itself.
    """
    known = list(upstream_columns(mesh, port))
    if not isinstance(port.source, MeshUrl):
        known = [c for output in product.outputs for c in output.promise.columns if c.personal]
    merged = as_classified(expected, known)
    return closed(merged) if handles_personal_data(mesh, product) else merged


def handles_personal_data(mesh: Mesh, product: Product) -> bool:
    """Whether a contract of ``product``, or of a product that it reads, has personal columns."""
    columns = [column for output in product.outputs for column in output.promise.columns]
    for port in product.inputs:
        columns += upstream_columns(mesh, port)
        columns += port.expectations.columns if port.expectations is not None else ()
    return any(column.classification in PERSONAL for column in columns)


def quiet_expectations(
    product: Product,
    verdicts: tuple[Verdict, ...],
    turned_out: Mapping[str, Collection[str]],
    lineage: Lineage,
) -> tuple[Verdict, ...]:
    """What ``verdicts`` on the inputs may show, now that these columns of ``product``'s ports
    ``turned_out`` to be personal: nothing of columns of their names, or that flow into them;
    nothing at all where nobody knows what does."""
    if not turned_out:
        return verdicts
    sources = _sources(turned_out, lineage)
    expected = {port.name: port.expectations for port in product.inputs}
    quieter = []
    for verdict in verdicts:
        contract = expected.get(verdict.subject)
        rules = {rule.id: rule for rule in contract.rules} if contract is not None else {}
        shown = {name for row in verdict.samples for name in row}
        named = {*shown, *([verdict.column] if verdict.column is not None else [])}
        hidden = frozenset(named if sources is None else sources)
        if contract is not None:
            hidden = with_places(contract, hidden)
        quieter.append(quiet(verdict, rules, hidden))
    return tuple(quieter)


def _sources(turned_out: Mapping[str, Collection[str]], lineage: Lineage) -> frozenset[str] | None:
    """The names of all columns that the values may come from; None when that is not known."""
    names: set[str] = set()
    for port, columns in turned_out.items():
        unknown = {name.lower() for name in lineage["unknown"].get(port, {})}
        flows = {name.lower(): found for name, found in lineage["ports"].get(port, {}).items()}
        for column in columns:
            if column.lower() in unknown or column.lower() not in flows:
                return None
            names |= {column, *(source for _, source in flows[column.lower()])}
    return frozenset(names)


def names_of(product: Product) -> str:
    """The names that ``product``'s manifest and contracts give to relations and columns, which its
    errors may quote whatever it handles."""
    names = [product.domain, product.name, *(port.name for port in product.inputs)]
    for output in product.outputs:
        names += [output.name, *(column.name for column in output.promise.columns)]
    return " ".join(names)


def untold(mesh: Mesh, product: Product, error: BaseException) -> RunFailed | None:
    """What stands for an ``error`` that nobody expected, when ``product`` handles personal data,
    which its text may quote: its class and place. None for all others, which are as they are."""
    if isinstance(error, MeshError) or not isinstance(error, Exception):
        return None
    if not handles_personal_data(mesh, product):
        return None
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = "".join(f"\n  {frame.filename}:{frame.lineno}, in {frame.name}" for frame in frames)
    return RunFailed(f"{product.url}: {type(error).__name__} ({NOT_SHOWN}){places}")


def upstream_columns(mesh: Mesh, port: InputPort) -> Iterator[Column]:
    """The columns that the contract of ``port``'s source names; none of a service's."""
    if isinstance(port.source, MeshUrl) and port.source.identity in mesh.products:
        upstream = mesh.products[port.source.identity]
        names = {output.name: output for output in upstream.outputs}
        output = names.get(port.source.port or upstream.main_port)
        if output is not None:
            yield from output.promise.columns
