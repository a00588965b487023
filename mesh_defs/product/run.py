"""One run of one product, step by step."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from mesh_defs.contract.data import Rows, Staged, Surroundings, Unavailable
from mesh_defs.contract.verdicts import Verdict, blocking
from mesh_defs.contract.verify import verify
from mesh_defs.drivers.registry import COMPUTES, load
from mesh_defs.drivers.storage.protocol import Commit
from mesh_defs.errors import MeshError, TransformFailed
from mesh_defs.product.code import PYTHON_FILE
from mesh_defs.product.inputs import InputData, RunContext
from mesh_defs.product.ledger import Ledger, PortRecord, Record
from mesh_defs.product.publish import INTENTS, publish
from mesh_defs.product.quarantine import quarantine
from mesh_defs.product.report import Outcome, PortReport, Progress, RunReport
from mesh_defs.product.resolve import foreign_relations, resolve_inputs
from mesh_defs.product.staging import Before, PortPlan, Stager, Window
from mesh_defs.sql import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.contract.data import Engine
    from mesh_defs.drivers.compute.protocol import Compute
    from mesh_defs.drivers.storage.protocol import ProductStore
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
        self.now = now
        self.scratch = scratch
        self.observer = observer
        self.window = window
        self.rebuild = rebuild
        self.started = time.perf_counter()
        self.steps: dict[str, float] = {}
        self.ledger = Ledger(store)
        self.last = self.ledger.latest()
        self.inputs: dict[str, Resolved] = {}
        self.expectations: tuple[Verdict, ...] = ()
        self.engines: dict[str, Engine] = {}
        self.plans: dict[str, PortPlan] = {}
        self.dbt_verdicts: dict[str, tuple[Verdict, ...]] = {}
        self.lineage_sql: dict[str, str] = {}
        self.lineage_steps: dict[str, str] = {}

    def execute(self) -> RunReport:
        """Run to the end; see `mesh_defs.product.container.run_product` for what is raised."""
        driver = load(COMPUTES, self.product.outputs[0].compute)
        compute = cast("Compute", driver(self.scratch))
        try:
            self.inputs = self._resolve(compute)
            self.expectations = self._expect(compute)
            if blocking(self.expectations):
                return self._report("failed", {})
            self._transform(compute)
            verdicts = self._promise(compute)
            if blocking(v for found in verdicts.values() for v in found):
                where = quarantine(self.store, self.run_id, self.plans, verdicts)
                self._step("quarantined")
                return self._report("failed", verdicts, quarantined=where)
            if not any(plan.changed for plan in self.plans.values()):
                return self._report("unchanged", verdicts)
            record, commits = self._record(compute, verdicts)
        finally:
            compute.close()
        publish(self.store, record, commits, self._step)
        return self._report("published", verdicts, record=record)

    def discard(self) -> None:
        """Remove staged files that no decided publish refers to."""
        latest = self.ledger.latest()
        if self.store.names(INTENTS) or (latest is not None and latest.run_id == self.run_id):
            return
        for output in self.product.outputs:
            for file in self.store.port_folder(output.name).glob(f"{self.run_id}-*.parquet"):
                file.unlink(missing_ok=True)

    def _resolve(self, compute: Compute) -> dict[str, Resolved]:
        inputs = resolve_inputs(self.mesh.settings, self.product, compute.connection)
        for name, resolved in inputs.items():
            compute.connection.execute(
                f"CREATE VIEW {quote(name)} AS SELECT * FROM {resolved.rows.sql}"
            )
        self._step("resolved")
        return inputs

    def _expect(self, compute: Compute) -> tuple[Verdict, ...]:
        verdicts: list[Verdict] = []
        for port in self.product.inputs:
            rows = self.inputs[port.name].rows
            found = compute.connection.execute(f"SELECT 1 FROM {rows.sql} LIMIT 1").fetchone()
            if found is None and not port.allow_empty:
                verdicts.append(_empty(port.name, str(port.source)))
            if port.expectations is not None:
                verdicts += verify(
                    compute.connection,
                    port.expectations,
                    Staged.only(rows),
                    Surroundings(now=self.now),
                    stage="expectation",
                )
        self._step("expected")
        return tuple(verdicts)

    def _transform(self, compute: Compute) -> None:
        import duckdb

        relations = foreign_relations(self.mesh.settings, self.product, self.inputs)
        before = {output.name: self._before(output) for output in self.product.outputs}
        queries = self._queries(compute, relations, before)
        stager = Stager(compute, self.store, self.run_id)
        for output in self.product.outputs:
            query = queries[output.name]
            try:
                plan = stager.stage(output, query, before[output.name], self.window)
            except duckdb.Error as error:
                raise TransformFailed(self._failure(output.name, error)) from error
            except MeshError as error:
                raise TransformFailed(
                    f"mesh://{self.product.identity}/{output.name}: {error}"
                ) from error
            self.plans[output.name] = plan
            self._step(f"staged:{output.name}", sum(file.rows for file in plan.written))
        self.relations = relations

    def _queries(
        self,
        compute: Compute,
        relations: Mapping[str, Rows | Unavailable],
        before: Mapping[str, Before | None],
    ) -> dict[str, str]:
        kind = self.product.transform.kind
        if kind == "dbt":
            from mesh_defs.product.transform_dbt import dbt_queries

            built = dbt_queries(
                self.mesh, self.product, self.inputs, compute.connection, self.scratch, self.now
            )
            self.engines["dbt"] = built.tests
            self.dbt_verdicts = dict(built.verdicts)
            self.lineage_sql = dict(built.compiled)
            self.lineage_steps = dict(built.intermediate)
            self._lock(compute, relations, before, built.paths)
            return dict(built.queries)
        self._lock(compute, relations, before, ())
        if kind == "sql":
            from mesh_defs.product.transform_sql import sql_queries

            queries = sql_queries(self.product, compute.connection, self.mesh.root)
            self.lineage_sql = dict(queries)
            return queries
        from mesh_defs.product.transform_python import python_queries

        data = {
            name: InputData(name, resolved.record, compute.connection)
            for name, resolved in self.inputs.items()
        }
        context = RunContext(self.now, self.run_id, str(self.product.url), compute.connection)
        return python_queries(self.product, data, context, self.mesh.root)

    def _lock(
        self,
        compute: Compute,
        relations: Mapping[str, Rows | Unavailable],
        before: Mapping[str, Before | None],
        paths: tuple[str, ...],
    ) -> None:
        """A product reaches its declared inputs, the targets of its foreign keys, its own ports."""
        readable = [path for resolved in self.inputs.values() for path in resolved.paths]
        readable += [f for rows in relations.values() if isinstance(rows, Rows) for f in rows.files]
        for name, old in before.items():
            if old is not None:
                readable += [str(self.store.port_folder(name) / f.path) for f in old.files]
        folders = [self.store.port_folder(output.name) for output in self.product.outputs]
        compute.lock([*readable, *paths], folders)

    def _before(self, output: OutputPort) -> Before | None:
        if self.last is None or self.rebuild or output.name not in self.last.ports:
            return None
        if output.mode == "snapshot":
            return None
        record = self.last.ports[output.name]
        files = self.store.table_files(output.name, record.table_version)
        trusted = record.contract_digest == output.contract.digest
        return Before(record, tuple(files), trusted)

    def _failure(self, port: str, error: Exception) -> str:
        if self.product.transform.kind == "python":
            return f"mesh://{self.product.identity}: {PYTHON_FILE}: {str(error).strip()}"
        return f"mesh://{self.product.identity}/{port}: {str(error).strip()}"

    def _promise(self, compute: Compute) -> dict[str, tuple[Verdict, ...]]:
        relations = dict(self.relations)
        for name, plan in self.plans.items():
            whole = plan.staged().whole
            relations[name] = whole
            relations[str(self.product.url.with_port(name))] = whole
        if len(self.plans) == 1:
            relations[str(self.product.url)] = next(iter(relations.values()))
        engines = dict(self.engines)
        found: dict[str, tuple[Verdict, ...]] = {}
        for name, plan in self.plans.items():
            promise = plan.port.promise
            if any(getattr(rule, "engine", None) == "greatExpectations" for rule in promise.rules):
                from mesh_defs.contract.engines.great_expectations import GreatExpectations

                engines["greatExpectations"] = GreatExpectations(promise.personal_columns)
            promised = verify(
                compute.connection,
                promise,
                plan.staged(),
                Surroundings(relations=relations, engines=engines, now=self.now),
            )
            found[name] = (*promised, *self.dbt_verdicts.get(name, ()))
            self._step(f"verified:{name}", plan.rows)
        return found

    def _record(
        self, compute: Compute, verdicts: Mapping[str, tuple[Verdict, ...]]
    ) -> tuple[Record, dict[str, Commit]]:
        version = 0 if self.last is None else self.last.version + 1
        published_at = datetime.now(UTC).isoformat(timespec="microseconds")
        ports: dict[str, PortRecord] = {}
        commits: dict[str, Commit] = {}
        for name, plan in self.plans.items():
            table = self._table_version(name)
            if plan.changed and plan.staged_files:
                commits[name] = self._commit(plan, table + 1, version, published_at)
                table += 1
            actual = self._actual(compute, plan)
            ports[name] = PortRecord(
                table_version=table,
                rows=plan.rows,
                added_rows=sum(file.rows for file in plan.written),
                bytes=plan.bytes,
                files=len(plan.staged_files) + len(plan.kept),
                contract_id=plan.port.contract.id,
                contract_version=plan.port.contract.version,
                contract_digest=plan.port.contract.digest,
                verdicts=verdicts[name],
                cursor=plan.cursor,
                actual_from=actual[0],
                actual_to=actual[1],
                changed=plan.changed,
            )
        record = Record(
            version=version,
            run_id=self.run_id,
            published_at=published_at,
            product_version=self.product.manifest.version,
            digest=self.product.digest,
            inputs={name: resolved.record for name, resolved in self.inputs.items()},
            ports=ports,
            expectations=self.expectations,
            seconds=dict(self.steps),
            lineage=self._lineage(compute),
        )
        return record, commits

    def _lineage(self, compute: Compute) -> Mapping[str, object]:
        from mesh_defs.product.lineage import run_lineage

        return run_lineage(
            self.product,
            self.mesh,
            compute.connection,
            self.lineage_sql,
            self.lineage_steps if self.product.transform.kind == "dbt" else None,
            self.last.lineage if self.last is not None else None,
        )

    def _table_version(self, port: str) -> int:
        """The version of the port's table that the ledger knows, or what is there without one."""
        if self.last is not None and port in self.last.ports and not self.rebuild:
            return self.last.ports[port].table_version
        found = self.store.table_version(port)
        return -1 if found is None else found

    def _commit(self, plan: PortPlan, table_version: int, version: int, at: str) -> Commit:
        schema, adds = self.store.prepare(plan.port.name, plan.staged_files)
        contract = plan.port.contract
        return Commit(
            version=table_version,
            schema=schema,
            adds=tuple(adds),
            removes=plan.removed,
            overwrite=plan.overwrite,
            info={
                "run_id": self.run_id,
                "product": str(self.product.url),
                "product_version": self.product.manifest.version,
                "version": version,
                "published_at": at,
                "inputs": {
                    name: r.record.version if r.record.version is not None else r.record.fingerprint
                    for name, r in self.inputs.items()
                },
                "contract": {
                    "id": contract.id,
                    "version": contract.version,
                    "digest": contract.digest,
                },
            },
        )

    def _actual(self, compute: Compute, plan: PortPlan) -> tuple[str | None, str | None]:
        """First and last value of the column that tells the data's own time; metadata decides."""
        column = plan.port.actual_time or plan.port.cursor or plan.port.by
        declared = plan.port.promise.column(column) if column else None
        if column is None or declared is None or declared.logical_type not in ("date", "timestamp"):
            return None, None
        name = quote(column)
        row = compute.connection.execute(
            f"SELECT min({name})::VARCHAR, max({name})::VARCHAR FROM {plan.staged().whole.sql}"
        ).fetchone()
        return (row[0], row[1]) if row else (None, None)

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
                added_rows=sum(file.rows for file in plan.written),
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
