"""What is wrong with ``principals.yaml`` and the ``access.cedar`` files of a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.policy.access.check import RuleCheck
from mesh_defs.policy.access.entities import subject_of
from mesh_defs.policy.access.load import load_rules
from mesh_defs.policy.access.principals import domain_faults, load_principals
from mesh_defs.product.check_gateway import mapped_roles
from mesh_defs.product.check_queries import sql_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.faults import Fault
    from mesh_defs.product.model import Mesh

_READS_NOTHING: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "threads": 1,
}


def access_faults(mesh: Mesh) -> Iterator[Fault]:
    """Every fault of both. Raises nothing for what a person wrote."""
    names = [domain.name for domain in mesh.domains]
    principals = load_principals(mesh.root)
    yield from principals.faults
    yield from domain_faults(mesh.root, principals, names)
    rulebook = load_rules(mesh.root, names)
    if len(rulebook.files) == 1:
        return  # the one that ships
    import duckdb

    ports = []
    types: dict[tuple[str, str], str] = {}
    for product in mesh.products.values():
        for output in product.outputs:
            port = subject_of(product.domain, product.name, output, product.manifest)
            ports.append(port)
            for column in output.promise.columns:
                typed = column.physical_type or column.logical_type
                types[port.path, column.name] = sql_type(column) if typed else '"NULL"'
    with duckdb.connect(config=_READS_NOTHING) as connection:
        check = RuleCheck(
            principals,
            ports,
            [*mesh.products, *mesh.broken],
            names,
            types,
            connection,
            mapped_roles(mesh.settings),
        )
        yield from check.faults(rulebook)
