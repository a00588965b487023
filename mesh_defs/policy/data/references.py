"""References into other products: they were looked up, and every one was found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Surroundings
from mesh_defs.contract.rules import ForeignKey
from mesh_defs.contract.verify import verify
from mesh_defs.policy.model import DataPolicy, Finding
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Mesh, OutputPort, Product


class ReferencesHold(DataPolicy):
    """Every value that refers to another product exists there, whatever severity the contract gives
    to it."""

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:  # noqa: ARG002
        """For ports with relationships to other products."""
        return any(_leaves(rule, product) for rule in output.promise.rules)

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """One finding per relationship that does not hold or could not be looked up."""
        verdicts = {verdict.rule: verdict for verdict in port.verdicts}
        for rule in port.contract.rules:
            if not isinstance(rule, ForeignKey) or not _leaves(rule, port.product):
                continue
            # A contract that is newer than the version has rules that were never looked at.
            verdict = verdicts.get(rule.id) or _looked_up(rule, port)
            if verdict.ok:
                continue
            yield Finding(
                f"{', '.join(rule.columns)} refers to {rule.target}: "
                f"{verdict.reason or verdict.observed}",
                fix="publish what is referred to, or leave the rows out",
                port=port.name,
                column=rule.column or rule.columns[0],
                failing_rows=verdict.failing_rows,
                rows=port.rows,
            )


def _looked_up(rule: ForeignKey, port: StagedPort) -> Verdict:
    surroundings = Surroundings(relations=port.relations, now=port.now)
    contract = replace(port.contract, rules=(rule,))
    return verify(port.connection, contract, port.staged, surroundings)[0]


def _leaves(rule: object, product: Product) -> bool:
    return (
        isinstance(rule, ForeignKey)
        and isinstance(rule.target, MeshUrl)
        and rule.target.identity != product.identity
    )
