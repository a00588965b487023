"""The plan itself: compare, follow downstream, build what can be built, ask the consumers."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mesh_defs.contract.expect import as_classified, expect
from mesh_defs.contract.verdicts import blocking
from mesh_defs.errors import MeshError, UnknownAddress
from mesh_defs.faults import did_you_mean
from mesh_defs.policy.compatibility.compare import compare_interfaces
from mesh_defs.policy.compatibility.declared import declared_interface
from mesh_defs.policy.compatibility.model import Comparison
from mesh_defs.processes import identity as process_identity
from mesh_defs.product.container import work_folder
from mesh_defs.product.graph import build_order
from mesh_defs.product.plan.baseline import published_baseline, revision_baseline
from mesh_defs.product.plan.consumers import Downstream
from mesh_defs.product.plan.model import Build, Plan, ProductPlan, Unmet
from mesh_defs.product.plan.readers import Grants, HeldOn, nobody
from mesh_defs.product.plan.rehearse import rehearse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mesh_defs.product.model import InputPort, Mesh, OutputPort, Product
    from mesh_defs.product.plan.baseline import Baseline
    from mesh_defs.product.plan.model import State, Touched
    from mesh_defs.product.plan.rehearse import Rehearsed
    from mesh_defs.product.report import Observer

_PREFIX = "plan"
# Changes after which published rows cannot stay beside new ones.
_RESHAPING = frozenset(
    ["column added", "column removed", "column renamed", "order", "type", "mode", "port added"]
)


def make_plan(
    mesh: Mesh,
    *,
    only: Sequence[str] = (),
    against: str | None = None,
    build: bool = True,
    tell: Callable[[str], None],
    observer: Observer,
    held: HeldOn = nobody,
) -> Plan:
    """Compare the working tree with what is published, or with the git revision ``against``.

    ``only`` limits the answer to these products (``<domain>/<product>``; all when empty).
    ``build`` tells whether new versions are built, without being published, so that consumers'
    expectations can be run on them. ``tell`` hears what happens now; ``held`` gives the access
    grants in force on a port. Raises `UnknownAddress` for an unknown product, `NoRevision` and
    other `MeshError`s when there is nothing to compare with.
    """
    if against is None:
        baseline = published_baseline(mesh, tell)
    else:
        baseline = revision_baseline(mesh, against, tell)
    names = sorted({*mesh.products, *mesh.broken, *baseline.products})
    _check_known(only, names)
    wanted = [name for name in names if not only or name in only]
    compared = [_compared(mesh, baseline, name) for name in wanted]
    changed = [plan for plan in compared if plan.state != "unchanged"]
    tell("following the changes downstream")
    downstream = Downstream(mesh, baseline.interfaces)
    grants = Grants(mesh, held)
    found = {p.identity: _touching(p, downstream, grants, baseline) for p in changed}
    if build:
        found = _Rehearsals(mesh, baseline, downstream, found, tell, observer).asked()
    return Plan(baseline.name, tuple(found.values()), len(compared) - len(changed))


def _check_known(only: Sequence[str], names: Sequence[str]) -> None:
    for name in only:
        if name not in names:
            raise UnknownAddress(
                f"no product mesh://{name}, neither here nor in what it is compared with. "
                f"Fix: {did_you_mean(f'mesh://{name}', [f'mesh://{known}' for known in names])}"
            )


def _touching(
    plan: ProductPlan, downstream: Downstream, grants: Grants, baseline: Baseline
) -> ProductPlan:
    before = baseline.interfaces.get(plan.identity)
    return replace(
        plan,
        touched=downstream.touched(plan.identity, plan.comparison),
        holders=grants.holders(plan.identity, plan.comparison, before),
    )


def _compared(mesh: Mesh, baseline: Baseline, identity: str) -> ProductPlan:
    broken = mesh.broken.get(identity)
    if broken is not None:
        problem = f"it is broken, mend it first (mesh check): {broken.faults[0]}"
        return ProductPlan(identity, "broken", problem=problem)
    if identity in baseline.problems:
        return ProductPlan(identity, "unknown", problem=baseline.problems[identity])
    product, before = mesh.products.get(identity), baseline.interfaces.get(identity)
    after = declared_interface(product) if product is not None else None
    comparison = compare_interfaces(before, after)
    return ProductPlan(identity, _state(product, baseline, identity, comparison), comparison)


def _state(
    product: Product | None, baseline: Baseline, identity: str, comparison: Comparison
) -> State:
    if identity not in baseline.interfaces:
        return "new"
    if product is None:
        return "removed"
    if comparison.ports or comparison.shortfalls:
        return "changed"
    if comparison.version_before != comparison.version_after:
        return "changed"
    return "unchanged" if identity in baseline.same else "code"


class _Rehearsals:
    """Builds the new versions whose consumers expect something, and asks these."""

    def __init__(
        self,
        mesh: Mesh,
        baseline: Baseline,
        downstream: Downstream,
        plans: Mapping[str, ProductPlan],
        tell: Callable[[str], None],
        observer: Observer,
    ) -> None:
        self.mesh = mesh
        self.baseline = baseline
        self.downstream = downstream
        self.plans = dict(plans)
        self.tell = tell
        self.observer = observer
        self.done: dict[str, Rehearsed] = {}

    def asked(self) -> dict[str, ProductPlan]:
        """The plans with their builds, and with what consumers say of these."""
        chosen = self._chosen()
        if not chosen:
            return self.plans
        with _folder(self.mesh) as folder:
            for product in chosen:
                self.tell(f"building mesh://{product.identity} without publishing it")
                self._build(product, folder)
                if product.identity in self.done:
                    self._ask(product, folder)
        return self.plans

    def _chosen(self) -> list[Product]:
        """The changed products with a consumer that expects something, and the changed ones that
        they read, in the order in which they can be built."""
        able = [p for name, p in self.mesh.products.items() if name in self.plans]
        needed = {product.identity for product in able if self._expecting(product)}
        ordered = build_order(able)
        for product in reversed(ordered):
            if product.identity in needed:
                needed |= {url.identity for url in product.upstream()}
        return [product for product in ordered if product.identity in needed]

    def _expecting(self, product: Product) -> bool:
        return any(
            reads.expectations is not None
            for output in product.outputs
            for _, reads in self.downstream.direct(product.identity, output.name)
        )

    def _build(self, product: Product, folder: Path) -> None:
        plan = self.plans[product.identity]
        rebuild = any(change.kind in _RESHAPING for change in plan.comparison.changes) and any(
            output.mode != "snapshot" for output in product.outputs
        )
        try:
            made = rehearse(
                self.mesh,
                product,
                folder,
                upstream=self.done,
                rebuild=rebuild,
                observer=self.observer,
            )
        except MeshError as error:
            reason = self.mesh.settings.redact(str(error))
            build = Build("failed", 0.0, reason=reason, rebuild=rebuild)
        else:
            self.done[product.identity] = made
            stopping = tuple(blocking(made.verdicts))
            build = Build(
                "refused" if stopping else "built",
                made.seconds,
                made.counts,
                stopping,
                rebuild=rebuild,
            )
        self.plans[product.identity] = replace(plan, build=build)

    def _ask(self, product: Product, folder: Path) -> None:
        """Run the expectations of the product's consumers on its new version."""
        answers: dict[str, list[Unmet]] = {}
        for output in product.outputs:
            for consumer, reads in self.downstream.direct(product.identity, output.name):
                found = self._unmet(product, output, reads, folder)
                if found or reads.expectations is not None:
                    answers.setdefault(consumer.identity, []).extend(found)
        plan = self.plans[product.identity]
        touched = [
            replace(t, unmet=tuple(answers.pop(t.product))) if t.product in answers else t
            for t in plan.touched
        ]
        touched += [
            self._broken_only(product, name, found) for name, found in answers.items() if found
        ]
        self.plans[product.identity] = replace(plan, touched=tuple(touched))

    def _unmet(
        self, product: Product, output: OutputPort, reads: InputPort, folder: Path
    ) -> list[Unmet]:
        from mesh_defs.drivers.compute.duckdb import DuckDBCompute

        rows = self.done[product.identity].rows[output.name]
        expected = reads.expectations
        if expected is not None:
            expected = as_classified(expected, output.promise.columns)
        with closing(DuckDBCompute(folder / "asked")) as session:
            session.lock(rows.files, [])
            verdicts = expect(
                session.connection,
                reads.name,
                str(reads.source),
                expected,
                rows,
                datetime.now(UTC),
                allow_empty=reads.allow_empty,
            )
        return [Unmet(reads.name, verdict) for verdict in blocking(verdicts)]

    def _broken_only(self, product: Product, consumer: str, unmet: list[Unmet]) -> Touched:
        """A consumer that no change of the contract reaches, and whose expectations break all the
        same."""
        from mesh_defs.product.plan.model import Touched

        reader = self.mesh.products.get(consumer)
        return Touched(
            product=consumer,
            owner=reader.manifest.owner if reader is not None else "unknown",
            distance=1,
            how="expects",
            reason="expects what the new version does not have",
            columns=tuple(sorted({u.verdict.column for u in unmet if u.verdict.column})),
            ways=((f"mesh://{product.identity}", f"mesh://{consumer}"),),
            unmet=tuple(unmet),
        )


@contextmanager
def _folder(mesh: Mesh) -> Iterator[Path]:
    """A folder for new files. Those of plans whose process died are removed."""
    work = work_folder(mesh)
    for left in work.glob(f"{_PREFIX}-*"):
        number = left.name.split("-")[1]
        if number.isdecimal() and process_identity(int(number)) is None:
            shutil.rmtree(left, ignore_errors=True)
    folder = work / f"{_PREFIX}-{os.getpid()}-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
