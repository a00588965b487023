"""What the consumers of a port expect of it, looked at before it is published to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh_defs.contract.expect import as_classified, expect
from mesh_defs.contract.verdicts import blocking
from mesh_defs.faults import relative
from mesh_defs.policy.model import DataPolicy, Finding
from mesh_defs.urls import MeshUrl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mesh_defs.contract.verdicts import Verdict
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import InputPort, Mesh, OutputPort, Product


class ConsumerExpectations(DataPolicy):
    """Every consumer's expectations on this port hold for the rows that are about to be published.

    Those of consumers that keep to another major version of the interface are left out: they go on
    reading that one. An expectation that only warns its owner is left out, too.
    """

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:
        """Whether anybody expects anything of the port."""
        return any(True for _ in expecting(product, output, mesh))

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """One finding per expectation that the rows would break, or that could not be looked at."""
        for consumer, reads in expecting(port.product, port.output, port.mesh):
            expected = reads.expectations
            verdicts = expect(
                port.connection,
                reads.name,
                str(reads.source),
                as_classified(expected, port.contract.columns) if expected is not None else None,
                port.staged.whole,
                port.now,
                allow_empty=reads.allow_empty,
            )
            for verdict in blocking(verdicts):
                yield _finding(port, consumer, reads, verdict)


def expecting(
    product: Product, output: OutputPort, mesh: Mesh
) -> Iterator[tuple[Product, InputPort]]:
    """The consumers that would read this version of the port and expect something of it, be it
    that there are rows, each with its input."""
    for consumer, reads in mesh.readers_of(product.identity):
        source = reads.source
        if not isinstance(source, MeshUrl) or (source.port or product.main_port) != output.name:
            continue
        asks = reads.expectations is not None or not reads.allow_empty
        if asks and source.major in (None, product.manifest.major):
            yield consumer, reads


def _finding(port: StagedPort, consumer: Product, reads: InputPort, verdict: Verdict) -> Finding:
    expected = reads.expectations
    rules = expected.rules if expected is not None else ()
    line = next((rule.line for rule in rules if rule.id == verdict.rule), 0)
    count = f", {verdict.failing_rows:,} rows do not" if verdict.failing_rows else ""
    how = "asks for" if verdict.outcome == "failed" else "cannot be asked whether it gets"
    message = f"mesh://{consumer.identity} {how} {verdict.expected} in '{reads.name}'{count}"
    return Finding(
        message,
        fix=f"mend the rows, or agree on it with {consumer.manifest.owner}; a breaking change "
        "belongs into a new major version",
        port=port.name,
        column=verdict.column,
        file=relative(consumer.folder / "defs.yaml", port.mesh.root),
        line=line or reads.line,
        path=(f"mesh://{port.product.identity}/{port.name}", f"mesh://{consumer.identity}"),
        failing_rows=verdict.failing_rows,
        rows=verdict.rows,
        samples=verdict.samples,
    )
