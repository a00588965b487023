"""Step four of a run, its second half: the policies on data, on what was staged for each port."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mesh_defs.contract.checks.quiet import quiet, with_places
from mesh_defs.policy.evaluate import data_verdicts
from mesh_defs.policy.subject import StagedPort
from mesh_defs.product.privacy import handles_personal_data
from mesh_defs.product.profile_key import profile_key
from mesh_defs.product.stores import product_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import duckdb

    from mesh_defs.contract.data import Rows, Unavailable
    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.flow.graph import Flows
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.lineage.record import Lineage
    from mesh_defs.product.model import Mesh, Product
    from mesh_defs.product.staging import PortPlan, Window


@dataclass(frozen=True, slots=True)
class Governed:
    """What policies on data said: all verdicts of each port, its contract's first, and the profiles
    that they compared with (`mesh_defs.policy.data.profile.PortProfile`), by port; and the columns
    that turned out to hold personal data which no contract declares, of ports that have any."""

    verdicts: Mapping[str, tuple[Verdict, ...]]
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    turned_out: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What policies may know of the run: its clock, the versions before, where columns come from,
    the targets of foreign keys, the partitions that it makes; ``spent`` tells its seconds so far.
    """

    now: datetime
    history: Sequence[Record]
    lineage: Lineage
    flows: Flows
    relations: Mapping[str, Rows | Unavailable]
    window: Window | None
    spent: Callable[[], float]


def govern(
    mesh: Mesh,
    product: Product,
    plans: Mapping[str, PortPlan],
    promised: Mapping[str, tuple[Verdict, ...]],
    connection: duckdb.DuckDBPyConnection,
    circumstances: Circumstances,
    governed: Callable[[str, PortPlan], None],
) -> Governed:
    """``promised`` with the verdicts of the policies on data, none of which shows a value of a
    column that one of these found to be personal; ``governed`` is called after each port that any
    is about."""
    verdicts: dict[str, tuple[Verdict, ...]] = {}
    profiles: dict[str, Mapping[str, Any]] = {}
    turned_out: dict[str, frozenset[str]] = {}
    store = product_store(mesh.settings, product.domain, product.name)
    for name, plan in plans.items():
        port = StagedPort(
            mesh=mesh,
            product=product,
            output=plan.port,
            connection=connection,
            staged=plan.staged(),
            now=circumstances.now,
            bytes=plan.bytes,
            seconds=circumstances.spent(),
            verdicts=promised[name],
            history=circumstances.history,
            lineage=circumstances.lineage,
            relations=circumstances.relations,
            flows=circumstances.flows,
            made=plan.added_rows,
            private=handles_personal_data(mesh, product),
            window=circumstances.window,
            profile_key=partial(profile_key, store, make=True),
        )
        with closing(port):
            found = data_verdicts(port)
            if port.profiled:
                profiles[name] = port.profile.as_dict()
            mine = promised[name]
            if port.turned_out:
                turned_out[name] = port.turned_out
                mine = _quiet(mine, port)
        verdicts[name] = (*mine, *found)
        if found:
            governed(name, plan)
    return Governed(verdicts, profiles, turned_out)


def _quiet(promised: tuple[Verdict, ...], port: StagedPort) -> tuple[Verdict, ...]:
    """What the contract's verdicts may show, now that some columns turned out to be personal."""
    rules = {rule.id: rule for rule in port.contract.rules}
    hidden = with_places(port.contract, port.hidden)
    known = {*port.table.columns, *(place.name for place in port.contract.inside)}
    return tuple(quiet(verdict, rules, hidden, known) for verdict in promised)
