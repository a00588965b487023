"""Step six of a run, before it is published: the discovery document of the next version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.rules import Unique
from mesh_defs.policy.annotations import annotations_of
from mesh_defs.product.described.document import compose, document_name, rendered
from mesh_defs.product.described.facts import ProductFacts
from mesh_defs.product.described.history import history
from mesh_defs.product.described.open_columns import OPEN_TO_ALL, classified, told_columns
from mesh_defs.product.described.profile import PortPicture, port_picture
from mesh_defs.product.described.said import declared, of_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.drivers.storage.protocol import ProductStore
    from mesh_defs.product.govern import Circumstances, Governed
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.model import Mesh, OutputPort, Product
    from mesh_defs.product.staging import PortPlan


def described(
    mesh: Mesh,
    product: Product,
    store: ProductStore,
    plans: Mapping[str, PortPlan],
    record: Record,
    governed: Governed,
    circumstances: Circumstances,
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, str]:
    """The document that is stored with ``record``'s version: its name and its text."""
    words = {
        output.name: classified(
            output, circumstances.flows, governed.turned_out.get(output.name, ())
        )
        for output in product.outputs
    }
    contracts = {output.contract.digest: output.contract for output in product.outputs}
    facts = ProductFacts(
        mesh=mesh.settings.name,
        domain=product.domain,
        product=product.name,
        manifest=product.manifest,
        outputs=product.outputs,
        record=record,
        transform=product.transform.kind,
        digest=record.digest,
        classified=words,
        pictures={
            name: _picture(connection, plan, words[name], record.ports[name].verdicts)
            for name, plan in plans.items()
        },
        history=history(
            product.identity,
            [record, *circumstances.history],
            store,
            contracts,
            of_record(declared(product.manifest), record),
        ),
    )
    return {document_name(record.version): rendered(compose(facts))}


def _picture(
    connection: duckdb.DuckDBPyConnection,
    plan: PortPlan,
    words: Mapping[str, str],
    verdicts: Iterable[Verdict],
) -> PortPicture:
    """The picture of what would be published. It informs, and no run fails for it: where it cannot
    be made, the document says so, without the engine's words, which may quote values."""
    import duckdb

    output = plan.port
    told = told_columns(words)
    single_out = {name.lower() for name in annotations_of(output).quasi_identifiers}
    sampled = {n for n in told if words[n] in OPEN_TO_ALL and n.lower() not in single_out}
    named = [column.name for column in output.promise.columns]
    rows = plan.staged().whole
    try:
        unique = _unique(output, verdicts)
        return port_picture(connection, rows, named, told, sampled, unique)
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        return PortPicture(0, reason=f"it could not be looked at ({type(error).__name__})")


def _unique(output: OutputPort, verdicts: Iterable[Verdict]) -> frozenset[str]:
    """The columns of which the contract promises, and verification proved, that no value stands
    twice."""
    met = {verdict.rule for verdict in verdicts if verdict.ok}
    rules = (rule for rule in output.promise.rules if isinstance(rule, Unique) and rule.id in met)
    return frozenset(rule.columns[0] for rule in rules if len(rule.columns) == 1)
