"""Steps two and four of a run: the expectations on its inputs, the promises on its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.data import Surroundings
from mesh_defs.contract.expect import expect
from mesh_defs.contract.rules import Custom
from mesh_defs.contract.verify import verify
from mesh_defs.product.privacy import as_classified_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    import duckdb

    from mesh_defs.contract.data import Engine, Rows, Unavailable
    from mesh_defs.contract.model import PortContract
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.product.make import Made
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.resolve import Resolved
    from mesh_defs.product.staging import PortPlan

_GREAT_EXPECTATIONS = "greatExpectations"


def expectations(
    mesh: Mesh,
    product: Product,
    inputs: Mapping[str, Resolved],
    connection: duckdb.DuckDBPyConnection,
    now: datetime,
) -> tuple[Verdict, ...]:
    """The verdicts on ``product``'s inputs: that they have rows, and what it expects of them.
    Raises `duckdb.Error` when one cannot be read."""
    verdicts: list[Verdict] = []
    for port in product.inputs:
        expected = port.expectations
        if expected is not None:
            expected = as_classified_for(mesh, product, port, expected)
        verdicts += expect(
            connection,
            port.name,
            str(port.source),
            expected,
            inputs[port.name].rows,
            now,
            allow_empty=port.allow_empty,
        )
    return tuple(verdicts)


def promises(
    product: Product,
    plans: Mapping[str, PortPlan],
    made: Made,
    foreign: Mapping[str, Rows | Unavailable],
    connection: duckdb.DuckDBPyConnection,
    now: datetime,
    verified: Callable[[str, PortPlan], None],
) -> dict[str, tuple[Verdict, ...]]:
    """Each port's verdicts on what was staged for it; ``verified`` is called after each.
    ``foreign`` are the targets of foreign keys in other products."""
    relations = {**foreign, **_own_relations(product, plans)}
    found: dict[str, tuple[Verdict, ...]] = {}
    for name, plan in plans.items():
        promise = plan.port.promise
        surroundings = Surroundings(relations, _engines(promise, made.engines), now)
        promised = verify(connection, promise, plan.staged(), surroundings)
        found[name] = (*promised, *made.verdicts.get(name, ()))
        verified(name, plan)
    return found


def _own_relations(product: Product, plans: Mapping[str, PortPlan]) -> dict[str, Rows]:
    """The ports as foreign keys name them: the name alone, the URL, the product's own URL."""
    relations: dict[str, Rows] = {}
    for name, plan in plans.items():
        whole = plan.staged().whole
        relations[name] = whole
        relations[str(product.url.with_port(name))] = whole
        if name == product.main_port:
            relations[str(product.url)] = whole
    return relations


def _engines(promise: PortContract, engines: Mapping[str, Engine]) -> dict[str, Engine]:
    """``engines`` and those that the rules of ``promise`` need besides."""
    asked = {rule.engine for rule in promise.rules if isinstance(rule, Custom)}
    if _GREAT_EXPECTATIONS not in asked:
        return dict(engines)
    from mesh_defs.contract.engines.great_expectations import GreatExpectations

    return {**engines, _GREAT_EXPECTATIONS: GreatExpectations(promise)}
