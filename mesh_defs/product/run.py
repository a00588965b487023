"""One run of one product, step by step."""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from typing import TYPE_CHECKING

from mesh_defs.contract.data import Rows, Staged, Surroundings, Unavailable
from mesh_defs.contract.verdicts import Verdict, blocking
from mesh_defs.contract.verify import verify
from mesh_defs.errors import MeshError, TransformFailed
from mesh_defs.product.inputs import InputData, RunContext
from mesh_defs.product.ledger import Ledger, contract_name
from mesh_defs.product.privacy import (
    as_classified_upstream,
    handles_personal_data,
    without_values,
)
from mesh_defs.product.publish import discard_staged, publish
from mesh_defs.product.quarantine import quarantine
from mesh_defs.product.report import Outcome, PortReport, Progress, RunReport
from mesh_defs.product.resolve import check_unchanged, foreign_relations, resolve_inputs
from mesh_defs.product.staging import Before, PortPlan, Stager, Window
from mesh_defs.product.versioning import Versioner
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from mesh_defs.contract.data import Engine
    from mesh_defs.drivers.compute.duckdb import DuckDBCompute
    from mesh_defs.drivers.storage.protocol import Commit, ProductStore
    from mesh_defs.product.ledger import Record
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
        self.started = time.perf_counter()
        self.steps: dict[str, float] = {}
        self.ledger = Ledger(store)
        self.last, self.version = self.ledger.base(rebuild=rebuild)
        self.inputs: dict[str, Resolved] = {}
        self.expectations: tuple[Verdict, ...] = ()
        self.engines: dict[str, Engine] = {}
        self.plans: dict[str, PortPlan] = {}
        self.dbt_verdicts: dict[str, tuple[Verdict, ...]] = {}
        self.stream_failures: list[TransformFailed] = []
        self.lineage_sql: dict[str, str] = {}
        self.lineage_steps: dict[str, str] = {}

    def execute(self) -> RunReport:
        """Run to the end; see `mesh_defs.product.container.run_product` for what is raised."""
        from mesh_defs.drivers.compute.duckdb import DuckDBCompute

        self.inputs = resolve_inputs(self.mesh.settings, self.product, self.scratch / "inputs")
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
        with closing(DuckDBCompute(self.scratch)) as session:
            self._open(session, relations)
            verdicts = self._promise(session, relations)
            if blocking(v for found in verdicts.values() for v in found):
                where = quarantine(self.store, self.run_id, self.plans, verdicts)
                self._step("quarantined")
                return self._report("failed", verdicts, quarantined=where)
            if not any(plan.changed for plan in self.plans.values()):
                return self._report("unchanged", verdicts)
            record, commits = self._next(session, verdicts)
        self._keep_contracts()
        publish(self.store, record, commits, self._step)
        return self._report("published", verdicts, record=record)

    def _keep_contracts(self) -> None:
        """The contracts as they were read for this run, so that a version explains itself later."""
        for output in self.product.outputs:
            content = output.contract.path.read_bytes()
            digest = output.contract.digest
            if hashlib.sha256(content).hexdigest() != digest:
                raise TransformFailed(
                    f"{output.contract.path.name} changed while the product ran; run it again"
                )
            self.store.put_if_absent(contract_name(digest), content)

    def discard(self) -> None:
        """Remove staged files that no published version, and no decided one, refers to."""
        discard_staged(self.store, [output.name for output in self.product.outputs], self.token)

    def _open(self, session: DuckDBCompute, relations: Mapping[str, Rows | Unavailable]) -> None:
        """Inputs as relations of their names, and nothing else within reach: declared inputs, the
        targets of foreign keys, the product's own ports and its scratch folder."""
        for name, resolved in self.inputs.items():
            session.connection.execute(
                f"CREATE VIEW {quote(name)} AS SELECT * FROM {resolved.rows.sql}"
            )
        readable = [path for resolved in self.inputs.values() for path in resolved.paths]
        readable += [f for rows in relations.values() if isinstance(rows, Rows) for f in rows.files]
        folders = [self.store.port_folder(output.name) for output in self.product.outputs]
        session.lock(readable, folders)

    def _expect(self, session: DuckDBCompute) -> tuple[Verdict, ...]:
        verdicts: list[Verdict] = []
        for port in self.product.inputs:
            rows = self.inputs[port.name].rows
            found = session.connection.execute(f"SELECT 1 FROM {rows.sql} LIMIT 1").fetchone()
            if found is None and not port.allow_empty:
                verdicts.append(_empty(port.name, str(port.source)))
            if port.expectations is not None:
                verdicts += verify(
                    session.connection,
                    as_classified_upstream(self.mesh, port, port.expectations),
                    Staged.only(rows),
                    Surroundings(now=self.now),
                    stage="expectation",
                )
        self._step("expected")
        return tuple(verdicts)

    def _transform(self, session: DuckDBCompute) -> None:
        import duckdb

        before = {output.name: self._before(output) for output in self.product.outputs}
        try:
            queries = self._queries(session)
            rows = {name: resolved.rows for name, resolved in self.inputs.items()}
            stager = Stager(session, self.store, self.token, rows, self.scratch)
            for output in self.product.outputs:
                place = f"mesh://{self.product.identity}/{output.name}"
                try:
                    plan = stager.stage(
                        output, queries[output.name], before[output.name], self.window
                    )
                except duckdb.Error as error:
                    if self.stream_failures:
                        raise self.stream_failures[0] from None
                    raise TransformFailed(f"{place}: {str(error).strip()}") from error
                except TransformFailed:
                    raise
                except MeshError as error:
                    raise TransformFailed(f"{place}: {error}") from error
                self.plans[output.name] = plan
                self._step(f"staged:{output.name}", plan.added_rows)
        except TransformFailed as error:
            if not handles_personal_data(self.mesh, self.product):
                raise
            raise TransformFailed(without_values(str(error), self._names(session))) from None

    def _names(self, session: DuckDBCompute) -> set[str]:
        """Names that an error may quote although the product handles personal data."""
        names = {*self.inputs, *(output.name for output in self.product.outputs)}
        names |= {c.name for output in self.product.outputs for c in output.promise.columns}
        for name in self.inputs:
            described = session.connection.execute(f"DESCRIBE {quote(name)}").fetchall()
            names |= {str(row[0]) for row in described}
        return names

    def _queries(self, session: DuckDBCompute) -> dict[str, str]:
        kind = self.product.transform.kind
        if kind == "dbt":
            from mesh_defs.product.transforms.dbt import dbt_queries

            built = dbt_queries(
                self.mesh, self.product, self.inputs, session.connection, self.scratch, self.now
            )
            self.engines["dbt"] = built.tests
            self.dbt_verdicts = dict(built.verdicts)
            self.lineage_sql = dict(built.compiled)
            self.lineage_steps = dict(built.intermediate)
            return dict(built.queries)
        if kind == "sql":
            from mesh_defs.product.transforms.sql import sql_queries

            queries = sql_queries(self.product, session.connection, self.mesh.root)
            self.lineage_sql = dict(queries)
            return queries
        from mesh_defs.product.transforms.python import python_queries

        data = {
            name: InputData(name, resolved.record, session.connection)
            for name, resolved in self.inputs.items()
        }
        context = RunContext(self.now, self.run_id, str(self.product.url), session.connection)
        quiet = handles_personal_data(self.mesh, self.product)
        python = python_queries(self.product, data, context, self.mesh.root, quiet=quiet)
        self.stream_failures = python.failures
        return dict(python.queries)

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

    def _promise(
        self, session: DuckDBCompute, foreign: Mapping[str, Rows | Unavailable]
    ) -> dict[str, tuple[Verdict, ...]]:
        relations = dict(foreign)
        main = self.product.main_port
        for name, plan in self.plans.items():
            whole = plan.staged().whole
            relations[name] = whole
            relations[str(self.product.url.with_port(name))] = whole
            if name == main:
                relations[str(self.product.url)] = whole
        engines = dict(self.engines)
        found: dict[str, tuple[Verdict, ...]] = {}
        for name, plan in self.plans.items():
            promise = plan.port.promise
            if any(getattr(rule, "engine", None) == "greatExpectations" for rule in promise.rules):
                from mesh_defs.contract.engines.great_expectations import GreatExpectations

                engines["greatExpectations"] = GreatExpectations(promise.personal_columns)
            promised = verify(
                session.connection,
                promise,
                plan.staged(),
                Surroundings(relations=relations, engines=engines, now=self.now),
            )
            found[name] = (*promised, *self.dbt_verdicts.get(name, ()))
            self._step(f"verified:{name}", plan.rows)
        return found

    def _next(
        self, session: DuckDBCompute, verdicts: Mapping[str, tuple[Verdict, ...]]
    ) -> tuple[Record, dict[str, Commit]]:
        from mesh_defs.product.lineage import run_lineage

        lineage = run_lineage(
            self.product,
            self.mesh,
            session.connection,
            self.lineage_sql,
            self.lineage_steps if self.product.transform.kind == "dbt" else None,
            self.last.lineage if self.last is not None else None,
        )
        read = {name: resolved.record for name, resolved in self.inputs.items()}
        versioner = Versioner(
            self.product, self.store, self.run_id, read, self.last, self.version, self.rebuild
        )
        return versioner.next(
            self.plans, verdicts, self.expectations, self.steps, lineage, session.connection
        )

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
            ports=ports,
            steps=dict(self.steps),
            record=record,
            quarantine=quarantined,
        )

    def _step(self, name: str, rows: int | None = None) -> None:
        elapsed = time.perf_counter() - self.started
        self.steps[name] = round(elapsed - sum(self.steps.values()), 6)
        self.observer(Progress(self.product.identity, name, elapsed, rows))


def _empty(name: str, source: str) -> Verdict:
    return Verdict(
        rule="not_empty",
        subject=name,
        stage="expectation",
        outcome="failed",
        severity="error",
        dimension="coverage",
        expected="at least one row (or 'allow_empty: true' in the manifest)",
        observed=f"no row in {source}",
        decided_by="query",
        failing_rows=0,
        rows=0,
    )
