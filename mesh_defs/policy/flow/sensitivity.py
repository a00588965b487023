"""Sensitivity follows the data: no column is classified lower than what flows into it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mesh_defs.contract.model import CLASSIFICATIONS
from mesh_defs.faults import relative
from mesh_defs.policy.flow.agreement import MASKED_CHARACTERS, disagreement, is_piece
from mesh_defs.policy.flow.copies import Copies
from mesh_defs.policy.flow.graph import Inflow, follows, rank
from mesh_defs.policy.flow.proof import Proof
from mesh_defs.policy.flow.reading import flows_of, reads_products
from mesh_defs.policy.flow.ways import chooses_only, decides_only, text
from mesh_defs.policy.model import DataPolicy, Finding, parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mesh_defs.contract.model import Column
    from mesh_defs.policy.annotations import Reduction
    from mesh_defs.policy.flow.copies import Copy
    from mesh_defs.policy.flow.graph import Flows, Ref, Sensitivity
    from mesh_defs.policy.subject import StagedPort
    from mesh_defs.product.model import Mesh, OutputPort, Product

Classification = Literal["public", "internal", "confidential", "personal", "sensitive"]


class SensitivityFollows(DataPolicy):
    """A column is classified at least as high as what flows into it, unless its contract says how
    that was reduced and the lineage agrees.

    ``reducedBy`` of a property names the method. ``aggregated``: HAVING proves groups of k rows, or
    ``countedIn`` is a column that counts the rows of each group and is never below k. ``hashed``:
    on every way through keyed_hash(). ``masked``: no more than ``masked_characters`` of a value are
    shown in all columns of all ports together, and the rows show that it merges values:
    ``masked_values`` different ones and more into most of those seen. ``dropped``: it does not flow
    in at all. What lineage does not know of SQL and dbt is reduced in no way. What Python makes has
    no lineage: there the data itself must show that no value came through, nor more than half of
    one in one piece, and no column may hold values of a personal column of an input that nothing
    names as its source.
    """

    minimum: Classification = parameter(
        "internal",
        stricter="earlier",
        order=CLASSIFICATIONS,
        description="from which classification on it holds",
    )
    smallest_group: int = parameter(
        10, stricter="higher", ge=2, description="the smallest k that counts as aggregated"
    )
    masked_characters: int = parameter(
        MASKED_CHARACTERS,
        stricter="lower",
        ge=0,
        description="how many characters of a value a mask may show",
    )
    masked_values: int = parameter(
        3,
        stricter="higher",
        ge=2,
        description="how many different values must stand behind most of those that a mask shows",
    )
    copied_share: float = parameter(
        0.3,
        stricter="lower",
        gt=0,
        le=1,
        description="which share of the values makes what Python made a copy of personal ones",
    )
    copied_values: int = parameter(
        10, stricter="lower", ge=1, description="how many different values do, at the least"
    )
    unknown: Literal["everything", "nothing"] = parameter(
        "everything", description="what a column may hold of which nobody knows the sources"
    )

    def applies(self, product: Product, output: OutputPort, mesh: Mesh) -> bool:  # noqa: ARG002
        """Where something of another product can flow in."""
        return reads_products(product)

    def findings(self, port: StagedPort) -> Iterator[Finding]:
        """One per column that is classified too low."""
        check = _Check(self, port, flows_of(port))
        quiet = []
        for column in port.contract.columns:
            found = list(check.column(column))
            yield from found
            quiet += [] if found else [column]
        yield from check.copied(quiet)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What flows into a column, higher classified than it is, and why that is not reduced."""

    inflow: Inflow
    found: Sensitivity
    why: str


class _Check:
    """One port under the policy."""

    def __init__(self, policy: SensitivityFollows, port: StagedPort, flows: Flows) -> None:
        self.policy = policy
        self.port = port
        self.flows = flows
        self.proof = Proof(port, flows)
        self.annotations = flows.root.annotations[port.name]
        self.file = relative(port.output.contract.path, port.mesh.root)

    def column(self, column: Column) -> Iterator[Finding]:
        """The finding on one column, if there is one."""
        ref = self.flows.ref(self.port.name, column.name)
        reduction = self.annotations.reduced_by(column.name)
        troubles = [
            _Trouble(inflow, found, why)
            for inflow, found in self._higher(ref, column)
            if (why := self._why(column, reduction, inflow)) is not None
        ]
        troubles = troubles or list(self._pieces(ref, column))
        if troubles:
            worst = max(troubles, key=lambda one: one.found.rank)
            yield self._finding(ref, column, reduction, worst, len(troubles) - 1)

    def copied(self, columns: Sequence[Column]) -> Iterator[Finding]:
        """Findings on those of ``columns`` whose sources are a matter of belief, and that hold
        values of a personal column which is none of them."""
        lineage, port = self.flows.root.lineage, self.port.name
        if not lineage.get("assumed"):
            return
        named = {
            column.name: {
                inflow.source
                for inflow in self.flows.inflows(self.flows.ref(port, column.name))
                if not inflow.reason
            }
            for column in columns
        }
        copies = Copies(self.port, self.flows, self.policy.copied_share, self.policy.copied_values)
        for column, copy in copies.find(columns, named, rank(self.policy.minimum)):
            yield self._copied(column, copy)

    def _copied(self, column: Column, copy: Copy) -> Finding:
        word = copy.found.classification
        ref = self.flows.ref(self.port.name, column.name)
        path = tuple(self.flows.url(each) for each in (ref, *copy.found.path))
        return Finding(
            f"'{column.name}' is {column.classification}, and {copy.values:,} of the different "
            f"values in it ({copy.share:.0%}) are values of {path[1]}, which is {word} and which "
            f"nothing names as its source: {' <- '.join(path)}",
            fix=f"write 'classification: {word}' for {column.name}, or leave these values out in "
            "the transform",
            port=self.port.name,
            column=column.name,
            file=self.file,
            line=column.line,
            path=path,
            classification=word,
        )

    def _higher(self, ref: Ref, column: Column) -> Iterator[tuple[Inflow, Sensitivity]]:
        """What flows into ``ref`` and is classified higher than it."""
        for inflow in self.flows.inflows(ref):
            if decides_only(inflow.way) or (inflow.reason and self.policy.unknown == "nothing"):
                continue
            found = self.flows.sensitivity(inflow.source)
            least = max(rank(self.policy.minimum), rank(column.classification) + 1)
            if found.rank >= least and follows(inflow, found):
                yield inflow, found

    def _why(self, column: Column, reduction: Reduction | None, inflow: Inflow) -> str | None:
        """Why ``inflow`` is not reduced as declared; None when it is."""
        if reduction is None:
            return ""
        if inflow.reason and not inflow.assumed:
            return "nobody can tell what is left of it, as lineage does not know its way"
        if reduction.method == "aggregated":
            small = self._small_groups(column, reduction)
            if small is not None:
                return small
        if inflow.assumed:
            policy = self.policy
            return self.proof.on_data(
                column, reduction, inflow, policy.masked_values, policy.copied_share
            )
        counters = self.flows.root.counters(self.port.name, column.name)
        wrong = disagreement(reduction, inflow.way, counters, self.policy.masked_characters)
        if wrong is None and reduction.method == "masked" and is_piece(inflow.way):
            return self.proof.merged(column, inflow, self.policy.masked_values)
        return wrong

    def _small_groups(self, column: Column, reduction: Reduction) -> str | None:
        least = self.policy.smallest_group
        if (reduction.k or 0) < least:
            return f"groups of {reduction.k} rows are declared, and {least} are asked for"
        if reduction.counted_in is None:
            return None
        return self.proof.counted(column, reduction)

    def _pieces(self, ref: Ref, column: Column) -> Iterator[_Trouble]:
        """Pieces of one value in all columns of all ports of the product count together."""
        refs = [
            self.flows.ref(name, other.name)
            for name, output in self.flows.root.outputs.items()
            for other in output.promise.columns
        ]
        least, most = rank(self.policy.minimum), self.policy.masked_characters
        for origin, own in self.flows.pieces.of(ref).items():
            found = self.flows.sensitivity(origin)
            if found.rank < least or found.rank <= rank(column.classification):
                continue
            shown = self.flows.pieces.together(refs, origin)
            total = sum(shown.values())
            if total > most:
                listed = ", ".join(map(self._short, shown))
                why = f"{listed} together show {total} characters of a value, more than {most}"
                first = next(iter(own))
                path = found.path if first == ref else (first, *found.path)
                yield _Trouble(Inflow(first), replace(found, path=path), why)

    def _short(self, ref: Ref) -> str:
        """The name of a column of this port, the URL of another one."""
        same = (ref.key, ref.port) == (self.flows.root.key, self.port.name)
        return ref.column if same else self.flows.url(ref)

    def _finding(
        self, ref: Ref, column: Column, reduction: Reduction | None, worst: _Trouble, more: int
    ) -> Finding:
        flows, found = self.flows, worst.found
        path = tuple(flows.url(each) for each in (ref, *found.path))
        what = f"'{column.name}' is {column.classification}"
        if worst.inflow.reason:
            what += f", and where it comes from is not known ({worst.inflow.reason})"
            came = f"the product reads {found.classification} data"
        else:
            came = f"{found.classification} data flows into it"
            if chooses_only(worst.inflow.way):
                came += " (its order chooses the rows: LIMIT, DISTINCT ON or a place in a window)"
            elif worst.inflow.equal:
                came += " (by a condition that makes the two equal, or compares them)"
            elif str(text(worst.inflow.way)) != "direct":
                came += f" ({text(worst.inflow.way)})"
        others = f", and {more} more" if more else ""
        message = f"{what}; {came}: {' <- '.join(path)}{others}"
        if reduction is not None:
            message += f". It is declared as {reduction.method}, but {worst.why}"
        elif worst.why:
            message += f". {worst.why}"
        if worst.inflow.assumed and not worst.inflow.reason:
            message += " (assumed: what Python does cannot be read)"
        return Finding(
            message,
            fix=self._fix(column, worst, reduction),
            port=self.port.name,
            column=column.name,
            file=self.file,
            line=column.line,
            path=path,
            # What only warns is read, and goes downstream, as what it turned out to be.
            classification=found.classification if self._disproved(reduction) else None,
        )

    def _disproved(self, reduction: Reduction | None) -> bool:
        """Whether the rows may have shown what lineage does not know."""
        return reduction is not None and reduction.method != "aggregated"

    def _fix(self, column: Column, worst: _Trouble, reduction: Reduction | None) -> str:
        classify = f"write 'classification: {worst.found.classification}' for {column.name}"
        if worst.inflow.reason and not worst.inflow.assumed:
            return f"{classify}, or write it in SQL that lineage can follow"
        if reduction is not None:
            return f"{classify}, or make it {reduction.method} in the transform"
        if worst.inflow.assumed:
            named = "name what it is made of (transformSourceObjects: [<input>.<column>])"
            return f"{classify}, or {named}"
        return f"{classify}, or reduce it in the transform and declare how (reducedBy)"
