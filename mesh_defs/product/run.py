"""One run of one product, step by step."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Rows, Unavailable
from mesh_defs.contract.verdicts import Verdict, blocking
from mesh_defs.errors import MeshError, TransformFailed
from mesh_defs.policy.evaluate import declared_verdicts
from mesh_defs.product.attest.attest import attested, staged_paths
from mesh_defs.product.attest.digests import Hashing
from mesh_defs.product.attest.keys import signing_key
from mesh_defs.product.described.describe import described
from mesh_defs.product.failures import told
from mesh_defs.product.flows import run_flows
from mesh_defs.product.govern import Circumstances, Governed, govern
from mesh_defs.product.inputs import bind
from mesh_defs.product.judge import expectations, promises
from mesh_defs.product.kept_contracts import keep_contracts
from mesh_defs.product.ledger import Ledger, recent
from mesh_defs.product.make import Made, make
from mesh_defs.product.privacy import handles_personal_data, quiet_expectations
from mesh_defs.product.publish import discard_staged, publish
from mesh_defs.product.quarantine import quarantine
from mesh_defs.product.report import Outcome, PortReport, Progress, RunReport
from mesh_defs.product.resolve import check_unchanged, foreign_relations, resolve_inputs
from mesh_defs.product.staging import Before, PortPlan, Stager, Window
from mesh_defs.product.versioning import Versioner, announces

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from mesh_defs.drivers.compute.duckdb import DuckDBCompute
    from mesh_defs.drivers.storage.protocol import Commit, ProductStore
    from mesh_defs.product.attest.keys import SigningKey
    from mesh_defs.product.ledger import Record
    from mesh_defs.product.lineage.record import Lineage
    from mesh_defs.product.model import Mesh, OutputPort, Product
    from mesh_defs.product.report import Observer
    from mesh_defs.product.resolve import Resolved


class Run:
    """The state of one run. The caller holds the product's lock and calls `execute` once."""

    def __init__(
        self,
        mesh: Mesh,
        product: Product,
        store: ProductStore,
        run_id: str,
        token: str,
        now: datetime,
        scratch: Path,
        observer: Observer,
        *,
        window: Window | None,
        rebuild: bool,
    ) -> None:
        self.mesh = mesh
        self.product = product
        self.store = store
        self.run_id = run_id
        self.token = token
        self.now = now
        self.scratch = scratch
        self.observer = observer
        self.window = window
        self.rebuild = rebuild
        # Whether an engine's errors may quote what nobody may see.
        self.private = handles_personal_data(mesh, product)
        self.started = time.perf_counter()
        self.steps: dict[str, float] = {}
        self.ledger = Ledger(store)
        self.last, self.version = self.ledger.base(rebuild=rebuild)
        self.inputs: dict[str, Resolved] = {}
        self.declared: tuple[Verdict, ...] = ()
        self.expectations: tuple[Verdict, ...] = ()
        self.made = Made({})
        self.plans: dict[str, PortPlan] = {}
        self.governed = Governed({})
        self.circumstances: Circumstances

    def execute(self) -> RunReport:
        """Run to the end; see `mesh_defs.product.container.run_product` for what is raised."""
        from mesh_defs.drivers.compute.duckdb import DuckDBCompute

        self.declared = declared_verdicts(self.mesh, self.product, self.now)
        if blocking(self.declared):
            return self._report("failed", {})
        key = signing_key(self.mesh.settings)
        self.inputs = resolve_inputs(
            self.mesh.settings, self.product, self.scratch / "inputs", private=self.private
        )
        self._step("resolved")
        relations = foreign_relations(self.mesh.settings, self.product, self.inputs)
        with closing(DuckDBCompute(self.scratch)) as session:
            self._open(session, {})
            self.expectations = self._expect(session)
            if blocking(self.expectations):
                return self._report("failed", {})
            self._transform(session)
        check_unchanged(self.mesh.settings, self.product, self.inputs)
        # A connection that no code of the product has ever used, so that nothing of it (a macro, a
        # setting, a table of a builtin's name) can bend what is verified.
        # What is verified is hashed at the same time, while it is in memory.
        hashing = Hashing(staged_paths(self.plans))
        with hashing, closing(DuckDBCompute(self.scratch)) as session:
            self._open(session, relations)
            verdicts, lineage = self._judge(session, relations)
            if blocking(v for found in verdicts.values() for v in found):
                where = quarantine(self.store, self.run_id, self.plans, verdicts)
                self._step("quarantined")
                return self._report("failed", verdicts, quarantined=where)
            changed = any(plan.changed for plan in self.plans.values())
            if not changed and not announces(self.product, self.last):
                return self._report("unchanged", verdicts)
            record, commits = self._next(session, verdicts, lineage)
            documents = self._described(session, record, key, hashing)
        keep_contracts(self.product, self.store)
        publish(self.store, record, commits, self._step, documents)
        return self._report("published", verdicts, record=record)

    def discard(self) -> None:
        """Remove staged files that no published version, and no decided one, refers to."""
        discard_staged(self.store, [output.name for output in self.product.outputs], self.token)

    def _open(self, session: DuckDBCompute, relations: Mapping[str, Rows | Unavailable]) -> None:
        """Inputs as relations of their names, and nothing else within reach: declared inputs, the
        targets of foreign keys, the product's own ports and its scratch folder."""
        for name, resolved in self.inputs.items():
            bind(session.connection, self.product, name, resolved, private=self.private)
        folders = [self.store.port_folder(output.name) for output in self.product.outputs]
        session.lock(self._readable(relations), folders)

    def _readable(self, relations: Mapping[str, Rows | Unavailable]) -> list[str]:
        readable = [path for resolved in self.inputs.values() for path in resolved.paths]
        readable += [f for rows in relations.values() if isinstance(rows, Rows) for f in rows.files]
        return readable

    def _expect(self, session: DuckDBCompute) -> tuple[Verdict, ...]:
        found = expectations(self.mesh, self.product, self.inputs, session.connection, self.now)
        self._step("expected")
        return found

    def _transform(self, session: DuckDBCompute) -> None:
        before = {output.name: self._before(output) for output in self.product.outputs}
        self.made = make(
            self.mesh,
            self.product,
            self.inputs,
            session.connection,
            self.scratch,
            self.run_id,
            self.now,
        )
        rows = {name: resolved.rows for name, resolved in self.inputs.items()}
        stager = Stager(session, self.store, self.token, rows, self.scratch)
        for output in self.product.outputs:
            plan = self._stage(stager, output, before[output.name])
            self.plans[output.name] = plan
            self._step(f"staged:{output.name}", plan.added_rows)

    def _stage(self, stager: Stager, output: OutputPort, before: Before | None) -> PortPlan:
        import duckdb

        place = f"mesh://{self.product.identity}/{output.name}"
        query = self.made.queries[output.name]
        try:
            return stager.stage(output, query, before, self.window)
        except TransformFailed:
            raise
        except (duckdb.Error, MeshError) as error:
            if self.made.failures and isinstance(error, duckdb.Error):
                raise self.made.failures[0] from None
            if not self.private:
                raise TransformFailed(f"{place}: {str(error).strip()}") from error
            said = told(self.product, output, self.mesh.root, query, error)
            raise TransformFailed(f"{place}: {said}") from None

    def _before(self, output: OutputPort) -> Before | None:
        if self.last is None or self.rebuild or output.name not in self.last.ports:
            return None
        if output.mode == "snapshot":
            return None
        record = self.last.ports[output.name]
        if record.continues not in ("", output.continues):
            raise TransformFailed(
                f"mesh://{self.product.identity}/{output.name} was published as {record.continues} "
                f"and is now {output.continues}, which cannot go on from there: publish everything "
                "again with --rebuild"
            )
        files = self.store.table_files(output.name, record.table_version)
        trusted = record.contract_digest == output.contract.digest
        return Before(record, tuple(files), trusted)

    def _lineage(self, session: DuckDBCompute) -> Lineage:
        from mesh_defs.product.lineage import run_lineage

        return run_lineage(
            self.product,
            self.mesh,
            session.connection,
            self.made.compiled,
            self.made.steps,
            self.last.lineage if self.last is not None and not self.rebuild else None,
            [name for name, plan in self.plans.items() if plan.kept or plan.rewritten],
        )

    def _judge(
        self, session: DuckDBCompute, relations: Mapping[str, Rows | Unavailable]
    ) -> tuple[dict[str, tuple[Verdict, ...]], Lineage]:
        """The verdicts on what was staged, port by port: promises first, then policies."""
        promised = promises(
            self.product,
            self.plans,
            self.made,
            relations,
            session.connection,
            self.now,
            lambda port, plan: self._step(f"verified:{port}", plan.rows),
        )
        lineage = self._lineage(session)
        read = {name: resolved.record for name, resolved in self.inputs.items()}
        self.circumstances = Circumstances(
            self.now,
            recent(self.ledger),
            lineage,
            run_flows(self.mesh, self.product, read, lineage),
            relations,
            self.window,
            lambda: time.perf_counter() - self.started,
        )
        found = govern(
            self.mesh,
            self.product,
            self.plans,
            promised,
            session.connection,
            self.circumstances,
            lambda port, plan: self._step(f"governed:{port}", plan.rows),
        )
        self.governed = found
        self.expectations = quiet_expectations(
            self.product, self.expectations, found.turned_out, lineage
        )
        return dict(found.verdicts), lineage

    def _next(
        self,
        session: DuckDBCompute,
        verdicts: Mapping[str, tuple[Verdict, ...]],
        lineage: Lineage,
    ) -> tuple[Record, dict[str, Commit]]:
        recorded = {
            name: (*found, *(v for v in self.declared if v.subject == name))
            for name, found in verdicts.items()
        }
        read = {name: resolved.record for name, resolved in self.inputs.items()}
        versioner = Versioner(
            self.product,
            self.store,
            self.run_id,
            read,
            self.last,
            self.version,
            self.rebuild,
            self.mesh.settings.environment,
        )
        return versioner.next(
            self.plans,
            recorded,
            self.expectations,
            self.steps,
            lineage,
            self.governed.profiles,
            self.governed.turned_out,
            session.connection,
        )

    def _described(
        self, session: DuckDBCompute, record: Record, key: SigningKey, hashing: Hashing
    ) -> dict[str, str]:
        """The documents that tell of the next version."""
        found = described(
            self.mesh,
            self.product,
            self.store,
            self.plans,
            record,
            self.governed,
            self.circumstances,
            session.connection,
        )
        signed = attested(
            self.mesh, self.product, self.store, self.plans, record, self.last, found, key, hashing
        )
        self._step("described")
        return found | signed

    def _report(
        self,
        outcome: Outcome,
        verdicts: Mapping[str, tuple[Verdict, ...]],
        *,
        record: Record | None = None,
        quarantined: str | None = None,
    ) -> RunReport:
        ports = {
            name: PortReport(
                rows=plan.rows,
                added_rows=plan.added_rows,
                bytes=plan.bytes,
                verdicts=verdicts.get(name, ()),
                table_version=record.ports[name].table_version if record else None,
            )
            for name, plan in self.plans.items()
        }
        published = record or self.last
        return RunReport(
            product=self.product.identity,
            run_id=self.run_id,
            outcome=outcome,
            version=published.version if published else None,
            seconds=time.perf_counter() - self.started,
            inputs={name: resolved.record for name, resolved in self.inputs.items()},
            expectations=self.expectations,
            policies=self.declared,
            ports=ports,
            steps=dict(self.steps),
            record=record,
            quarantine=quarantined,
        )

    def _step(self, name: str, rows: int | None = None) -> None:
        elapsed = time.perf_counter() - self.started
        self.steps[name] = round(elapsed - sum(self.steps.values()), 6)
        self.observer(Progress(self.product.identity, name, elapsed, rows))
